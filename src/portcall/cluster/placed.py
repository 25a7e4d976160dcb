"""What was placed a moment ago: sessions that a server's record cannot tell of yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from portcall.clock import Clock
from portcall.model.roster import Roster

FORGET = 120.0  # seconds after which a session that never came up counts no more
_MEMORY = 512 * 1024 * 1024  # bytes that a session will take, until its server says what it really takes


@dataclass
class _Entry:
    server_id: str
    at: float
    arrived: float = 0.0
    running: float = 0.0


class Placed:
    """Puts records into the roster as functions and policies are to see them.

    ``sessions`` counts a session from the moment it is placed; ``pending`` does not count it a second time; ``freemem``
    is less by what it will take; ``lastPlaced`` says when that was. A session counts until a record that was made after
    it came up.
    """

    def __init__(self, roster: Roster, clock: Clock) -> None:
        self._roster = roster
        self._clock = clock
        self._records: dict[str, dict[str, Any]] = {}
        self._entries: dict[str, _Entry] = {}
        self._by_server: dict[str, dict[str, _Entry]] = {}
        self._last: dict[str, float] = {}

    def record(self, document: dict[str, Any]) -> None:
        """A server's record came."""
        server_id = str(document["serverId"])
        self._records[server_id] = document
        updated = float(document.get("updated") or 0.0)
        now = self._clock.now()
        for session_id, entry in list(self._by_server.get(server_id, {}).items()):
            if (entry.running and updated > entry.running) or now - entry.at > FORGET:
                self._drop(session_id)
        self._show(server_id)

    def leave(self, server_id: str) -> None:
        """The server is not in the cluster any more."""
        self._records.pop(server_id, None)
        self._last.pop(server_id, None)
        for session_id in list(self._by_server.get(server_id, {})):
            self._drop(session_id)
        self._roster.remove(server_id)

    def place(self, session_id: str, server_id: str) -> None:
        """It was decided that this session goes there."""
        self._drop(session_id)
        now = self._clock.now()
        entry = self._entries[session_id] = _Entry(server_id, now)
        self._by_server.setdefault(server_id, {})[session_id] = entry
        self._last[server_id] = now
        self._show(server_id)

    def arrived(self, session_id: str) -> None:
        """Its server has a record of it: later records of the server count it as pending."""
        entry = self._entries.get(session_id)
        if entry and not entry.arrived:
            entry.arrived = self._clock.now()

    def running(self, session_id: str) -> None:
        """It came up: later records of its server count it."""
        entry = self._entries.get(session_id)
        if entry and not entry.running:
            entry.running = self._clock.now()

    def gone(self, session_id: str) -> None:
        """It failed, ended, or was refused."""
        entry = self._drop(session_id)
        if entry is not None:
            self._show(entry.server_id)

    def _drop(self, session_id: str) -> _Entry | None:
        entry = self._entries.pop(session_id, None)
        if entry is not None:
            self._by_server[entry.server_id].pop(session_id)
            if not self._by_server[entry.server_id]:
                del self._by_server[entry.server_id]
        return entry

    def _show(self, server_id: str) -> None:
        record = self._records.get(server_id)
        if record is None:
            return
        entries = self._by_server.get(server_id, {}).values()
        updated = float(record.get("updated") or 0.0)
        counted = sum(bool(entry.arrived) and updated > entry.arrived for entry in entries)
        seen = dict(record)
        seen["lastPlaced"] = self._last.get(server_id, 0.0)
        if entries:
            seen["sessions"] = (record.get("sessions") or 0) + len(entries)
            seen["pending"] = max(0, (record.get("pending") or 0) - counted)
            if isinstance(record.get("freemem"), int | float):
                seen["freemem"] = max(0, record["freemem"] - _MEMORY * len(entries))
        self._roster.put(seen)
