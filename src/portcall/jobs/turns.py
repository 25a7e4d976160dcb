"""Work that waits for people's own processes, each person's by itself: who keeps us waiting waits alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

from portcall.errors import PortcallError

log = structlog.get_logger("jobs")
_AT_ONCE = 32  # people
Work = Callable[[], Awaitable[None]]


class Turns:
    """A link, and what is in a home, is its user's own: either may answer late or never, and on purpose."""

    def __init__(self, patience: float) -> None:
        self._patience = patience  # seconds
        self._few = asyncio.Semaphore(_AT_ONCE)
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def take(self, work: Mapping[str, Sequence[Work]]) -> None:
        """One thing after another for each user, and users beside one another. Returns when all is done, or when its
        patience is at an end: what is not done then goes on, and until it is, nothing else of that user's is begun."""
        for user, things in work.items():
            if user not in self._tasks:
                task = self._tasks[user] = asyncio.get_running_loop().create_task(self._do(user, things))
                task.add_done_callback(lambda _, user=user: self._tasks.pop(user))  # type: ignore[misc]
        tasks = [self._tasks[user] for user in work]
        if tasks:
            await asyncio.wait(tasks, timeout=self._patience)

    async def close(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _do(self, user: str, things: Sequence[Work]) -> None:
        async with self._few:
            for thing in things:
                try:
                    await thing()
                except PortcallError as error:
                    log.warning("job", user=user, error=str(error))
                except Exception:
                    log.exception("job", user=user)
