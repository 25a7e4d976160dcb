"""In-process publish and subscribe of events."""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from collections.abc import Callable

from portcall.model.event import Event

_BACKLOG = 2000
Numbered = tuple[int, Event]


class Subscription:
    """Numbered events from the moment it was made, until it is closed, forgotten, or too slow."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Numbered | None] = asyncio.Queue()

    def give(self, numbered: Numbered) -> bool:
        """False where it has not kept up, and is told so."""
        if self._queue.qsize() < _BACKLOG:
            self._queue.put_nowait(numbered)
            return True
        self._queue.put_nowait(None)
        return False

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Numbered:
        numbered = await self._queue.get()
        if numbered is None:
            self._queue.put_nowait(None)
            raise StopAsyncIteration
        return numbered


class Bus:
    """Every subscriber sees every event published after it came, in order.

    The last events are kept so that a stream can be resumed by number (SSE's Last-Event-ID). A subscriber that does not
    keep up loses its place: its iterator ends, and it resumes or lists again. ``first`` is greater than any number of
    an earlier bus: who resumes with a number of before a restart must not find itself among others' events.
    """

    def __init__(self, first: int = 0) -> None:
        self._number = first
        self._first = first
        self._kept: deque[Numbered] = deque(maxlen=_BACKLOG)
        self._listeners: set[Callable[[Event], None]] = set()
        self._subscriptions: weakref.WeakSet[Subscription] = weakref.WeakSet()

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
        for subscription in tuple(self._subscriptions) if self._subscriptions else ():
            if not subscription.give(numbered):
                self._subscriptions.discard(subscription)

    def listen(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Call ``listener`` for each event, at once; returns what ends it."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    def since(self, number: int) -> list[Numbered] | None:
        """Events after ``number``, or None where they are no longer kept (the caller lists again)."""
        oldest = self._kept[0][0] - 1 if self._kept else self._first
        if not oldest <= number <= self._number:
            return None
        return [numbered for numbered in self._kept if numbered[0] > number]

    def stream(self) -> Subscription:
        """From now on: an event published before it is first waited for is not missed."""
        subscription = Subscription()
        self._subscriptions.add(subscription)
        return subscription

    def leave(self, subscription: Subscription) -> None:
        self._subscriptions.discard(subscription)
