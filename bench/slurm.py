"""What many pending sessions and open pages cost Slurm, and what a scheduled start costs: ``make bench-slurm``."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

from bench import account, place, report, xvnc
from bench.place import Place
from bench.waiting import rest, until
from portcall.testing.slurm import Slurm

GEOMETRY, COMMAND = "1280x800", "sleep infinity"
TARGETS = {"queue_calls_per_minute": 12.0, "overhead_s": 0.5}
# What others document. batchspawner: ``startup_poll_interval`` 0.5 s, a query command for each server that starts
# (batchspawner/batchspawner.py). Open OnDemand: ``bc_sessions_poll_delay`` 10 s, for each page of sessions that is
# open (config/configuration_singleton.rb), which asks for each session on it.
_BATCHSPAWNER, _ONDEMAND = 0.5, 10.0
_ASKING = re.compile(r"^\s*(REQUEST_JOB_\w*INFO\w*|REQUEST_\w*JOB_STEP_INFO)\s.*count:(\d+)", re.MULTILINE)


def questions() -> int:
    """How often the controller was asked about jobs, by its own count."""
    said = subprocess.run(["sdiag"], capture_output=True, text=True, check=True, timeout=60).stdout
    return sum(int(count) for _, count in _ASKING.findall(said))


@contextlib.contextmanager
def pages(server: Place, count: int) -> Iterator[None]:
    """So many pages are open: each follows the events of the server, as the sessions page does."""
    waiting, over = selectors.DefaultSelector(), threading.Event()
    for _ in range(count):
        sock = socket.create_connection((place.HOST, int(server.port)))
        sock.sendall(
            f"GET /api/events HTTP/1.1\r\nHost: {place.HOST}\r\nAuthorization: Bearer {server.token}\r\n\r\n".encode()
        )
        sock.setblocking(False)
        waiting.register(sock, selectors.EVENT_READ)

    def read() -> None:
        while not over.is_set():
            for key, _ in waiting.select(0.2):
                key.fileobj.recv(1 << 20)  # type: ignore[union-attr]

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield
    finally:
        over.set()
        reader.join()
        for key in list(waiting.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]


def submit(server: Place, **request: Any) -> str:
    answer = server.call("POST", "/sessions", {"command": COMMAND, "geometry": GEOMETRY, **request})
    return str(answer["result"]["id"])


def asked(server: Place, open_pages: int, seconds: float) -> float:
    """Questions a minute, while people submit and give up."""
    with pages(server, open_pages):
        before, began = questions(), time.monotonic()
        while time.monotonic() - began < seconds:
            gone = submit(server)
            rest(min(7.0, seconds / 4))
            server.call("POST", f"/sessions/{gone}/terminate", {})
        return 60 * (questions() - before) / (time.monotonic() - began)


def calls(server: Place, sessions: int, open_pages: int, seconds: float) -> float:
    report.title(f"{sessions} pending sessions")
    began = time.monotonic()
    for _ in range(sessions + 1):  # the first one runs, the others wait for it
        submit(server)
    print(f"submitted within {time.monotonic() - began:.1f} s")
    rest(10)
    one, many = asked(server, 1, seconds), asked(server, open_pages, seconds)
    listed = server.call("GET", "/sessions")["sessions"]
    places = {row["job"]["place"] for row in listed if row["state"] == "pending"}
    print(f"{len(places)} places in the queue are shown\n")
    theirs = 60 / _ONDEMAND * open_pages
    report.table(
        ("questions to the scheduler a minute", "one page", f"{open_pages} pages"),
        [
            ("Portcall, by slurmctld's own count", f"{one:.1f}", f"{many:.1f}"),
            ("batchspawner, as documented", f"{sessions * 60 / _BATCHSPAWNER:,.0f}", "the same"),
            ("Open OnDemand, as documented", f"{60 / _ONDEMAND * sessions:,.0f}",
             f"{theirs:,.0f} to {theirs * sessions:,.0f}"),
        ],
    )  # fmt: skip
    print("Open OnDemand: all sessions one person's on each page, or one session on each page\n")
    for row in server.call("GET", "/sessions")["sessions"]:
        if row["state"] != "ended":
            server.call("POST", f"/sessions/{row['id']}/purge", {})
    until(lambda: not _queue(), "an empty queue", 120, 0.5)
    return max(one, many)


def _queue() -> str:
    return subprocess.run(["squeue", "--noheader"], capture_output=True, text=True, check=True, timeout=60).stdout


def scheduled_start(server: Place) -> float:
    """Seconds from the beginning of the job's script until the server says that the session runs."""
    with server.http.stream("GET", "/events", timeout=60) as events:
        lines = events.iter_lines()
        next(lines)
        session_id = submit(server)
        for line in lines:
            if line.startswith("data:") and session_id in line and json.loads(line[5:]).get("state") == "running":
                break
        took = time.clock_gettime(time.CLOCK_BOOTTIME) - _began()
    server.call("POST", f"/sessions/{session_id}/purge", {})
    until(lambda: not _queue(), "an empty queue", 60, 0.1)
    return took


def _began() -> float:
    """When the job's script was started, in seconds since the boot: it has become the program that starts the session,
    and that stays while its session does."""
    ticks = os.sysconf("SC_CLK_TCK")
    for pid in psutil.pids():
        with contextlib.suppress(OSError):
            process = Path("/proc", str(pid))
            if process.stat().st_uid == os.getuid() and b"start-weblink" in (process / "cmdline").read_bytes():
                name, rest_of_it = (process / "stat").read_text().rsplit(")", 1)
                if "portcall" not in name:
                    return int(rest_of_it.split()[19]) / ticks
    raise RuntimeError("there is no job")


def overhead(server: Place, rounds: int, folder: Path) -> float:
    report.title("a scheduled start: from the beginning of the job until the session runs")
    bare, _ = xvnc.bare(folder, GEOMETRY)
    bare.ask("1")
    scheduled_start(server)
    ours, theirs = [], []
    for _ in range(rounds):
        theirs.append(float(bare.ask("1")[0]) / 1000)
        ours.append(scheduled_start(server))
    bare.close()
    report.table(
        ("seconds", "n", "median (smallest-largest)"),
        [("scheduled", rounds, report.spread(ours, 3)), ("bare Xvnc", rounds, report.spread(theirs, 3))],
    )
    report.raw("scheduled", ours, 3)
    report.raw("bare", theirs, 3)
    return statistics.median(ours) - statistics.median(theirs)


def measure(options: argparse.Namespace) -> None:
    print(report.machine())
    with (
        tempfile.TemporaryDirectory(prefix="pcb-", dir="/tmp") as folder,
        place.opened({"launcher": "slurm"}) as server,
    ):
        least = overhead(server, 3 if options.quick else 15, Path(folder))
        most = calls(server, 20 if options.quick else 200, 50, 20 if options.quick else 120)
    report.finish({"queue_calls_per_minute": most, "overhead_s": least}, TARGETS)


def with_slurm(main: Callable[[], None], cores: int = 1, more: str = "") -> None:
    """``main`` as an ordinary account, beside a Slurm of its own, which only root can start."""
    if os.geteuid() != 0:
        sys.exit("this needs root: it starts a Slurm of its own")
    with Slurm(cores, more) as slurm:
        os.environ.update(slurm.environment)
        account.run(main)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few samples: shows that it works, proves nothing")
    chosen = parser.parse_args()
    with_slurm(lambda: measure(chosen))
