"""What idle sessions cost in memory and processor time, displays and commands not counted: ``make bench-idle``."""

from __future__ import annotations

import argparse
import time

from bench import account, place, processes, report
from bench.place import Place
from bench.waiting import rest, until

TARGETS = {"mib_1": 15.0, "mib_50": 4.0, "cpu_percent": 0.1}
COMMAND = "sleep infinity"


def memory(server: Place, sessions: int) -> list[float]:
    """MiB of each of our processes that run as the user, once all of them have come up."""
    # one for each session, and the link's
    until(lambda: len(server.user_side()) > sessions, f"the processes of {sessions} sessions", 30)
    rest(2)  # what a start has left to do is done
    return [processes.pss_kib(pid) / 1024 for pid in server.user_side()]


def at_rest(server: Place, seconds: float) -> list[float]:
    """Per cent of a core that each process took."""
    pids = server.user_side()
    before = {pid: processes.exact_cpu_seconds(pid) for pid in pids}
    began = time.monotonic()
    rest(seconds)
    lasted = time.monotonic() - began
    return [100 * (processes.exact_cpu_seconds(pid) - before[pid]) / lasted for pid in pids]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few sessions, briefly: checks the bench alone")
    quick: bool = parser.parse_args().quick
    many, seconds = (5, 5.0) if quick else (50, 60.0)
    print(report.machine())
    print(f"our processes of one user (link and session daemons), command {COMMAND!r}; no viewer, no web page open")
    with place.opened() as server:
        server.start(command=COMMAND)
        lone = memory(server, 1)
        lone_cpu = at_rest(server, seconds)
        for _ in range(many - 1):
            server.start(command=COMMAND)
        all_of_them = memory(server, many)
        cpu = at_rest(server, seconds)
        server_mib = processes.pss_kib(server.process.pid) / 1024
        server_cpu = at_rest_of_server(server, min(seconds, 20))
    report.title("memory, MiB proportional set size (smaps_rollup)")
    report.table(
        ("sessions", "processes", "sum", "for a session", "smallest", "largest"),
        [
            (count, len(sizes), *(f"{mib:.2f}" for mib in (sum(sizes), sum(sizes) / count, min(sizes), max(sizes))))
            for count, sizes in ((1, lone), (many, all_of_them))
        ],
    )
    report.raw("MiB at 1", lone, 2)
    report.raw(f"MiB at {many}", all_of_them, 2)
    report.title(f"processor use at rest over {seconds:g} s, per cent of a core")
    report.table(
        ("sessions", "sum", "for a session", "busiest process"),
        [
            (count, f"{sum(used):.3f}", f"{sum(used) / count:.4f}", f"{max(used):.4f}")
            for count, used in ((1, lone_cpu), (many, cpu))
        ],
    )
    report.raw("% at 1", lone_cpu, 4)
    report.raw(f"% at {many}", cpu, 4)
    print(f"  beside it, the server with {many} sessions: {server_mib:.0f} MiB, {server_cpu:.2f} % of a core")
    report.finish(
        {
            "mib_1": sum(lone),
            "mib_50": sum(all_of_them) / many,
            "cpu_percent": max(sum(cpu) / many, sum(lone_cpu)),
        },
        TARGETS,
    )


def at_rest_of_server(server: Place, seconds: float) -> float:
    before = processes.exact_cpu_seconds(server.process.pid)
    rest(seconds)
    return 100 * (processes.exact_cpu_seconds(server.process.pid) - before) / seconds


if __name__ == "__main__":
    account.run(main)
