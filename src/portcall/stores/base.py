"""The contract of a store: documents by bucket and key, with revisions, time to live, list and watch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Entry:
    """A document as it is in the store. ``revision`` grows with every write of the bucket; ``value`` None: deleted."""

    bucket: str
    key: str
    value: dict[str, Any] | None
    revision: int


class Store(ABC):
    """What must hold, in every implementation:

    - A write that returned is seen by every later ``get`` and ``list`` and, once, by every watch.
    - ``put(revision=r)`` writes only if the key's revision is ``r`` (0: only if there is none), atomically, else raises
      RevisionConflict and changes nothing. ``delete(revision=r)`` likewise.
    - A document with ``ttl`` is gone ``ttl`` seconds after its last write, for get and list at once, for watches soon.
    - A store that cannot be reached or written raises StoreUnavailable; nothing is half written.
    """

    @abstractmethod
    async def open(self) -> None: ...

    @abstractmethod
    async def close(self) -> None: ...

    @abstractmethod
    async def get(self, bucket: str, key: str) -> Entry | None: ...

    @abstractmethod
    async def put(
        self, bucket: str, key: str, value: dict[str, Any], revision: int | None = None, ttl: float | None = None
    ) -> int:
        """The new revision."""

    @abstractmethod
    async def delete(self, bucket: str, key: str, revision: int | None = None) -> None:
        """Deleting what is not there is no error (unless ``revision`` says that it should be)."""

    @abstractmethod
    async def list(self, bucket: str) -> list[Entry]:
        """All that live, by key."""

    @abstractmethod
    def watch(self, bucket: str) -> AsyncIterator[Entry]:
        """First all that live, then every change from then on; a deleted one comes with value None."""
