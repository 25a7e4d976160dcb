"""Bytes, latency, connections and memory of the viewer's path, against websockify: ``make bench-view``."""

from __future__ import annotations

import argparse
import contextlib
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench import account, place, processes, report, tools, websockify
from bench.place import Place
from bench.waiting import rest, until
from bench.websockify import Bridge

WIDTH, HEIGHT = 1920, 1080
TARGETS = {
    "bytes_ratio_xvnc": -1.1, "bytes_ratio": -1.15, "bytes_ratio_tls": -1.3, "latency_ratio": 0.85, "busy_echo_ms": 1.5,
    "connects_ratio": -8.0, "connects_ratio_tls": -5.0, "kib_per_connection": 16.0,
}  # fmt: skip


@dataclass(frozen=True)
class Sizes:
    rounds: int = 9
    bulk: int = 1_500_000_000
    bulk_tls: int = 700_000_000
    frames: int = 150
    echoes: int = 5000
    busy: int = 1000
    connects: int = 2000
    connects_tls: int = 600
    connects_theirs: int = 200
    held: int = 2000
    held_theirs: int = 20


QUICK = Sizes(2, 200_000_000, 100_000_000, 20, 500, 400, 200, 100, 40, 200, 4)


@dataclass(frozen=True)
class Ours:
    """The way through our server to the sessions named."""

    server: Place
    ids: list[str]

    @property
    def target(self) -> list[str]:
        return self.server.target

    @property
    def pid(self) -> int:
        return self.server.process.pid

    def tickets(self, count: int) -> str:
        return str(self.server.tickets(self.ids, count))


Way = Ours | Bridge
Pair = tuple[Ours, Bridge]


@dataclass
class Measure:
    """One figure of both sides, round by round."""

    name: str
    unit: str
    theirs: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)
    cpu_theirs: list[float] = field(default_factory=list)
    cpu_ours: list[float] = field(default_factory=list)
    digits: int = 0

    def ratio(self) -> float:
        return statistics.median(self.ours) / statistics.median(self.theirs)

    def row(self) -> tuple[str, ...]:
        cpu = [f"{statistics.median(used):.2f}" if used else "" for used in (self.cpu_theirs, self.cpu_ours)]
        return (
            f"{self.name}, {self.unit}", report.spread(self.theirs, self.digits), report.spread(self.ours, self.digits),
            f"{self.ratio():.2f}", *cpu,
        )  # fmt: skip


def view(way: Way, viewers: int, what: str, *more: object) -> list[float]:
    arguments = [*way.target, way.tickets(viewers), what, *(str(item) for item in more)]
    return [float(figure) for figure in tools.run("view", arguments).split()]


def check(way: Way, size: int) -> None:
    """A stream that is not what was sent is worth no measuring: ToolFailed."""
    tools.run("view", [*way.target, way.tickets(1), "check", str(size)])


def bulk(way: Way, size: int) -> tuple[float, float]:
    """MB/s, and processor seconds for a GB."""
    before = processes.cpu_seconds(way.pid)
    (seconds,) = view(way, 1, "bulk", size)
    rest(0.2)  # a process for the connection has been waited for
    return size / seconds / 1e6, (processes.cpu_seconds(way.pid) - before) / (size / 1e9)


def frames(way: Way, count: int) -> tuple[float, float]:
    before = processes.cpu_seconds(way.pid)
    seconds, moved = view(way, 1, "frames", count, WIDTH, HEIGHT)
    rest(0.2)
    return moved / seconds / 1e6, (processes.cpu_seconds(way.pid) - before) / (moved / 1e9)


def connects(way: Way, count: int) -> float:
    (seconds,) = view(way, count, "connects", count, 16)
    return count / seconds


