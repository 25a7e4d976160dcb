"""Time that passes only when nothing else is to be done: an event loop and a clock that agree on it.

Whatever waits for a moment in the future is woken at once, in the right order, as soon as every socket is quiet.
Threads are not seen: work handed to one is waited for only while no timer is pending.
"""

from __future__ import annotations

import asyncio
import functools
import selectors
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from portcall.clock import Clock

T = TypeVar("T")
P = ParamSpec("P")
BEGIN = 1_800_000_000.0  # seconds since 1970, at which virtual time begins


class _Jumping(selectors.DefaultSelector):
    """A selector that does not wait: it moves the time on to the next timer."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            return super().select(None)
        self.now += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """``move`` lets time pass while a callback runs, as a slow machine would."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now

    def move(self, seconds: float) -> None:
        self._jumping.now += seconds


class VirtualClock(Clock):
    """The running loop's time; without a virtual loop it stands still until it is moved."""

    def __init__(self, begin: float = BEGIN) -> None:
        self._begin = begin
        self._moved = 0.0

    def now(self) -> float:
        return self._begin + self.monotonic()

    def monotonic(self) -> float:
        return self._moved + self._loop_time()

    def move(self, seconds: float) -> None:
        self._moved += seconds

    def _loop_time(self) -> float:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return 0.0
        return loop.time() if isinstance(loop, VirtualLoop) else 0.0


def run(work: Coroutine[Any, Any, T]) -> T:
    """The work's result, in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)


def in_virtual_time(test: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    """A test that lives in virtual time: an hour's wait takes no time at all."""

    @functools.wraps(test)
    def plain(*given: P.args, **named: P.kwargs) -> None:
        async def work() -> None:
            await test(*given, **named)

        run(work())

    return plain


async def settled() -> None:
    """When this returns, everything that could happen without time passing has happened."""
    for _ in range(50):
        await asyncio.sleep(0)
