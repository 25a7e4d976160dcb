"""Time from the request to the first bytes of the picture, against bare Xvnc: ``make bench-start``."""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import account, place, report, tools, xvnc
from bench.place import Place
from bench.waiting import rest, until

GEOMETRY, COMMAND = "1280x800", "sleep infinity"
_AFTER_A_BURST = 3.0  # seconds: what the one before has left to clean up is not the next one's
TARGETS = {
    "p50_ratio": 1.3, "p95_ratio": 2.0, "burst50_ratio": 1.3, "burst50_p50_ratio": 0.85, "warm_p50_ratio": 0.2,
}  # fmt: skip


@dataclass
class Samples:
    """Milliseconds of each start, of one way to start."""

    took: list[float] = field(default_factory=list)
    posted: list[float] = field(default_factory=list)
    steps: dict[str, list[float]] = field(default_factory=dict)


class Starter:
    """Our side: starts, reads the trace, and waits until nothing is left. ``more``: what the request also says."""

    def __init__(self, server: Place, query: str, **more: Any) -> None:
        self._server = server
        body = json.dumps({"command": COMMAND, "geometry": GEOMETRY, **more})
        self._tool = tools.Tool("start", [*server.target, f"/api/sessions?{query}", body])
        self._tool.tell(server.token)

    def start(self, count: int, into: Samples) -> list[float]:
        ids, took = [], []
        for line in self._tool.ask(str(count)):
            total, posted, url = line.split()
            took.append(float(total))
            into.posted.append(float(posted))
            ids.append(url.rpartition("/")[2])
        for session_id in ids:
            until(lambda: self._server.call("GET", f"/sessions/{session_id}")["state"] != "pending", "the start")  # noqa: B023
            self._trace(session_id, into)
        self._server.end(ids)
        into.took += took
        return took

    def _trace(self, session_id: str, into: Samples) -> None:
        for step in self._server.call("GET", f"/sessions/{session_id}/trace")["steps"]:
            into.steps.setdefault(step["step"], []).append(1000 * float(step["took"] or 0))

    def close(self) -> None:
        self._tool.close()


def bare_starts(tool: tools.Tool, count: int) -> list[float]:
    return [float(line) for line in tool.ask(str(count))]


def alternate(rounds: int, *ways: Callable[[], object]) -> None:
    """Each way once a round, in turning order, so that none has the better place."""
    for number in range(rounds):
        turn = number % len(ways)
        for way in (*ways[turn:], *ways[:turn]):
            way()


def show(rows: list[tuple[str, list[float]]], bare_samples: list[float]) -> None:
    base50, base95 = statistics.median(bare_samples), report.percentile(bare_samples, 0.95)
    head = ("one at a time, ms", "n", "p50", "p95", "min", "max", "p50 x bare", "p95 x bare")
    table = []
    for name, samples in rows:
        p50, p95 = statistics.median(samples), report.percentile(samples, 0.95)
        figures = [f"{figure:.1f}" for figure in (p50, p95, min(samples), max(samples))]
        table.append((name, len(samples), *figures, f"{p50 / base50:.2f}", f"{p95 / base95:.2f}"))
    report.table(head, table)
    for name, samples in rows:
        report.raw(name, samples)


def show_steps(samples: Samples) -> None:
    report.title("where the time goes: median of each step's own time, from the trace")
    rows = [(name, len(took), report.spread(took, 2)) for name, took in samples.steps.items()]
    report.table(("step", "n", "ms"), rows)
    print(f"POST answered after {report.spread(samples.posted)} ms\n")


def warm_ready(server: Place) -> None:
    """A display waits warm: the only one there is. What it still does at its start is over a moment later."""
    until(server.displays, "a warm display")
    rest(0.5)


def one_at_a_time(server: Place, bare: tools.Tool, count: int) -> tuple[list[float], Samples, Samples]:
    bare_samples: list[float] = []
    at_once, late = Samples(), Samples()
    first, second = Starter(server, "wait=0&connect=1"), Starter(server, "wait=1&connect=1")
    first.start(1, Samples())  # the link is up, files are in memory
    bare_starts(bare, 1)
    alternate(
        count,
        lambda: bare_samples.extend(bare_starts(bare, 1)),
        lambda: first.start(1, at_once),
        lambda: second.start(1, late),
    )
    first.close()
    second.close()
    return bare_samples, at_once, late