@contextlib.contextmanager
def posing(server: Place, display: str, count: int = 1) -> Iterator[Ours]:
    """Sessions of this server whose display is the synthetic source."""
    ids = [f"bench-{number}" for number in range(count)]
    socket_path = next(server.folder.glob("run/server.sock"))
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.source", str(socket_path), display, *ids], cwd=tools.TOP, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    try:
        for session_id in ids:
            path = f"/sessions/{session_id}"
            until(lambda: server.http.get(path).is_success, f"session {session_id}")  # noqa: B023
        yield Ours(server, ids)
    finally:
        process.terminate()
        process.wait(10)


def certificate(folder: Path) -> tuple[str, str]:
    """The same for both sides: P-256, as the server makes them for itself."""
    names = (str(folder / "certificate.pem"), str(folder / "key.pem"))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-out", names[0], "-keyout", names[1]],
        check=True, capture_output=True,
    )  # fmt: skip
    return names


def held(way: Way, count: int) -> float:
    """KiB of proportional memory for each of so many connections that are held."""
    view(way, 1, "connects", 1, 1)
    rest(0.5)
    before = way.pss_kib() if isinstance(way, Bridge) else processes.pss_kib(way.pid)
    holder = tools.Tool("view", [*way.target, way.tickets(count), "hold", str(count)], until="held")
    holder.answer()
    rest(1.0)
    after = way.pss_kib() if isinstance(way, Bridge) else processes.pss_kib(way.pid)
    holder.close()
    return (after - before) / count


class Rounds:
    """All measures, one after the other, ours and theirs in turn; and so again, round by round."""

    def __init__(self, sizes: Sizes, plain: Pair, tls: Pair, real: Pair) -> None:
        self._sizes = sizes
        self._plain, self._tls, self._real = plain, tls, real
        self.xvnc = Measure("real Xvnc, raw 1080p", "MB/s")
        self.bulk = Measure("synthetic source", "MB/s")
        self.bulk_tls = Measure("synthetic source, TLS", "MB/s")
        self.echo = Measure("echo p50", "us")
        self.echo99 = Measure("echo p99", "us")
        self.echo_tls = Measure("echo p50, TLS", "us")
        self.busy = Measure("echo p50 beside four bulk viewers", "us")
        self.busy_bulk = Measure("those four together", "MB/s")
        self.connects = Measure("new connections", "1/s")
        self.connects_tls = Measure("new connections, TLS", "1/s")

    def all(self) -> list[Measure]:
        return [measure for measure in vars(self).values() if isinstance(measure, Measure)]

    def run(self) -> None:
        for number in range(self._sizes.rounds):
            for side in (0, 1) if number % 2 else (1, 0):
                self._bytes(side)
            for side in (0, 1) if number % 2 else (1, 0):
                self._times(side)
            print(f"  round {number + 1} of {self._sizes.rounds}", file=sys.stderr, flush=True)

    def _bytes(self, side: int) -> None:
        for measure, (moved, cpu) in (
            (self.xvnc, frames(self._real[side], self._sizes.frames)),
            (self.bulk, bulk(self._plain[side], self._sizes.bulk)),
            (self.bulk_tls, bulk(self._tls[side], self._sizes.bulk_tls)),
        ):
            _add(measure, side, moved)
            (measure.cpu_theirs if side else measure.cpu_ours).append(cpu)

    def _times(self, side: int) -> None:
        plain, tls, sizes = self._plain[side], self._tls[side], self._sizes
        p50, p99, _ = view(plain, 1, "echo", sizes.echoes)
        _add(self.echo, side, p50)
        _add(self.echo99, side, p99)
        _add(self.echo_tls, side, view(tls, 1, "echo", sizes.echoes)[0])
        busy50, _, moved = view(plain, 5, "busy", sizes.busy, 4)
        _add(self.busy, side, busy50)
        _add(self.busy_bulk, side, moved / 1e6)
        _add(self.connects, side, connects(plain, sizes.connects_theirs if side else sizes.connects))
        _add(self.connects_tls, side, connects(tls, sizes.connects_theirs if side else sizes.connects_tls))


