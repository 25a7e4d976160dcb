"""What a viewer's stream needs of the server: tickets, descriptors, being counted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from portcall.clock import Clock
from portcall.errors import PortcallError
from portcall.model import lifecycle
from portcall.session.connect import Connection, Connections, Ticket
from portcall.session.registry import Registry

_LAST_WORDS = 2.0  # seconds between a display's end and the session's word why


class Endable(Protocol):
    def end(self, code: str, reason: str) -> None: ...


class Viewers:
    """One for the server; streams hold it instead of the parts behind it."""

    def __init__(
        self, connections: Connections, registry: Registry, clock: Clock, timeout: Callable[[], float],
        joined: Callable[[Connection], Coroutine[Any, Any, None]], stay: Callable[[str], Coroutine[Any, Any, None]],
        largest: Callable[[str], tuple[int, int] | None],
    ) -> None:  # fmt: skip
        self._connections = connections
        self._registry = registry
        self._clock = clock
        self._timeout = timeout
        self._joined = joined
        self._stay = stay
        self.largest = largest
        self._tasks: set[asyncio.Task[None]] = set()
        self._streams: set[Endable] = set()
        self.last_reader: Endable | None = None  # whose display was read last

    def now(self) -> float:
        return self._clock.monotonic()

    def wall(self) -> float:
        return self._clock.now()

    def remember(self, stream: Endable) -> None:
        self._streams.add(stream)

    def forget(self, stream: Endable) -> None:
        self._streams.discard(stream)
        if self.last_reader is stream:
            self.last_reader = None

    def redeem(self, text: str, session_id: str) -> Ticket:
        return self._connections.redeem(text, session_id)

    async def descriptor(self, session_id: str) -> int:
        return await self._connections.descriptor(session_id, self._timeout())

    def came(self, connection: Connection) -> None:
        self._spawn(self._join(connection))

    def left(self, connection: Connection) -> None:
        self._spawn(self._connections.remove(connection))

    def stay(self, connection: Connection) -> None:
        self._spawn(self._stay(connection.session_id))

    def display_gone(self, session_id: str, stream: Endable) -> None:
        self._spawn(self._last_words(session_id, stream))

    def close(self) -> None:
        """The server goes: viewers come back to the next one by themselves."""
        for stream in tuple(self._streams):
            stream.end("restart", "The server is restarting.")

    async def _join(self, connection: Connection) -> None:
        await self._connections.add(connection)
        await self._joined(connection)

    async def _last_words(self, session_id: str, stream: Endable) -> None:
        try:
            session = await self._registry.until(session_id, lambda now: now.state not in lifecycle.LIVE, _LAST_WORDS)
            stream.end("ended", session.reason or "The session has ended.")
        except (PortcallError, TimeoutError):
            stream.end("lost", "The display has closed the connection.")

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
