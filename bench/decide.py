"""Time of a whole decision about a start: form filter, schedule, start event and balancing: ``make bench-decide``."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import gc
import statistics
import time
from collections.abc import Iterator
from typing import Any

import uvloop

from bench import account, functions, report
from bench.servers import Cluster, Lag
from portcall import plugins
from portcall.bus import Bus
from portcall.clock import Clock
from portcall.cluster.balance import Balance
from portcall.cluster.chain import START
from portcall.functions.base import Engine, Source
from portcall.model.administered import FunctionDocument
from portcall.model.function import BY_NAME
from portcall.model.function_sample import sample
from portcall.policies.base import Policy
from portcall.start.functions import Functions
from portcall.start.recorded import Make, Recorded
from portcall.start.trace import Traces
from portcall.stores.memory import Memory

COUNTS = (10, 1_000, 10_000)
TARGETS = {
    "p50_ms_10": 1.5, "p50_ms_1000": 2.0, "p50_ms_10000": 25.0, "p99_ms_10000": 125.0, "shipped_ms_10000": 5.0,
    "loop_block_ms": 20.0, "p50_ratio_functions": 1.6,
}  # fmt: skip
SHIPPED = ("user_selection", "logged_in", "needs_gpu", "fewest_sessions", "most_free_memory", "round_robin")

FORM_FILTER = "async function(input) { if (input.data.params.minRam) return; return input.forms[0]; }"
SCHEDULE = "function(input) { if (input.start.params.queue) return 'bsub ${ start.command }'; }"
EVENT = """function(input) {
  if (input.data.command.includes("rm -rf")) throw "This command is not allowed";
  input.data.params.checked = true;
  return input;
}"""
STEPS = {"form-filter": FORM_FILTER, "schedule": SCHEDULE, "start-event": EVENT}
CHAIN = {
    "GPU servers": "function(input) { return input.servers.filter(s => s.staticData.gpu); }",
    "Groups": """async function(input) {
  const mine = input.userGroups;
  return input.servers.filter(s => !s.staticData.group || mine.includes(s.staticData.group));
}""",
    "Fewest": """function(input) {
  const sorted = input.servers.sort((a, b) => a.sessions - b.sessions);
  return sorted[0].serverId;
}""",
}


def form_filter(given: dict[str, Any]) -> Any:
    return None if given["data"]["params"].get("minRam") else given["forms"][0]


def schedule(given: dict[str, Any]) -> Any:
    return "bsub" if given["start"]["params"].get("queue") else None


def event(given: dict[str, Any]) -> Any:
    if "rm -rf" in given["data"]["command"]:
        raise PermissionError
    given["data"]["params"]["checked"] = True
    return given


def plain(servers: list[dict[str, Any]], groups: list[str]) -> str:
    """The chain of three in plain Python."""
    found = [server for server in servers if server["staticData"]["gpu"]]
    found = [server for server in found if not server["staticData"]["group"] or server["staticData"]["group"] in groups]
    return str(min(found, key=lambda server: server["sessions"])["serverId"])


INPUTS: dict[str, Make] = {name: functools.partial(sample, BY_NAME[name]) for name in STEPS}


class Configured:
    """The documents of a server, as far as functions look at them."""

    def enabled(self, kind: str) -> list[FunctionDocument]:
        return [FunctionDocument(kind, kind, kind, STEPS[kind])]


class Decisions:
    """Everything that administrators decide about a start, as the pipeline has it done."""

    def __init__(self, engine: Engine, cluster: Cluster) -> None:
        self._functions = Functions(Configured(), {engine.name: engine}, cluster.roster, Recorded(Clock()))
        self._traces = Traces(Memory(Clock()), Bus(), Clock())
        self._balance = Balance(cluster.placed, cluster.roster)
        kind = BY_NAME["start-balance"]
        self._chain: list[Policy] = [
            plugins.find("policies", "function")(engine, Source(name, text), kind) for name, text in CHAIN.items()
        ]
        self._input = {name: value for name, value in sample(kind).items() if name not in ("servers", "action")}
        self._input["userGroups"] = ["users", "group0", "group1", "group2", "group3"]
        self._number = 0

    async def decide(self) -> float:
        """Milliseconds of one."""
        began = time.perf_counter()
        trace = self._traces.begin(f"s{self._number}", "alice")
        foreseen = await self._functions.foresee(INPUTS)
        for name, make in INPUTS.items():
            await self._functions.first(name, make, trace, foreseen=foreseen)
        self._number += 1
        decision = await self._balance.choose(self._chain, START, self._input, f"s{self._number}")
        took = 1000 * (time.perf_counter() - began)
        assert decision.server_id, decision.error
        self._balance.placed.running(f"s{self._number}")
        return took

    def shipped(self) -> float:
        """Milliseconds of one with shipped policies alone."""
        chain = [plugins.find("policies", name)() for name in SHIPPED]
        began = time.perf_counter()
        decision = self._balance.choose_now(chain, START, self._input)
        assert decision.server_id
        return 1000 * (time.perf_counter() - began)


async def measure(count: int, rounds: int) -> dict[str, list[float]]:
    cluster, lag = Cluster(count), Lag()
    # as the server does it once it is up
    gc.collect()
    gc.freeze()
    engine = plugins.find("functions", "javascript")()
    decisions = Decisions(engine, cluster)
    tasks = [asyncio.ensure_future(work) for work in (cluster.change(), lag.watch())]
    samples: dict[str, list[float]] = {"javascript": [], "shipped": [], "python": [], "block": []}
    for _ in range(10):
        await decisions.decide()
        await asyncio.sleep(0.1)
    lag.worst = 0.0
    for _ in range(rounds):
        samples["javascript"].append(await decisions.decide())
        await asyncio.sleep(0)  # another decision
        samples["shipped"].append(decisions.shipped())
        with lag.apart():
            samples["python"].append(in_python(cluster))
        await asyncio.sleep(0)  # changes come between decisions
    samples["block"] = [1000 * lag.worst]
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    await engine.close()
    gc.unfreeze()
    return samples


def in_python(cluster: Cluster) -> float:
    servers = [document for document in cluster.roster.documents if document is not None]
    began = time.perf_counter()
    for name, function in (("form-filter", form_filter), ("schedule", schedule), ("start-event", event)):
        function(sample(BY_NAME[name]))
    plain(servers, ["group0", "group1", "group2", "group3"])
    return 1000 * (time.perf_counter() - began)


def rows(found: dict[int, dict[str, list[float]]]) -> Iterator[tuple[object, ...]]:
    for count, samples in found.items():
        for way in ("javascript", "shipped", "python"):
            took = samples[way]
            p50, p99 = statistics.median(took), report.percentile(took, 0.99)
            yield (f"{count} servers, {way}", len(took), f"{p50:.2f}", f"{p99:.2f}", f"{max(took):.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=300, help="decisions for each number of servers")
    parser.add_argument("--starts", type=int, default=50, help="starts with functions, against bare Xvnc")
    options = parser.parse_args()
    rounds, starts = options.rounds, options.starts
    print(report.machine())
    report.title(f"a whole decision, ms; {', '.join(CHAIN)}; every server changes every 30 s")
    found = {count: uvloop.run(measure(count, rounds)) for count in COUNTS}
    report.table(("", "n", "p50", "p99", "max"), rows(found))
    for count, samples in found.items():
        report.raw(f"javascript, {count}", samples["javascript"], 2)
        print(f"  event loop away at most: {samples['block'][0]:.1f} ms")
    figures = {f"p50_ms_{count}": statistics.median(found[count]["javascript"]) for count in COUNTS}
    figures |= {
        "p99_ms_10000": report.percentile(found[10_000]["javascript"], 0.99),
        "shipped_ms_10000": statistics.median(found[10_000]["shipped"]),
        "loop_block_ms": max(samples["block"][0] for samples in found.values()),
    }
    figures["p50_ratio_functions"] = functions.ratio(starts, STEPS, CHAIN)
    report.finish(figures, TARGETS)


if __name__ == "__main__":
    account.run(main)