def _add(measure: Measure, side: int, figure: float) -> None:
    (measure.theirs if side else measure.ours).append(figure)


def measure_memory(sizes: Sizes, display: str, keys: tuple[str, str]) -> tuple[float, float, float]:
    """Of fresh servers: ours plain, ours with TLS, theirs."""
    figures = []
    for tls in (None, keys):
        with place.opened({}, tls) as server, posing(server, display) as ours:
            figures.append(held(ours, sizes.held))
    with websockify.bridge(display) as theirs:
        figures.append(held(theirs, sizes.held_theirs))
    return figures[0], figures[1], figures[2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds: checks the bench, proves nothing")
    parser.add_argument("--rounds", type=int, default=0, help="other than 9")
    options = parser.parse_args()
    sizes = QUICK if options.quick else Sizes()
    if options.rounds:
        sizes = Sizes(**{**vars(sizes), "rounds": options.rounds})
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # inherited by the server
    print(report.machine())
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pcb-", dir="/tmp")))
        keys = certificate(folder)
        display = str(folder / "source")
        source = tools.Tool("source", [display], until="ready")
        stack.callback(source.close)
        source.answer()
        rounds = _rounds(stack, sizes, display, keys)
        rounds.run()
        memory = measure_memory(sizes, display, keys)
    show(sizes, rounds, memory)


def _rounds(stack: contextlib.ExitStack, sizes: Sizes, display: str, keys: tuple[str, str]) -> Rounds:
    server = stack.enter_context(place.opened())
    server_tls = stack.enter_context(place.opened({}, keys))
    ours = stack.enter_context(posing(server, display))
    ours_tls = stack.enter_context(posing(server_tls, display))
    theirs = stack.enter_context(websockify.bridge(display))
    theirs_tls = stack.enter_context(websockify.bridge(display, keys))
    session = server.start(geometry=f"{WIDTH}x{HEIGHT}")["id"]
    real = stack.enter_context(websockify.bridge(str(server.sessions_folder() / session / "rfb")))
    for way in (ours, theirs, ours_tls, theirs_tls):
        check(way, 100_000_000)
    print(f"ours:   one server, one process; TLS by the server. theirs: {websockify.settings()}")
    for bridge in (theirs, theirs_tls, real):
        print(f"        {' '.join(bridge.argv[1:])}")
    print("        every byte of 100 MB came through each of them as it was sent")
    return Rounds(sizes, (ours, theirs), (ours_tls, theirs_tls), (Ours(server, [session]), real))


def show(sizes: Sizes, rounds: Rounds, memory: tuple[float, float, float]) -> None:
    report.title(f"median (smallest-largest) of {sizes.rounds} interleaved rounds")
    head = ("", "websockify", "portcall", "ratio", "its CPU s/GB", "our CPU s/GB")
    report.table(head, [measure.row() for measure in rounds.all()])
    for measure in rounds.all():
        report.raw(f"websockify {measure.name}", measure.theirs, measure.digits)
        report.raw(f"portcall   {measure.name}", measure.ours, measure.digits)
    report.title(f"memory for a held connection, KiB (ours of {sizes.held}, websockify's of {sizes.held_theirs})")
    report.table(("portcall", "portcall, TLS (at most 64)", "websockify"), [tuple(f"{kib:.1f}" for kib in memory)])
    report.finish(
        {
            "bytes_ratio_xvnc": rounds.xvnc.ratio(), "bytes_ratio": rounds.bulk.ratio(),
            "bytes_ratio_tls": rounds.bulk_tls.ratio(), "latency_ratio": rounds.echo.ratio(),
            "busy_echo_ms": statistics.median(rounds.busy.ours) / 1000, "connects_ratio": rounds.connects.ratio(),
            "connects_ratio_tls": rounds.connects_tls.ratio(), "kib_per_connection": memory[0],
        },
        TARGETS,
    )  # fmt: skip


if __name__ == "__main__":
    account.run(main)
