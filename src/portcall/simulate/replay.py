"""Replays starts in virtual time: the server's own load balancing decides, on records that come late.

Truth is in ``Server``. A server that changed sends its record at the next of its own ticks, as real ones do every few
seconds; the gateway counts what it placed meanwhile (cluster/placed). A start for which no server fits, or whose server
turns out to be full, is tried again every ``retry`` seconds and refused after ``patience``; what a function threw
refuses at once.
"""

from __future__ import annotations

import heapq
import itertools
import random
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from portcall.clock import Clock
from portcall.cluster.balance import Balance, Prefilter
from portcall.cluster.chain import START
from portcall.cluster.placed import Placed
from portcall.errors import FunctionFailed, FunctionInvalid, FunctionThrew, PortcallError
from portcall.model.roster import Roster
from portcall.policies.base import Policy
from portcall.simulate.figures import Outcome, sample
from portcall.simulate.servers import Server
from portcall.simulate.start import Start

SAMPLES = 200
_LATER = (FunctionThrew, FunctionFailed, FunctionInvalid)  # errors that a second try would meet again


@dataclass(frozen=True)
class Rules:
    """Seconds. ``update``: between records of one server; ``startup``: until a session runs."""

    update: float = 10.0
    startup: float = 2.0
    retry: float = 15.0
    patience: float = 300.0
    seed: int = 1


class VirtualTime(Clock):
    """Passes when the replay says so."""

    def __init__(self, begin: float) -> None:
        self.moment = begin

    def now(self) -> float:
        return self.moment

    def monotonic(self) -> float:
        return self.moment


class Replay:
    """One chain over one list of starts; ``servers`` begin empty and are this replay's own."""

    def __init__(
        self, name: str, chain: Sequence[Policy], prefilter: Prefilter, servers: Sequence[Server], rules: Rules,
        progress: Callable[[int], None] = lambda done: None,
    ) -> None:  # fmt: skip
        self.outcome = Outcome(name)
        self._chain = chain
        self._prefilter = prefilter
        self._servers = {server.id: server for server in servers}
        self._ids = list(self._servers)
        self._rules = rules
        self._progress = progress
        self._time = VirtualTime(0.0)
        roster = Roster()
        self._placed = Placed(roster, self._time)
        self._balance = Balance(self._placed, roster, random.Random(rules.seed))
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._number = itertools.count()
        chance = random.Random(rules.seed)
        self._ticks = {server.id: chance.random() * rules.update for server in servers}  # none tick together
        self._coming: set[str] = set()  # servers whose record is on its way
        self._tries: list[tuple[Start, int]] = []
        self._waiting = 0

    async def run(self, starts: Sequence[Start]) -> Outcome:
        """``starts`` in the order of their time."""
        outcome, began = self.outcome, time.perf_counter()
        if not starts:
            return outcome
        first, last = starts[0].at, starts[-1].at
        self._time.moment = first
        for server in self._servers.values():
            self._placed.record(server.record(first))
        for number, start in enumerate(starts):
            self._at(start.at, lambda start=start, number=number: self._tries.append((start, number)))  # type: ignore[misc]
        span = max(last - first, 1.0)
        for number in range(1, SAMPLES + 1):
            self._at(first + span * number / SAMPLES, self._sample)
        outcome.starts = len(starts)
        undecided = len(starts)
        while undecided and self._events:
            self._time.moment, _, event = heapq.heappop(self._events)
            event()
            while self._tries:
                start, number = self._tries.pop()
                if await self._try(start, number):
                    undecided -= 1
                    if not undecided % 1000:
                        self._progress(len(starts) - undecided)
        outcome.took = time.perf_counter() - began
        return outcome

    async def _try(self, start: Start, number: int) -> bool:
        """Whether it is decided, one way or the other."""
        began = time.perf_counter()
        given = start.given(self._ids[0], self._ids[zlib.crc32(start.login.encode()) % len(self._ids)])
        seed = (self._rules.seed * 1_000_003 + number) & 0x7FFFFFFF
        decision = await self._balance.choose(self._chain, START, given, start.id, seed, self._prefilter)
        self.outcome.decisions.append(time.perf_counter() - began)
        waited = self._time.moment - start.at
        error: PortcallError | None = decision.error
        if error is None:
            server = self._servers[decision.server_id]
            if server.fits(start):
                self._take(start, server)
                self.outcome.waits.append(waited)
                self._waiting -= waited > 0
                return True
            self._placed.gone(start.id)
            self.outcome.full += 1
        if isinstance(error, _LATER) or waited + self._rules.retry > self._rules.patience:
            self.outcome.refused[_why(error)] += 1
            self._waiting -= waited > 0
            return True
        self._waiting += waited <= 0
        self._at(self._time.moment + self._rules.retry, lambda: self._tries.append((start, number)))
        return False

    def _take(self, start: Start, server: Server) -> None:
        def came_up() -> None:
            server.came_up()
            self._placed.running(start.id)
            self._changed(server)
            self._at(self._time.moment + start.duration, end)

        def end() -> None:
            server.end(start)
            self._placed.gone(start.id)
            self._changed(server)

        server.take(start)
        self._placed.arrived(start.id)
        self._changed(server)
        self._at(self._time.moment + self._rules.startup, came_up)

    def _changed(self, server: Server) -> None:
        """Its next record says so; records that would say nothing new are left out."""
        if server.id in self._coming:
            return
        self._coming.add(server.id)
        every = self._rules.update
        if not every:
            self._at(self._time.moment, lambda: self._record(server))
            return
        offset = self._ticks[server.id]
        self._at(offset + every * ((self._time.moment - offset) // every + 1), lambda: self._record(server))

    def _record(self, server: Server) -> None:
        self._coming.discard(server.id)
        self._placed.record(server.record(self._time.moment))

    def _sample(self) -> None:
        self.outcome.samples.append(sample(self._time.moment, list(self._servers.values()), self._waiting))

    def _at(self, moment: float, event: Callable[[], None]) -> None:
        heapq.heappush(self._events, (moment, next(self._number), event))


def _why(error: PortcallError | None) -> str:
    if error is None:
        return "the chosen server was full"
    return str(error.detail)[:200] if isinstance(error, _LATER) else "no server fits"
