"""How long a large simulation takes: ``make bench-simulate``."""

from __future__ import annotations

import argparse
import asyncio
import time

from bench import report
from portcall import plugins
from portcall.simulate import servers, synthetic
from portcall.simulate.replay import Replay, Rules

STARTS, SERVERS = 100_000, 1_000
CHAINS = ("fewest_sessions", "needs_gpu,most_free_memory")
TARGETS = {"seconds": 120.0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few starts: checks the bench, proves nothing")
    count = 2_000 if parser.parse_args().quick else STARTS
    print(report.machine())
    duration = synthetic.distribution("lognormal:2h,1", synthetic.seconds)
    memory = synthetic.distribution("lognormal:1G,0.5", synthetic.size)
    report.title(f"{count} starts on {SERVERS} servers, records every 10 s, one chain after the other")
    rows, total = [], time.perf_counter()
    starts = synthetic.make_up(count, "poisson", SERVERS * 8 / duration.mean, duration, memory, 500, 1)
    for name in CHAINS:
        steps = [plugins.find("policies", step)() for step in name.split(",")]
        replay = Replay(name, steps, None, servers.make_up(SERVERS), Rules())
        figures = asyncio.run(replay.run(starts)).figures()
        rows.append((name, f"{figures['took s']:.1f}", f"{figures['decision ms p50']:.2f}",
                     f"{figures['decision ms p95']:.2f}", f"{figures['sessions std dev p50']:.2f}"))  # fmt: skip
    report.table(("chain", "seconds", "decision ms p50", "p95", "std dev of sessions"), rows)
    print(f"all of it, both chains: {time.perf_counter() - total:.1f} s")
    report.finish({"seconds": time.perf_counter() - total}, TARGETS)


if __name__ == "__main__":
    main()
