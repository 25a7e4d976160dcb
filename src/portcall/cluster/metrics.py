"""Metrics: administrators' values that go with each update of this server's record."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import structlog

from portcall.clock import Clock
from portcall.errors import PortcallError
from portcall.model.administered import FunctionDocument

log = structlog.get_logger("metrics")
_LEAST = 5.0  # seconds between two runs of one metric
_LARGEST = 16_384  # bytes of JSON of one value


class Metrics:
    """Each metric has a time of its own: a slow one, or one that fails, holds up nothing and keeps its last value."""

    def __init__(
        self, clock: Clock, enabled: Callable[[], list[FunctionDocument]],
        run: Callable[[FunctionDocument, Any], Awaitable[Any]],
    ) -> None:  # fmt: skip
        self._clock = clock
        self._enabled = enabled
        self._run = run
        self._due: dict[str, float] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._values: dict[str, Any] = {}
        self.errors: dict[str, str] = {}

    def values(self) -> dict[str, Any]:
        """By name, as of their last good run."""
        names = {document.name for document in self._enabled()}
        return {name: value for name, value in self._values.items() if name in names}

    def report(self) -> list[dict[str, Any]]:
        """Of each metric the last good value, none before the first, and the error of the run after it."""
        return [
            {"id": document.id, "name": document.name, "value": self._values.get(document.name),
             "error": self.errors.get(document.name, "")}
            for document in self._enabled()
        ]  # fmt: skip

    def begin(self) -> None:
        """Start what is due; does not wait for it."""
        now = self._clock.monotonic()
        for document in self._enabled():
            if document.id not in self._running and self._due.get(document.id, 0.0) <= now:
                self._due[document.id] = now + max(_LEAST, document.every)
                task = asyncio.get_running_loop().create_task(self._measure(document))
                self._running[document.id] = task
                task.add_done_callback(partial(self._done, document.id))

    def _done(self, document_id: str, task: asyncio.Task[None]) -> None:
        self._running.pop(document_id, None)

    async def close(self) -> None:
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _measure(self, document: FunctionDocument) -> None:
        try:
            value = await self._run(document, self._values.get(document.name))
            if len(json.dumps(value)) > _LARGEST:
                raise PortcallError(f"{document.name}: a value of more than {_LARGEST} bytes")
        except (PortcallError, ValueError) as error:
            if self.errors.get(document.name) != str(error):
                log.warning("metric failed", metric=document.name, error=str(error))
            self.errors[document.name] = str(error)
        else:
            self._values[document.name] = value
            self.errors.pop(document.name, None)
