"""Documents in this process's memory: for tests, and for a server that may forget."""

from __future__ import annotations

import json
from typing import Any

from portcall.clock import Clock
from portcall.errors import RevisionConflict
from portcall.stores._local import LocalStore
from portcall.stores.base import Entry


class Memory(LocalStore):
    """Values are kept as JSON text: what comes out is never what somebody else still holds."""

    def __init__(self, clock: Clock, path: str = "") -> None:
        super().__init__(clock)
        self._documents: dict[tuple[str, str], tuple[str, int, float | None]] = {}
        self._revision = 0

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        self._stop_timers()

    async def get(self, bucket: str, key: str) -> Entry | None:
        found = self._documents.get((bucket, key))
        if found is None or (found[2] is not None and found[2] <= self._clock.now()):
            return None
        return Entry(bucket, key, json.loads(found[0]), found[1])

    async def put(
        self, bucket: str, key: str, value: dict[str, Any], revision: int | None = None, ttl: float | None = None
    ) -> int:
        await self._expect(bucket, key, revision)
        self._revision += 1
        expires = None if ttl is None else self._clock.now() + ttl
        self._documents[bucket, key] = (json.dumps(value), self._revision, expires)
        self._changed(Entry(bucket, key, json.loads(json.dumps(value)), self._revision), ttl)
        return self._revision

    async def delete(self, bucket: str, key: str, revision: int | None = None) -> None:
        await self._expect(bucket, key, revision)
        self._remove(bucket, key)

    async def list(self, bucket: str) -> list[Entry]:
        keys = sorted(key for name, key in self._documents if name == bucket)
        entries = [await self.get(bucket, key) for key in keys]
        return [entry for entry in entries if entry is not None]

    async def _expect(self, bucket: str, key: str, revision: int | None) -> None:
        if revision is None:
            return
        entry = await self.get(bucket, key)
        if (entry.revision if entry else 0) != revision:
            raise RevisionConflict(f"{bucket}/{key} is not at revision {revision}")

    def _expire(self, bucket: str, key: str, revision: int) -> None:
        found = self._documents.get((bucket, key))
        if found is not None and found[1] == revision:
            self._remove(bucket, key)

    def _remove(self, bucket: str, key: str) -> None:
        if self._documents.pop((bucket, key), None) is not None:
            self._revision += 1
            self._changed(Entry(bucket, key, None, self._revision))


IMPLEMENTATION = Memory
