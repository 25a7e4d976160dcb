"""Conversations under way: a task that asks, and a person who answers by one HTTP request after another."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from portcall.authenticators.base import Ask, Round
from portcall.errors import Conflict, InvalidValue, LoginExpired, NotFound, TooManyAttempts
from portcall.login.limits import network

T = TypeVar("T")
LIFETIME = 120.0  # seconds without an answer
LONGEST = 900.0  # seconds in all
_MAX_ANSWER = 16_384


class Attempt(Generic[T]):
    """One conversation, bound to its ``owner``. Its task is cancelled when it is given up or not answered in time."""

    def __init__(self, owner: str, run: Callable[[Ask], Awaitable[T]], lifetime: float) -> None:
        self.id = secrets.token_urlsafe(18)
        self.owner = owner
        self.share = network(owner)
        self._lifetime = lifetime
        self._loop = asyncio.get_running_loop()
        self._asked: asyncio.Queue[Round] = asyncio.Queue()
        self._answer: asyncio.Future[list[str]] | None = None
        self._round: Round | None = None
        self._lock = asyncio.Lock()
        self._ends = self._loop.time() + LONGEST
        self.task: asyncio.Task[T] = self._loop.create_task(self._run(run))
        self._timer = self._loop.call_later(lifetime, self.task.cancel)
        self.task.add_done_callback(lambda task: self._timer.cancel())

    async def advance(self, answers: list[str] | None = None) -> Round | T:
        """The next round, or the end: its result, or the error that it ended with."""
        if self._lock.locked():
            raise Conflict("this attempt is being answered already")
        async with self._lock:
            if answers is not None:
                self._give(answers)
            asked = self._loop.create_task(self._asked.get())
            try:
                await asyncio.wait({asked, self.task}, return_when=asyncio.FIRST_COMPLETED)
                if self.task.done():
                    return self._end()
                self._round = asked.result()
                return self._round
            finally:
                asked.cancel()

    async def abandon(self) -> None:
        self.task.cancel()
        await asyncio.wait({self.task})

    def _end(self) -> T:
        if self.task.cancelled():
            raise LoginExpired("this attempt was not answered in time; begin again")
        return self.task.result()

    def _give(self, answers: list[str]) -> None:
        if self.task.done():
            self._end()
        if self._answer is None or self._round is None:
            raise Conflict("this attempt asks nothing now")
        wanted = 1 if self._round.sign else len(self._round.prompts)
        if len(answers) != wanted:
            raise InvalidValue(f"{wanted} answers are needed, not {len(answers)}", field="answers")
        if any("\0" in answer or len(answer) > _MAX_ANSWER for answer in answers):
            raise InvalidValue("an answer is too long, or has a NUL character", field="answers")
        self._timer.cancel()
        left = min(self._lifetime, self._ends - self._loop.time())
        self._timer = self._loop.call_later(left, self.task.cancel)
        given, self._answer, self._round = self._answer, None, None
        given.set_result(answers)

    async def _run(self, run: Callable[[Ask], Awaitable[T]]) -> T:
        return await run(self._ask)

    async def _ask(self, asked: Round) -> list[str]:
        self._answer = self._loop.create_future()
        self._asked.put_nowait(asked)
        return await self._answer


class Attempts(Generic[T]):
    """All of a kind: at most ``at_once`` of one owner (for IPv6: of one /64), ``in_all`` of all.

    Where there are so many, who has fewer takes the place of the oldest of whoever has most: nobody can keep others out
    who has not as many addresses as there are places. Somebody else's attempt does not exist.
    """

    def __init__(self, lifetime: float = LIFETIME, at_once: int = 8, in_all: int = 200) -> None:
        self._lifetime = lifetime
        self._in_all = in_all
        self._at_once = at_once
        self._all: dict[str, Attempt[T]] = {}

    def open(self, owner: str, run: Callable[[Ask], Awaitable[T]]) -> Attempt[T]:
        running = [attempt for attempt in self._all.values() if not attempt.task.done()]
        owners = Counter(attempt.share for attempt in running)
        mine = owners[network(owner)]
        if mine >= self._at_once:
            raise TooManyAttempts("too many unfinished attempts; finish or give up one of them first", retry_after=10)
        if len(running) >= self._in_all:
            ((greediest, most),) = owners.most_common(1)
            if most <= mine + 1:
                raise TooManyAttempts("too many people are logging in at this moment; try again soon", retry_after=10)
            next(attempt for attempt in running if attempt.share == greediest).task.cancel()
        attempt = Attempt(owner, run, self._lifetime)
        self._all[attempt.id] = attempt
        # Kept a while after its end: whoever answers too late is told so.
        attempt.task.add_done_callback(
            lambda task: asyncio.get_running_loop().call_later(self._lifetime, self._forget, attempt)
        )
        return attempt

    def get(self, id: str, owner: str) -> Attempt[T]:
        attempt = self._all.get(id)
        if attempt is None or attempt.owner != owner:
            raise NotFound("there is no such attempt, or it is over; begin again")
        return attempt

    def finished(self, attempt: Attempt[T]) -> None:
        """Its end was told; nothing more is to be said about it."""
        self._forget(attempt)

    async def close(self) -> None:
        tasks = {attempt.task for attempt in self._all.values()}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _forget(self, attempt: Attempt[T]) -> None:
        self._all.pop(attempt.id, None)
        if attempt.task.done() and not attempt.task.cancelled():
            attempt.task.exception()  # seen: asyncio must not complain
