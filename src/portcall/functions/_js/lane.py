"""A lane of workers: calls of one sort share it, so that those of another sort never wait behind them."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from portcall.errors import FunctionsBusy, PortcallError
from portcall.functions._js.line import WorkerGone
from portcall.functions._js.nursery import Nursery
from portcall.functions._js.process import Worker
from portcall.model.roster import Roster

_IDLE = 60.0  # seconds after which a worker beyond ``keep`` ends
_SYNC_EVERY, _SYNC_MOST = 0.1, 400  # seconds; servers


class Lane:
    """``keep`` workers are always up, ``most`` when all are taken; ``queue`` calls may wait, ``wait`` seconds each.

    Every worker that was started is in ``workers`` until it has been reaped.
    """

    def __init__(
        self, nursery: Nursery, keep: int, most: int, nice: int = 0, queue: int = 256, wait: float = 10.0
    ) -> None:
        self.workers: set[Worker] = set()
        self._nursery = nursery
        self._keep, self._most, self._nice, self._queue, self._wait = keep, most, nice, queue, wait
        self._idle: list[Worker] = []
        self._waiters: deque[asyncio.Future[Worker]] = deque()
        self._young: set[Worker] = set()
        self._starting = self._syncing = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._roster: Roster | None = None
        self._sync: asyncio.TimerHandle | None = None
        self._shrinking: asyncio.TimerHandle | None = None
        self._leaving: set[Worker] = set()
        self._forget: Callable[[], None] = lambda: None
        self._closed = False

    def take_idle(self, prefer: int = 0) -> Worker | None:
        """As ``take``, if one has nothing to do."""
        self._grow()
        self._idle = [worker for worker in self._idle if worker.alive]
        if not self._idle:
            return None
        worker = next((one for one in self._idle if prefer and one.held == prefer), self._idle[-1])
        self._idle.remove(worker)
        self._grow()  # a spare one
        return worker

    async def take(self, prefer: int = 0) -> Worker:
        """A worker of one's own until ``give``; the one that holds call ``prefer`` if it is idle."""
        if worker := self.take_idle(prefer):
            return worker
        if self._closed or len(self._waiters) >= self._queue:
            raise FunctionsBusy("too many functions are waiting to run")
        waiter: asyncio.Future[Worker] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        self._grow()
        try:
            async with asyncio.timeout(self._wait):
                return await waiter
        except BaseException as error:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
            elif waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.give(waiter.result())  # it came when nobody wanted it any more
            if isinstance(error, TimeoutError):
                raise FunctionsBusy(f"no worker became free within {self._wait:g} seconds") from error
            raise

    def give(self, worker: Worker) -> None:
        """Done with it; a dead one is replaced."""
        if not worker.alive or self._closed:
            worker.kill()
            self._grow()
            return
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(worker)
                return
        self._idle.append(worker)
        self._sync_soon()
        if len(self.workers) > self._keep and self._shrinking is None:
            self._shrinking = asyncio.get_running_loop().call_later(_IDLE, self._shrink, self._marks())

    def follow(self, roster: Roster) -> None:
        """Idle workers are told this roster's changes as they come, so that calls need not wait for that."""
        if self._roster is not roster:
            self._forget()
            self._roster = roster
            self._forget = roster.watch(self._sync_soon)

    async def close(self) -> None:
        self._closed = True
        self._forget()
        for timer in (self._sync, self._shrinking):
            if timer is not None:
                timer.cancel()
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(FunctionsBusy("the server is stopping"))
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(worker.stop() for worker in self.all()))
        self.workers.clear()

    def all(self) -> set[Worker]:
        """Every worker there is, ready or coming up."""
        return self.workers | self._young | self._leaving

    def warm(self) -> None:
        """Have ``keep`` workers up before they are needed."""
        self._grow()

    def _grow(self) -> None:
        coming = len(self.workers) + self._starting
        soon = self._starting + self._syncing
        short, spare = len(self._waiters) - soon, not self._idle and not soon and self._keep > 0
        while not self._closed and coming < self._most and (coming < self._keep or short > 0 or spare):
            coming, short, spare = coming + 1, short - 1, False
            self._starting += 1
            self._spawn(self._start())

    async def _start(self) -> None:
        try:
            worker = await self._nursery.worker(self._nice, self._young)
        except PortcallError as error:
            self._starting -= 1
            while self._waiters:
                waiter = self._waiters.popleft()
                if not waiter.done():
                    waiter.set_exception(error)
            return
        except BaseException:
            self._starting -= 1
            raise
        self._starting -= 1
        self._young.discard(worker)
        self.workers.add(worker)
        self._spawn(self._mourn(worker))
        if self._roster is not None and not self._waiters:
            with contextlib.suppress(WorkerGone, TimeoutError):
                await worker.sync(self._roster)
        self.give(worker)

    async def _mourn(self, worker: Worker) -> None:
        await worker.ended.wait()
        self.workers.discard(worker)
        self._leaving.discard(worker)
        if worker in self._idle:
            self._idle.remove(worker)
        self._grow()

    def _marks(self) -> dict[Worker, int]:
        return {worker: worker.calls for worker in self._idle}

    def _shrink(self, marks: dict[Worker, int]) -> None:
        """End workers beyond ``keep`` that had nothing to do since the marks were made."""
        self._shrinking = None
        for worker in list(self._idle):
            if marks.get(worker) == worker.calls and len(self.workers) > self._keep:
                self._idle.remove(worker)
                self.workers.discard(worker)
                self._leaving.add(worker)
                worker.kill()
        if len(self.workers) > self._keep and not self._closed:
            self._shrinking = asyncio.get_running_loop().call_later(_IDLE, self._shrink, self._marks())

    def _sync_soon(self) -> None:
        if self._sync is None and self._roster is not None and not self._closed and self._idle:
            self._sync = asyncio.get_running_loop().call_later(_SYNC_EVERY, self._sync_now)

    def _sync_now(self) -> None:
        self._sync = None
        if self._roster is not None and not self._closed:
            self._spawn(self._sync_idle(self._roster))

    async def _sync_idle(self, roster: Roster) -> None:
        behind = False
        for worker in list(self._idle):
            if worker not in self._idle:
                continue  # taken meanwhile; its call brings it up to date
            self._idle.remove(worker)
            self._syncing += 1
            try:
                behind = not await worker.sync(roster, _SYNC_MOST) or behind
            except (WorkerGone, TimeoutError):
                worker.kill()
            finally:
                self._syncing -= 1
                self._give_back(worker)
        if behind:
            self._sync_soon()

    def _give_back(self, worker: Worker) -> None:
        """After being told something: as ``give``, but no use of it."""
        if worker.alive and not self._waiters and not self._closed:
            self._idle.insert(0, worker)
        else:
            self.give(worker)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
