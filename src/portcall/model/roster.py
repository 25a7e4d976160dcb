"""The servers as functions and policies see them: a slot for each, columns over them, and what changed since when."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple, Union

Document = Dict[str, Any]


class Picked(List[Union[int, Document]]):
    """Servers that a function returned, in its order: the slot of one left as it was, else the changed document.

    ``held``: the call whose worker still has them. ``plain``: slots alone.
    """

    held = 0
    plain = False


class Roster:
    """Server documents by slot. A slot belongs to one server for ever; a server that left leaves ``None``.

    Documents are replaced, never changed in place: columns, workers and running functions rely on it.
    """

    def __init__(self) -> None:
        self.documents: List[Optional[Document]] = []
        self.ids: List[str] = []
        self.revision = 0
        self._slots: Dict[str, int] = {}
        self._changed: Dict[int, int] = {}  # slot: revision, the latest last
        self._columns: Dict[str, List[Any]] = {}
        self._watch: List[Callable[[], None]] = []
        self._there: Optional[List[int]] = None

    def __len__(self) -> int:
        return len(self._present())

    def put(self, document: Document) -> int:
        """The slot of this server, whose record this is from now on."""
        server_id = str(document["serverId"])
        slot = self._slots.get(server_id)
        if slot is None:
            slot = self._slots[server_id] = len(self.documents)
            self.documents.append(None)
            self.ids.append(server_id)
            for values in self._columns.values():
                values.append(None)
        self._set(slot, document)
        return slot

    def remove(self, server_id: str) -> None:
        slot = self._slots.get(server_id)
        if slot is not None and self.documents[slot] is not None:
            self._set(slot, None)

    def slot(self, server_id: str) -> Optional[int]:
        """Of a server that is there."""
        slot = self._slots.get(server_id)
        return None if slot is None or self.documents[slot] is None else slot

    def document(self, slot: int) -> Document:
        document = self.documents[slot]
        if document is None:
            raise KeyError(self.ids[slot])
        return document

    def slots(self) -> List[int]:
        """All servers that are there, in the order in which they came."""
        return list(self._present())

    def _present(self) -> List[int]:
        if self._there is None:
            self._there = [slot for slot, document in enumerate(self.documents) if document is not None]
        return self._there

    def column(self, path: str) -> List[Any]:
        """A member of every document by slot, such as ``freemem`` or ``staticData.gpu``; None where there is none."""
        values = self._columns.get(path)
        if values is None:
            values = self._columns[path] = [member(document, path) for document in self.documents]
        return values

    def changes(self, since: int) -> Iterator[Tuple[int, int]]:
        """Slots and revisions of what changed after a revision, the latest first."""
        for slot, revision in reversed(self._changed.items()) if since < self.revision else ():
            if revision <= since:
                return
            yield slot, revision

    def watch(self, changed: Callable[[], None]) -> Callable[[], None]:
        """``changed`` is called after every change until what this returns is."""
        self._watch.append(changed)
        return lambda: self._watch.remove(changed)

    def _set(self, slot: int, document: Optional[Document]) -> None:
        if (self.documents[slot] is None) != (document is None):
            self._there = None
        self.documents[slot] = document
        for path, values in self._columns.items():
            values[slot] = member(document, path)
        self.revision += 1
        self._changed.pop(slot, None)
        self._changed[slot] = self.revision
        for changed in self._watch:
            changed()


def member(document: Any, path: str) -> Any:
    """What stands at a dotted path, or None."""
    for name in path.split("."):
        if not isinstance(document, dict):
            return None
        document = document.get(name)
    return document
