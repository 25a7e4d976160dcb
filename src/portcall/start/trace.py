"""The trace of a start: each step, how long it took, what came of it, and what kept or dropped a server."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from typing import Any

import msgspec

from portcall.bus import Bus
from portcall.clock import Clock
from portcall.errors import NotFound
from portcall.model.event import TRACE, Event
from portcall.stores.base import Store

BUCKET = "traces"
_KEEP = 7 * 86400.0  # seconds
_OPEN = 512  # traces in memory


class Trace:
    """One start, by its session's id. ``outcome``: ``open``, ``started``, ``refused`` or ``failed``."""

    def __init__(self, trace_id: str, login: str, traces: Traces) -> None:
        self.id = trace_id
        self.login = login
        self.outcome = "open"
        self.began = traces.clock.now()
        self.steps: list[dict[str, Any]] = []
        self._traces = traces
        self._mark = traces.clock.monotonic()

    def step(
        self, step: str, result: str = "", detail: str = "", took: float | None = None, given: Any = None,
        servers: list[dict[str, Any]] | None = None, more: dict[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """``took`` seconds; without it the time since the last step of this process. ``given`` is kept as a digest."""
        now = self._traces.clock.monotonic()
        entry: dict[str, Any] = {
            "step": step,
            "at": self._traces.clock.now(),
            "took": round(now - self._mark if took is None else took, 6),
            "result": result,
        }
        if took is None:
            self._mark = now
        if detail:
            entry["detail"] = detail
        if given is not None:
            entry["digest"] = hashlib.sha256(_text(given)).hexdigest()[:16]
        if servers is not None:
            entry["servers"] = servers
        entry.update(more or {})
        self.steps.append(entry)
        self._traces.changed(self, entry)

    def document(self) -> dict[str, Any]:
        return {"id": self.id, "login": self.login, "at": self.began, "outcome": self.outcome, "steps": self.steps}


def _text(given: Any) -> bytes:
    """The same for equal values."""
    try:
        return msgspec.json.encode(given, order="sorted")
    except (UnicodeEncodeError, TypeError, ValueError):  # half of a surrogate pair, or a value that JSON cannot hold
        return json.dumps(given, sort_keys=True, default=str).encode()


class Traces:
    """Open traces in memory, closed ones in the store."""

    def __init__(self, store: Store, bus: Bus, clock: Clock) -> None:
        self.clock = clock
        self._store = store
        self._bus = bus
        self._open: OrderedDict[str, Trace] = OrderedDict()

    def begin(self, trace_id: str, login: str) -> Trace:
        """A new trace; one of an earlier attempt with the same id is replaced."""
        trace = self._open[trace_id] = Trace(trace_id, login, self)
        self._open.move_to_end(trace_id)
        while len(self._open) > _OPEN:
            self._open.popitem(last=False)
        return trace

    def find(self, trace_id: str) -> Trace | None:
        return self._open.get(trace_id)

    def changed(self, trace: Trace, entry: dict[str, Any]) -> None:
        self._bus.publish(
            Event(TRACE, trace.id, trace.login, {"id": trace.id, "outcome": trace.outcome, "step": entry})
        )

    async def close(self, trace: Trace, outcome: str) -> None:
        trace.outcome = outcome
        entry = {"step": outcome, "at": self.clock.now(), "took": self.clock.now() - trace.began, "result": ""}
        self.changed(trace, entry)
        await self._store.put(BUCKET, trace.id, trace.document(), ttl=_KEEP)

    async def document(self, trace_id: str) -> dict[str, Any]:
        trace = self._open.get(trace_id)
        if trace is not None:
            return trace.document()
        entry = await self._store.get(BUCKET, trace_id)
        if entry is None or entry.value is None:
            raise NotFound(f"there is no trace of a start {trace_id}")
        return entry.value

    async def of(self, login: str | None, limit: int = 100) -> list[dict[str, Any]]:
        """The last ones, newest first; of one login, or of all."""
        documents = {entry.key: entry.value for entry in await self._store.list(BUCKET) if entry.value}
        documents.update({trace.id: trace.document() for trace in self._open.values()})
        chosen = [document for document in documents.values() if login is None or document["login"] == login]
        return sorted(chosen, key=lambda document: float(document["at"]), reverse=True)[:limit]
