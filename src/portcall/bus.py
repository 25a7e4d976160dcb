"""In-process publish and subscribe of events."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

from portcall.model.event import Event

_BACKLOG = 2000


class Bus:
    """Every subscriber sees every event published after it came, in order.

    The last events are kept so that a stream can be resumed by number (SSE's Last-Event-ID). A subscriber that does not
    keep up loses its place: its iterator ends, and it resumes or lists again.
    """

    def __init__(self) -> None:
        self._number = 0
        self._kept: deque[tuple[int, Event]] = deque(maxlen=_BACKLOG)
        self._listeners: set[Callable[[Event], None]] = set()
        self._queues: set[asyncio.Queue[tuple[int, Event] | None]] = set()

    @property
    def last(self) -> int:
        """The number of the last event published."""
        return self._number

    def publish(self, event: Event) -> None:
        self._number += 1
        numbered = (self._number, event)
        self._kept.append(numbered)
        for listener in tuple(self._listeners):
            listener(event)
        for queue in tuple(self._queues):
            if queue.qsize() < _BACKLOG:
                queue.put_nowait(numbered)
            else:
                self._queues.discard(queue)
                queue.put_nowait(None)

    def listen(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Call ``listener`` for each event, at once; returns what ends it."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    def since(self, number: int) -> list[tuple[int, Event]] | None:
        """Events after ``number``, or None where they are no longer kept (the caller lists again)."""
        if number > self._number or (self._kept and number < self._kept[0][0] - 1):
            return None
        return [numbered for numbered in self._kept if numbered[0] > number]

    async def stream(self) -> AsyncIterator[tuple[int, Event]]:
        """Numbered events from now on."""
        queue: asyncio.Queue[tuple[int, Event] | None] = asyncio.Queue()
        self._queues.add(queue)
        try:
            while (numbered := await queue.get()) is not None:
                yield numbered
        finally:
            self._queues.discard(queue)
