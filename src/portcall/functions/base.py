"""The contract of an engine: it runs an administrator's function on an input, within limits, and reports all it did."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from portcall.errors import PortcallError
from portcall.model.function import Kind, Limits
from portcall.model.roster import Picked, Roster


@dataclass(frozen=True)
class Source:
    """A function as an administrator wrote it. ``text``: the source; of an executable or a Python module its path.

    ``options`` are the engine's own, such as ``{"contract": "v4"}``.
    """

    name: str
    text: str
    engine: str = "javascript"
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """One call. ``input`` is JSON; with a roster it has no ``servers``: these are the roster's, or those picked of it.

    The same seed gives the same random numbers.
    """

    kind: Kind
    input: dict[str, Any]
    roster: Roster | None = None
    servers: Picked | None = None
    seed: int = 0
    limits: Limits | None = None

    @property
    def bounds(self) -> Limits:
        return self.limits or self.kind.limits

    @property
    def held(self) -> int:
        """The call whose worker still has the servers, 0 if there is none."""
        return self.servers.held if self.servers is not None else 0

    def documents(self) -> list[dict[str, Any]]:
        """The servers as documents."""
        if self.roster is None:
            raise ValueError("a call without a roster")
        items: list[Any] = self.roster.slots() if self.servers is None else self.servers
        return [self.roster.document(item) if isinstance(item, int) else item for item in items]


@dataclass(frozen=True)
class Result:
    """``value`` is JSON, or Picked where an array of servers came back. ``log``: what it printed, a line each.

    ``took`` seconds by the clock, ``cpu`` of the processor.
    """

    value: Any
    log: tuple[str, ...] = ()
    took: float = 0.0
    cpu: float = 0.0


def taken(error: PortcallError) -> tuple[str, ...]:
    """What a function had printed before it ended so; it goes no further with the error."""
    return tuple(str(error.extra.pop("log", None) or "").splitlines())


class Engine(ABC):
    """What must hold: a call ends within its wall time, whatever the function does; nothing of it reaches the next
    call; the event loop goes on meanwhile; after ``close`` no process or thread of it is left.

    ``run`` raises FunctionThrew for what the function threw, FunctionInvalid for what cannot be read, FunctionFailed
    for everything else that went wrong, FunctionsBusy when there is no room. Each carries ``log`` where there is one.
    """

    name: str
    title: str

    @abstractmethod
    async def check(self, source: Source, kind: Kind) -> None:
        """FunctionInvalid or FunctionFailed if it could not run at all; it is not run."""

    @abstractmethod
    async def run(self, source: Source, call: Call) -> Result: ...

    async def chain(self, calls: Sequence[tuple[Source, Call]]) -> list[Result | PortcallError]:
        """The first call, and as many of those after it as can be made at once: each is given the servers that the one
        before it returned, or the same where it returned what is falsy. Anything else ends it, an error as its last."""
        return [await self.run(*calls[0])]

    async def ahead(self, calls: Sequence[tuple[Source, Call]]) -> list[Result | PortcallError]:
        """What the first of these calls come to, made at once though perhaps not all are wanted in the end: as many as
        have no effect but their result and take no time that others would miss. None of them knows of another."""
        return []

    async def close(self) -> None:  # noqa: B027
        """End whatever still runs."""


def picked(call: Call, value: Any) -> Any:
    """``value`` with the servers of the call in it as slots, where it is an array and the call had a roster."""
    if call.roster is None or not isinstance(value, list):
        return value
    found = Picked()
    for item in value:
        server_id = item.get("serverId") if isinstance(item, dict) else None
        if not isinstance(server_id, str):
            return value  # read_result says which element is wrong
        slot = call.roster.slot(server_id)
        found.append(slot if slot is not None and call.roster.document(slot) == item else item)
    return found
