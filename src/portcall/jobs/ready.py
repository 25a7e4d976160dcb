"""Whether a scheduler is there: asked what it is asked about jobs, of a job that nobody has.

That its programs are there says little: PBS, Torque and Grid Engine all have a qsub, and one without a server or a cell
starts nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from portcall.clock import Clock
from portcall.errors import SchedulerSilent
from portcall.launchers.base import Scheduler
from portcall.model.shown import printable
from portcall.model.start import Invocation, Output

_GOOD_FOR = 30.0  # seconds that an answer is told again
_PATIENCE = 5.0  # seconds; a page waits for it
_NOBODYS = "none"  # no session has such an id


class Ready:
    """``service`` runs a command as the server's own user; ``begin`` makes a task that is ended with the server."""

    def __init__(
        self, service: Callable[[Invocation], Awaitable[Output]], clock: Clock,
        begin: Callable[[Coroutine[Any, Any, str]], asyncio.Task[str]],
    ) -> None:  # fmt: skip
        self._service = service
        self._begin = begin
        self._clock = clock
        self._known: dict[str, tuple[float, Invocation, asyncio.Task[str]]] = {}

    async def problem(self, scheduler: Scheduler) -> str:
        """Empty where it answers; else in its words why not. However many ask, it is asked once, and rarely."""
        question = scheduler.query([], [scheduler.job_name(_NOBODYS)])
        now = self._clock.monotonic()
        at, before, task = self._known.get(scheduler.name, (0.0, question, None))
        if task is None or task.cancelled() or now - at > _GOOD_FOR or before != question:
            task = self._begin(self._ask(scheduler, question))
            self._known[scheduler.name] = (now, question, task)
        done, _ = await asyncio.wait([task], timeout=_PATIENCE)
        return task.result() if done else f"{scheduler.title} has not answered within {_PATIENCE:g} s."

    async def _ask(self, scheduler: Scheduler, question: Invocation) -> str:
        try:
            scheduler.found(await self._service(question))
        except SchedulerSilent as silent:
            words = " ".join(printable(silent.detail, lines=True).split())
            return words if words.startswith(scheduler.title) else f"{scheduler.title} does not answer: {words}"
        return ""
