"""200 starts in a second on 20 servers whose records come late: ``make bench-storm``.

Real: the HTTP application (called in this process, no socket), login, permissions, the whole pipeline, load balancing
with what was placed counted, the registry and its events. Simulated: the 20 servers, which hold a number of sessions
and send a record of it every now and then that arrives later still; and the link, which brings every session up on the
server chosen after a while. Nothing is started.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from bench import report, servers
from portcall import logs
from portcall.model import lifecycle
from portcall.model.start import StartOrder
from portcall.testing.links import LinkThatStarts
from portcall.testing.server import ME, Server

STARTS, SERVERS = 200, 20
SECONDS = 1.0  # in which they come
TARGETS = {"spread": 1.0}


class LateServers:
    """What each of them holds in truth, and its records: made every ``every`` seconds, seen ``late`` seconds after."""

    def __init__(self, server: Server, every: float, late: float, chance: random.Random) -> None:
        self._placed = server.services.placed
        self._every, self._late, self._chance = every, late, chance
        self.records = [servers.record(number, chance) for number in range(SERVERS)]
        # some have sessions already: not the number of starts has to be even, but that of sessions
        self.running = Counter({record["serverId"]: number % 5 for number, record in enumerate(self.records)})
        self.pending: Counter[str] = Counter()
        self.where: dict[str, str] = {}
        self.seen = 0
        for record in self.records:
            self._placed.record(self._made(record))

    def _made(self, record: dict[str, Any]) -> dict[str, Any]:
        server_id = record["serverId"]
        counts = {"sessions": self.running[server_id], "pending": self.pending[server_id]}
        return {**record, **counts, "updated": time.time()}

    async def report(self, record: dict[str, Any]) -> None:
        """For ever, each at a time of its own."""
        await asyncio.sleep(self._chance.random() * self._every)
        while True:
            made = self._made(record)
            await asyncio.sleep(self._late)
            self._placed.record(made)
            self.seen += 1
            await asyncio.sleep(max(0.0, self._every - self._late))

    def chose(self, session_id: str, server_id: str) -> None:
        self.where[session_id] = server_id
        self.pending[server_id] += 1

    def came_up(self, session_id: str) -> None:
        self.pending[self.where[session_id]] -= 1
        self.running[self.where[session_id]] += 1

    def counts(self) -> list[int]:
        return [self.running[record["serverId"]] + self.pending[record["serverId"]] for record in self.records]


class LinkThatBringsThemUpThere(LinkThatStarts):
    """Each session comes up a while later, on the server that was chosen for it."""

    late: LateServers

    async def start(self, order: StartOrder) -> None:
        async def come_up() -> None:
            await asyncio.sleep(0.1 + 0.9 * random.random())
            self.late.came_up(order.id)
            await self._registry.signal(order.id, lifecycle.READY, display=":1", started=time.time())

        self.coming = [*getattr(self, "coming", ()), asyncio.create_task(come_up())]


async def storm(every: float, late: float, seed: int) -> tuple[int, list[int], list[float], int]:
    """Spread of the sessions, their counts, ms of each request, and records that came meanwhile."""
    with tempfile.TemporaryDirectory(prefix="pcb-", dir="/tmp") as folder:
        settings = {"seats_total": 0, "starts_at_once": STARTS}
        async with Server(Path(folder), one_person=True, **settings).open() as server:
            simulated = _compose(server, every, late, seed)
            client = await server.client(ME, timeout=60)
            # this server takes no part
            chain = {"steps": ["user_selection", "fewest_sessions"], "prefilter": {"serverId": {"$ne": "here"}}}
            answer = await client.put("/api/chains/start", json=chain)
            assert answer.status_code == 200, answer.text
            reports = [asyncio.create_task(simulated.report(record)) for record in simulated.records]
            began = time.perf_counter()
            took: list[float] = []

            async def start(number: int) -> None:
                await asyncio.sleep(max(0.0, began + number * SECONDS / STARTS - time.perf_counter()))
                asked = time.perf_counter()
                answer = await client.post("/api/sessions", json={"command": "xterm"}, params={"wait": 1})
                assert answer.status_code == 200, answer.text
                took.append(1000 * (time.perf_counter() - asked))

            await asyncio.gather(*(start(number) for number in range(STARTS)))
            counts, seen = simulated.counts(), simulated.seen
            assert sum(simulated.running.values()) == STARTS + sum(number % 5 for number in range(SERVERS))
            for task in reports:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            await client.aclose()
    return max(counts) - min(counts), counts, took, seen


def _compose(server: Server, every: float, late: float, seed: int) -> LateServers:
    """The 20 are in the list beside this server; sessions come up on the one that the pipeline's placement chose."""
    here = server.services
    simulated = LateServers(server, every, late, random.Random(seed))
    link: LinkThatBringsThemUpThere = server.link(ME, LinkThatBringsThemUpThere)
    link.late = simulated

    async def choose(request: Any, person: Any, session_id: str, trace: Any) -> str:
        server_id = await here.placement.choose(request, person, session_id, trace)
        simulated.chose(session_id, server_id)
        return server_id

    here.pipeline._choose = choose
    return simulated


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="storms for each lateness")
    parser.add_argument("--quick", action="store_true", help="one storm: checks the bench, proves nothing")
    options = parser.parse_args()
    logs.set_up("error", "text")
    print(report.machine())
    print(__doc__)
    report.title(f"{STARTS} starts in {SECONDS:g} s on {SERVERS} servers with 0 to 4 sessions; Fewest Sessions")
    rows, worst = [], 0
    for every, late in ((30.0, 1.0), (2.0, 0.5), (0.5, 0.3)):
        for number in range(1 if options.quick else options.rounds):
            spread, counts, took, seen = asyncio.run(storm(every, late, number))
            worst = max(worst, spread)
            rows.append((f"records every {every:g} s, {late:g} s late", seen, min(counts), max(counts), spread,
                         f"{statistics.median(took):.0f}"))  # fmt: skip
    report.table(("", "records seen", "fewest", "most", "spread", "start ms p50"), rows)
    report.finish({"spread": float(worst)}, TARGETS)


if __name__ == "__main__":
    main()
