"""What schedulers have still to be asked: submissions not known to have been made, and jobs to be cancelled.

In the store before anything runs, so that a server that was killed finds each job by its name, or submits it after
all; and out of it as soon as the answer is written elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from portcall.errors import InvalidValue
from portcall.model import codec
from portcall.model.start import StartOrder
from portcall.stores.base import Store

log = structlog.get_logger("orders")
BUCKET = "orders"


@dataclass(frozen=True)
class Open:
    """An order whose job is not known; ``submitted`` since when there must be one, all the same. With ``cancel`` it is
    not wanted any more, and ``job`` names it if it can."""

    order: StartOrder
    cancel: bool = False
    job: str = ""
    submitted: float = 0.0
    unknown: dict[str, Any] = field(default_factory=dict)


class Orders:
    """In memory, and written through."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open: dict[str, Open] = {}

    async def open(self) -> None:
        for entry in await self._store.list(BUCKET):
            try:
                self._open[entry.key] = codec.from_document(Open, entry.value)
            except InvalidValue as error:
                log.error("an order cannot be read", session=entry.key, error=str(error))

    def all(self) -> list[Open]:
        return list(self._open.values())

    def of(self, launcher: str) -> list[Open]:
        return [one for one in self._open.values() if one.order.launcher == launcher]

    def find(self, session_id: str) -> Open | None:
        return self._open.get(session_id)

    async def keep(self, order: StartOrder) -> None:
        await self._write(Open(order))

    async def submitted(self, session_id: str, at: float) -> None:
        known = self._open.get(session_id)
        if known is not None:
            await self._write(replace(known, submitted=at))

    async def cancel(self, session_id: str, job: str = "", order: StartOrder | None = None) -> None:
        """Not wanted any more; what is remembered of the order is enough to find its job and whose it is."""
        known = self._open.get(session_id) or (Open(order) if order is not None else None)
        if known is not None:
            await self._write(replace(known, cancel=True, job=job or known.job))

    async def done(self, session_id: str) -> None:
        if self._open.pop(session_id, None) is not None:
            await self._store.delete(BUCKET, session_id)

    async def _write(self, one: Open) -> None:
        await self._store.put(BUCKET, one.order.id, codec.to_document(one))
        self._open[one.order.id] = one
