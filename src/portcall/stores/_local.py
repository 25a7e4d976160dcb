"""What stores inside this process share: watchers, and forgetting documents whose time is over."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator

from portcall.clock import Clock
from portcall.stores.base import Entry, Store


class LocalStore(Store):
    """Subclasses write, then call ``_changed``; they are used from one event loop only."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._watchers: dict[str, set[asyncio.Queue[Entry]]] = {}
        self._timers: set[asyncio.TimerHandle] = set()

    @abstractmethod
    def _expire(self, bucket: str, key: str, revision: int) -> None:
        """Delete the key if it still has this revision."""

    def _watched(self, bucket: str) -> bool:
        return bool(self._watchers.get(bucket))

    def _changed(self, entry: Entry, ttl: float | None = None) -> None:
        for queue in self._watchers.get(entry.bucket, ()):
            queue.put_nowait(entry)
        if ttl is not None:
            self._expire_later(entry.bucket, entry.key, entry.revision, ttl)

    def _expire_later(self, bucket: str, key: str, revision: int, ttl: float) -> None:
        def over() -> None:
            self._timers.discard(timer)
            self._expire(bucket, key, revision)

        timer = asyncio.get_running_loop().call_later(max(ttl, 0), over)
        self._timers.add(timer)

    def _stop_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    async def watch(self, bucket: str) -> AsyncIterator[Entry]:
        queue: asyncio.Queue[Entry] = asyncio.Queue()
        self._watchers.setdefault(bucket, set()).add(queue)
        try:
            for entry in await self.list(bucket):
                yield entry
            while True:
                yield await queue.get()
        finally:
            self._watchers[bucket].discard(queue)
