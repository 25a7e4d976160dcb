"""The audit log: who did what to which session, from where, and what came of it; a JSON object a line, appended."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import structlog

from portcall.clock import Clock

log = structlog.get_logger("audit")
_TAIL = 4 * 1024 * 1024  # bytes read back at most
_ROTATE = 64 * 1024 * 1024


class Audit:
    """A line that cannot be written (full disk) goes to the server's log instead; the action it tells of goes on."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock

    def write(
        self, login: str, action: str, outcome: str, session: str = "", address: str = "", detail: str = ""
    ) -> None:
        entry = {
            "at": self._clock.now(), "login": login, "action": action, "session": session, "address": address,
            "outcome": outcome, "detail": detail,
        }  # fmt: skip
        log.info("audit", **entry)
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.write(descriptor, json.dumps(entry, separators=(",", ":")).encode() + b"\n")
                large = os.fstat(descriptor).st_size > _ROTATE
            finally:
                os.close(descriptor)
            if large:
                os.replace(self._path, self._path.with_suffix(".1"))
        except OSError as error:
            log.error("the audit log cannot be written", path=str(self._path), error=error.strerror)

    def last(self, limit: int) -> list[dict[str, Any]]:
        """The last entries, newest first."""
        try:
            with self._path.open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
                lines = file.read().splitlines()
        except OSError:
            return []
        entries: list[dict[str, Any]] = []
        for line in reversed(lines):
            if len(entries) == limit:
                break
            try:
                entry = json.loads(line)
            except ValueError:  # a line cut by the window, or by a full disk
                continue
            if isinstance(entry, dict):
                entries.append(entry)
        return entries
