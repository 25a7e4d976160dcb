"""Honest functions beside hostile ones in a loop, and what that does to memory: ``make bench-hostile``."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import statistics
import time
from collections import Counter
from pathlib import Path

import psutil
import uvloop

from bench import report
from bench.servers import Cluster, Lag
from portcall import plugins
from portcall.errors import PortcallError
from portcall.functions.base import Call, Engine, Source
from portcall.functions.javascript import JavaScript
from portcall.model.function import BY_NAME
from portcall.model.function_sample import sample
from tests.functions.hostile import ALL

TARGETS = {"honest_wait_ms": 50.0, "rss_growth_mib": 16.0}
SERVERS, AT_ONCE = 1_000, 4  # hostile callers
HONEST = "function(input) { return input.servers.filter(s => s.staticData.gpu)[0].serverId; }"
KIND = BY_NAME["start-balance"]


def resident(process: psutil.Process) -> float:
    """MiB of this process."""
    return float(process.memory_info().rss) / 2**20


class Honest:
    """Somebody who starts a session every few hundredths of a second."""

    def __init__(self, engine: Engine, cluster: Cluster) -> None:
        self._engine, self._cluster = engine, cluster
        self._input = {name: value for name, value in sample(KIND).items() if name != "servers"}

    async def call(self) -> float:
        """Milliseconds of one call."""
        began = time.perf_counter()
        result = await self._engine.run(Source("honest", HONEST), Call(KIND, self._input, self._cluster.roster))
        assert result.value
        return 1000 * (time.perf_counter() - began)

    async def calls(self, until: float) -> list[float]:
        took = []
        while time.monotonic() < until:
            took.append(await self.call())
            await asyncio.sleep(0.03)
        return took


class Hostile:
    """Callers who go through all hostile functions, each its own way round, and count what came of them."""

    def __init__(self, engine: Engine, cluster: Cluster) -> None:
        self._engine, self._cluster = engine, cluster
        self.ended: Counter[str] = Counter()

    async def calls(self, until: float, first: int) -> None:
        for number in itertools.count(first):
            if time.monotonic() >= until:
                return
            name, _, text = ALL[number % len(ALL)]
            try:
                await self._engine.run(Source(name, text), Call(KIND, sample(KIND), self._cluster.roster))
            except PortcallError as error:
                self.ended[f"{error.code} {error.extra.get('cause', '')}".strip()] += 1
            else:
                self.ended["value"] += 1


def lost(engine: JavaScript) -> int:
    """Worker processes of ours that the engine does not know, and ones it knows that are not there."""
    known = {worker.pid for lane in (engine.steady, engine.trial, engine.slow) for worker in lane.all()}
    return len(known ^ (workers() - {engine.nursery.pid}))


def workers() -> set[int]:
    """All processes below this one that run workers, and the one that starts them."""
    below = psutil.Process().children(recursive=True)
    return {child.pid for child in below if "worker.py" in " ".join(command(child))}


def command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


async def measure(seconds: float) -> dict[str, list[float]]:
    cluster, lag = Cluster(SERVERS), Lag()
    engine = plugins.find("functions", "javascript")()
    honest, hostile = Honest(engine, cluster), Hostile(engine, cluster)
    background = [asyncio.ensure_future(work) for work in (cluster.change(), lag.watch())]
    for _ in range(20):
        await honest.call()
        await asyncio.sleep(0.02)
    alone = await honest.calls(time.monotonic() + min(10.0, seconds / 5))
    # once through everything, so that what is only loaded once has been
    await hostile.calls(time.monotonic() + min(40.0, seconds / 3), 0)
    process, until, memory = psutil.Process(), time.monotonic() + seconds, [resident(psutil.Process())]

    async def weigh() -> None:
        while True:
            await asyncio.sleep(1)
            memory.append(resident(process))

    background.append(asyncio.ensure_future(weigh()))
    callers = [hostile.calls(until, number * len(ALL) // AT_ONCE) for number in range(AT_ONCE)]
    beside, *_ = await asyncio.gather(honest.calls(until), *callers)
    for task in background:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    await asyncio.sleep(0.5)  # what was killed last is reaped
    strays = lost(engine)
    await engine.close()
    left = workers()
    print(f"what the hostile functions came to: {dict(hostile.ended)}")
    print(f"workers that nobody knows: {strays}; workers left after closing: {len(left)}")
    print(f"event loop away at most: {1000 * lag.worst:.1f} ms")
    return {"alone": alone, "beside": beside, "memory": memory, "lost": [float(strays + len(left))]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0, help="how long the hostile functions go on")
    seconds = parser.parse_args().seconds
    print(report.machine())
    report.title(f"{AT_ONCE} callers of {len(ALL)} hostile functions, {seconds:.0f} s, beside an honest one")
    assert Path("tests/functions/hostile.py").exists()
    found = uvloop.run(measure(seconds))
    alone, beside = found["alone"], found["beside"]
    rows = [
        (name, len(took), f"{statistics.median(took):.2f}", f"{report.percentile(took, 0.99):.2f}", f"{max(took):.2f}")
        for name, took in (("alone", alone), ("beside hostile ones", beside))
    ]
    report.table(("honest calls, ms", "n", "p50", "p99", "max"), rows)
    report.raw("MiB of the server, once a second", found["memory"][:: max(1, len(found["memory"]) // 60)])
    tenth = max(1, len(found["memory"]) // 10)
    figures = {
        "honest_wait_ms": max(beside) - statistics.median(alone),
        "rss_growth_mib": statistics.median(found["memory"][-tenth:]) - statistics.median(found["memory"][:tenth]),
    }
    report.finish(figures, TARGETS)
    if found["lost"][0]:
        raise SystemExit("a worker was lost track of")


if __name__ == "__main__":
    main()
