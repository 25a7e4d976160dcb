"""Documents that administrators write: in the store, on pages and by API; or in files, which then decide.

What comes from a file is shown as such and cannot be changed elsewhere. Every change keeps the version before it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from portcall.bus import Bus
from portcall.clock import Clock
from portcall.errors import InvalidValue, NotFound, SettingRefused
from portcall.model import codec
from portcall.model.event import CONFIGURATION, Event
from portcall.model.ids import is_document_id
from portcall.stores.base import Store

T = TypeVar("T")
_VERSIONS = 50
Files = Callable[[], dict[str, tuple[T, str]]]


@dataclass(frozen=True)
class Kept(Generic[T]):
    """``fixed`` names the file that it comes from. ``revision`` is for compare-and-set, 0 for one from a file."""

    value: T
    revision: int
    fixed: str | None = None


class Collection(Generic[T]):
    """One kind of document, by id. Reads are of memory. ``files`` reads what the configuration directory holds, and
    raises SettingRefused with file and line; then what it gave before stays in force."""

    def __init__(self, bucket: str, cls: type[T], store: Store, bus: Bus, clock: Clock, files: Files[T]) -> None:
        self.bucket = bucket
        self._cls = cls
        self._store = store
        self._bus = bus
        self._clock = clock
        self._files = files
        self._written: dict[str, Kept[T]] = {}
        self._fixed: dict[str, Kept[T]] = self._read_files()

    async def open(self) -> None:
        for entry in await self._store.list(self.bucket):
            self._written[entry.key] = Kept(codec.from_document(self._cls, entry.value), entry.revision)

    def reload(self) -> None:
        self._fixed = self._read_files()
        self._changed("")

    def all(self) -> dict[str, Kept[T]]:
        return dict(sorted({**self._written, **self._fixed}.items()))

    def values(self) -> list[T]:
        return [kept.value for kept in self.all().values()]

    def find(self, document_id: str) -> T | None:
        kept = self._fixed.get(document_id) or self._written.get(document_id)
        return kept.value if kept is not None else None

    def get(self, document_id: str) -> Kept[T]:
        kept = self._fixed.get(document_id) or self._written.get(document_id)
        if kept is None:
            raise NotFound(f"there is no {self.bucket.rstrip('s')} {document_id!r}")
        return kept

    async def put(self, document_id: str, value: T, by: str, revision: int | None = None) -> Kept[T]:
        """Write it; ``revision`` (0: new) refuses with RevisionConflict what somebody else changed meanwhile."""
        if not is_document_id(document_id):
            raise InvalidValue("id: letters, digits, . - and _, 64 at most", field="id")
        self._changeable(document_id)
        document = codec.to_document(value)
        new = await self._store.put(self.bucket, document_id, document, revision)
        await self._keep_version(document_id, document, by)
        kept = self._written[document_id] = Kept(value, new)
        self._changed(document_id)
        return kept

    async def delete(self, document_id: str, by: str) -> None:
        """Its versions stay, so that it can be had back."""
        self.get(document_id)
        self._changeable(document_id)
        await self._store.delete(self.bucket, document_id)
        await self._keep_version(document_id, None, by)
        self._written.pop(document_id, None)
        self._changed(document_id)

    async def versions(self, document_id: str) -> list[dict[str, Any]]:
        """``{at, by, document}``, newest first; ``document`` None is a deletion."""
        entry = await self._store.get(f"{self.bucket}-versions", document_id)
        return list(entry.value["versions"]) if entry is not None and entry.value else []

    async def _keep_version(self, document_id: str, document: dict[str, Any] | None, by: str) -> None:
        version = {"at": self._clock.now(), "by": by, "document": document}
        kept = [version, *await self.versions(document_id)][:_VERSIONS]
        await self._store.put(f"{self.bucket}-versions", document_id, {"versions": kept})

    def _changeable(self, document_id: str) -> None:
        fixed = self._fixed.get(document_id)
        if fixed is not None:
            raise SettingRefused(f"{document_id} comes from {fixed.fixed} and cannot be changed here", field="id")

    def _read_files(self) -> dict[str, Kept[T]]:
        return {name: Kept(value, 0, path) for name, (value, path) in self._files().items()}

    def _changed(self, document_id: str) -> None:
        self._bus.publish(Event(CONFIGURATION, self.bucket, None, {"kind": self.bucket, "id": document_id}))