def bursts(server: Place, bare: tools.Tool, rounds: int, size: int) -> tuple[list[list[float]], list[list[float]]]:
    theirs: list[list[float]] = []
    ours: list[list[float]] = []
    starter = Starter(server, "wait=0&connect=1")
    samples = Samples()

    def at_rest(burst: Callable[[], list[float]]) -> list[float]:
        rest(_AFTER_A_BURST)
        return burst()

    alternate(
        rounds,
        lambda: theirs.append(at_rest(lambda: bare_starts(bare, size))),
        lambda: ours.append(at_rest(lambda: starter.start(size, samples))),
    )
    starter.close()
    return theirs, ours


def show_bursts(size: int, theirs: list[list[float]], ours: list[list[float]]) -> tuple[float, float]:
    report.title(f"{size} at once, {len(ours)} rounds: ms since the first of them")

    def figures(rounds: list[list[float]]) -> tuple[list[float], list[float]]:
        return [max(samples) for samples in rounds], [statistics.median(samples) for samples in rounds]

    (all_bare, p50_bare), (all_ours, p50_ours) = figures(theirs), figures(ours)
    # of the two of each round, which were measured one after the other: the machine's speed changes
    ratio = statistics.median(ours / bare for ours, bare in zip(all_ours, all_bare, strict=True))
    p50_ratio = statistics.median(ours / bare for ours, bare in zip(p50_ours, p50_bare, strict=True))
    report.table(
        ("", "all ready", "p50", "all x bare", "p50 x bare"),
        [
            ("bare Xvnc", report.spread(all_bare, 0), report.spread(p50_bare, 0), "", ""),
            ("portcall", report.spread(all_ours, 0), report.spread(p50_ours, 0), f"{ratio:.2f}", f"{p50_ratio:.2f}"),
        ],
    )
    for name, rounds in (("bare", theirs), ("ours", ours)):
        for samples in rounds:
            report.raw(name, sorted(samples), 0)
    return ratio, p50_ratio


def warm(count: int) -> Samples:
    samples = Samples()
    with place.opened({"warm_displays": 1, "warm_geometry": GEOMETRY}) as server:
        starter = Starter(server, "wait=0&connect=1")
        starter.start(1, Samples())
        for _ in range(count):
            warm_ready(server)
            starter.start(1, samples)
        starter.close()
    return samples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few samples: checks the bench, proves nothing")
    quick: bool = parser.parse_args().quick
    count, rounds, size, warm_count = (4, 1, 6, 4) if quick else (50, 7, 50, 30)
    print(report.machine())
    print("ours: POST /api/sessions on a kept connection, then WebSocket with the ticket, to 12 bytes of RFB; link up")
    print(f"      command {COMMAND!r}, {GEOMETRY}; a session is gone before the next start; load tool on this machine")
    with tempfile.TemporaryDirectory(prefix="pcb-", dir="/tmp") as folder:
        bare, argv = xvnc.bare(Path(folder), GEOMETRY)
        print(f"bare: posix_spawn to 12 bytes of RFB, connect retried each ms (5 ms in bursts): {' '.join(argv)}")
        with place.opened() as server:
            bare_samples, at_once, late = one_at_a_time(server, bare, count)
            theirs, ours = bursts(server, bare, rounds, size)
        warm_samples = warm(warm_count)
        bare.close()
    show(
        [
            ("bare Xvnc", bare_samples), ("portcall", at_once.took), ("portcall, wait=1", late.took),
            ("portcall, warm display", warm_samples.took),
        ],
        bare_samples,
    )  # fmt: skip
    show_steps(at_once)
    burst_ratio, burst_p50_ratio = show_bursts(size, theirs, ours)
    base = statistics.median(bare_samples)
    figures: dict[str, Any] = {
        "p50_ratio": statistics.median(at_once.took) / base,
        "p95_ratio": report.percentile(at_once.took, 0.95) / report.percentile(bare_samples, 0.95),
        "burst50_ratio": burst_ratio,
        "burst50_p50_ratio": burst_p50_ratio,
        "warm_p50_ratio": statistics.median(warm_samples.took) / base,
    }
    report.finish(figures, TARGETS)


if __name__ == "__main__":
    account.run(main)
