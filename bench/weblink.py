"""Bytes and latency of a session that calls in over the network, against the local way: ``make bench-weblink``.

A session that calls in runs on another host, with processors of its own. Here the server and its viewers have half of
the processors, and what belongs to sessions the other half, the same for both ways; a few rounds in which all share
all of them are shown beside it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pwd
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench import account, place, processes, report, tools, view
from bench.place import Place
from bench.view import Ours
from bench.waiting import rest, until
from portcall.clock import Clock
from portcall.login.tokens import Tokens
from portcall.stores.memory import Memory

TARGETS = {"bytes_ratio": -0.8, "added_ms": 0.2}
LOCAL, FAR = 0, 1
_SHARED = 3  # rounds
_PIECES = 3  # of a round's bytes: both ways' in turn, so that a machine whose speed changes changes it for both


@dataclass(frozen=True)
class Sizes:
    rounds: int = 9
    bulk: int = 1_500_000_000
    frames: int = 150
    echoes: int = 5000


QUICK = Sizes(2, 300_000_000, 20, 500)


@dataclass
class Both:
    """One figure, round by round, of the local way and of the one over the network."""

    name: str
    digits: int = 0
    local: list[float] = field(default_factory=list)
    far: list[float] = field(default_factory=list)

    def add(self, side: int, value: float) -> None:
        (self.far if side else self.local).append(value)

    def ratio(self) -> float:
        """Of the two sides of one round, which were measured beside one another."""
        return statistics.median(far / local for local, far in zip(self.local, self.far, strict=True) if local)

    def added(self) -> float:
        return statistics.median(far - local for local, far in zip(self.local, self.far, strict=True))

    def row(self) -> tuple[str, ...]:
        spreads = (report.spread(side, self.digits) for side in (self.local, self.far))
        return (self.name, *spreads, f"{self.ratio():.2f}")


def primary(server: Place, session_id: str) -> str:
    """A token for that session, signed with the server's own key, which only its user can read."""
    user = pwd.getpwuid(os.getuid()).pw_name
    tokens = Tokens(Memory(Clock()), Clock(), server.folder / "var" / "local", "")
    return tokens.sign_weblink(session_id, user, time.time() + 3600)


def url(server: Place) -> str:
    return f"http://{place.HOST}:{server.port}"


@contextlib.contextmanager
def far_posing(server: Place, display: str) -> Iterator[Ours]:
    """A session over a weblink whose display is the synthetic source."""
    session_id = "bench-far"
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.far_source", url(server), display, session_id],
        cwd=tools.TOP, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(primary(server, session_id) + "\n")
    process.stdin.flush()
    try:
        until(lambda: server.http.get(f"/sessions/{session_id}").is_success, f"session {session_id}")
        yield Ours(server, [session_id])
    finally:
        process.terminate()
        process.wait(10)


def far_session(server: Place, geometry: str) -> Ours:
    """A real session over a weblink, as a job would start it."""
    session_id = "bench-far-real"
    script = next(server.folder.glob("run/lib/*/scripts/start-weblink"))
    environment = {"WEBLINK_URL": url(server), "WEBLINK_PRIMARY": primary(server, session_id), "HOME": str(Path.home())}
    subprocess.run(
        [str(script), "--command", "sleep infinity", "--geometry", geometry, "--id", session_id],
        env=environment, check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    until(lambda: server.http.get(f"/sessions/{session_id}").is_success, f"session {session_id}")
    return Ours(server, [session_id])


class Hosts:
    """The processors as two hosts: ``server`` with the viewers, ``sessions``. One processor alone cannot be shared."""

    def __init__(self, server: list[int], sessions: list[int]) -> None:
        self._server, self._sessions = server, sessions
        self._all = os.sched_getaffinity(0)
        half = len(self._all) // 2
        ordered = sorted(self._all)
        self.halves = (set(ordered[:half]), set(ordered[half:])) if half else (self._all, self._all)

    def apart(self) -> None:
        self._pin(self._server, self.halves[0])
        self._pin(self._sessions, self.halves[1])

    def together(self) -> None:
        self._pin([*self._server, *self._sessions], self._all)

    def _pin(self, pids: list[int], processors: set[int]) -> None:
        """With their threads; what they start later has their processors."""
        for pid in pids:
            for thread in Path(f"/proc/{pid}/task").iterdir():
                with contextlib.suppress(ProcessLookupError):
                    os.sched_setaffinity(int(thread.name), processors)


def of_session(server: Place, session_id: str) -> list[int]:
    """The session's own process and its display."""
    record = json.loads((server.sessions_folder() / session_id / "session.json").read_text())
    return [pid for name, (pid, _) in record["processes"].items() if name != "command"]


class Rounds:
    """All measures in turn, each of both ways one after the other, which change places from round to round.

    ``session_side``: the source, and what poses with it; what they start for a viewer they wait for.
    """

    def __init__(
        self, sizes: Sizes, synthetic: tuple[Ours, Ours], real: tuple[Ours, Ours], session_side: list[int]
    ) -> None:
        self._sizes, self._synthetic, self._real, self._session_side = sizes, synthetic, real, session_side
        self.bulk = Both("synthetic source, MB/s")
        self.xvnc = Both("real Xvnc, raw 1080p, MB/s")
        self.echo = Both("echo p50, us")
        self.echo99 = Both("echo p99, us")
        self.cpu = Both("processor of the server, s/GB", 2)
        self.cpu_session = Both("processor of the session's side, s/GB", 2)

    def all(self) -> list[Both]:
        return [measure for measure in vars(self).values() if isinstance(measure, Both)]

    def run(self, rounds: int) -> None:
        for number in range(rounds):
            order = (LOCAL, FAR) if number % 2 else (FAR, LOCAL)
            self._bulk(order)
            for side in order:
                self.xvnc.add(side, view.frames(self._real[side], self._sizes.frames)[0])
            for side in order:
                p50, p99, _ = view.view(self._synthetic[side], 1, "echo", self._sizes.echoes)
                self.echo.add(side, p50)
                self.echo99.add(side, p99)
            print(f"  round {number + 1} of {rounds}", file=sys.stderr, flush=True)

    def _bulk(self, order: tuple[int, int]) -> None:
        pieces: dict[int, list[tuple[float, float, float]]] = {LOCAL: [], FAR: []}
        for side in order * _PIECES:
            pieces[side].append(self._piece(side))
        for side, measured in pieces.items():
            moved, cpu, cpu_session = zip(*measured, strict=True)
            self.bulk.add(side, statistics.harmonic_mean(moved))  # all bytes by all seconds
            self.cpu.add(side, statistics.mean(cpu))
            self.cpu_session.add(side, statistics.mean(cpu_session))

    def _piece(self, side: int) -> tuple[float, float, float]:
        size, before = self._sizes.bulk // _PIECES, self._spent()
        moved, cpu = view.bulk(self._synthetic[side], size)
        return moved, cpu, (self._spent() - before) / (size / 1e9)

    def _spent(self) -> float:
        return sum(processes.cpu_seconds(pid) for pid in self._session_side)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds: checks the bench, proves nothing")
    parser.add_argument("--rounds", type=int, default=0, help="other than 9")
    options = parser.parse_args()
    sizes = QUICK if options.quick else Sizes()
    if options.rounds:
        sizes = Sizes(**{**vars(sizes), "rounds": options.rounds})
    print(report.machine())
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pcb-", dir="/tmp")))
        display = str(folder / "source")
        source = tools.Tool("source", [display], until="ready")
        stack.callback(source.close)
        source.answer()
        server = stack.enter_context(place.opened())
        near = stack.enter_context(view.posing(server, display))
        far = stack.enter_context(far_posing(server, display))
        geometry = f"{view.WIDTH}x{view.HEIGHT}"
        real = Ours(server, [server.start(geometry=geometry)["id"]])
        far_real = far_session(server, geometry)
        for way in (near, far):
            view.check(way, 100_000_000)
        print("local: descriptors by the server's socket. far: calls over loopback TCP, a relay for each viewer")
        print("       every byte of 100 MB came through each of them as it was sent")
        print(f"       TCP as the machine has it: {congestion_control()}")
        session_side = processes.with_argument(display)  # the source, and the two that pose with it
        of_sessions = list(session_side)
        for session_id in (*real.ids, *far_real.ids):
            of_sessions += of_session(server, session_id)
        hosts = Hosts([os.getpid(), server.process.pid, *processes.children(server.process.pid)], of_sessions)
        ways = (near, far), (real, far_real), session_side
        shared = Rounds(sizes, *ways)
        shared.run(min(_SHARED, sizes.rounds))
        hosts.apart()
        rounds = Rounds(sizes, *ways)
        rounds.run(sizes.rounds)
        hosts.together()
        held = relay_memory(far)
    report.title(f"all processors shared by both ends: median of {min(_SHARED, sizes.rounds)} rounds")
    report.table(("", "local", "weblink", "ratio"), [measure.row() for measure in shared.all()])
    show(sizes, rounds, held)


def congestion_control() -> str:
    return Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip()


def relays() -> list[int]:
    """What carries viewers' bytes, of this user."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (path / "comm").read_text() == "portcall-relay\n" and path.stat().st_uid == os.getuid():
                found.append(int(path.name))
    return found


def relay_memory(way: Ours) -> float:
    """KiB of proportional memory of what carries one viewer's bytes."""
    until(lambda: not relays(), "the end of relays")
    holder = tools.Tool("view", [*way.target, way.tickets(10), "hold", "10"], until="held")
    holder.answer()
    rest(0.5)
    figures = [processes.pss_kib(pid) for pid in relays()]
    holder.close()
    until(lambda: not relays(), "the end of relays")
    return statistics.mean(figures)


def show(sizes: Sizes, rounds: Rounds, held: float) -> None:
    report.title(f"processors of its own for each end: median (smallest-largest) of {sizes.rounds} interleaved rounds")
    report.table(("", "local", "weblink", "ratio"), [measure.row() for measure in rounds.all()])
    for measure in rounds.all():
        report.raw(f"local   {measure.name}", measure.local, measure.digits)
        report.raw(f"weblink {measure.name}", measure.far, measure.digits)
    print(f"\nmemory of a relay, ten viewers connected: {held:.0f} KiB each (proportional)")
    report.finish({"bytes_ratio": rounds.bulk.ratio(), "added_ms": rounds.echo.added() / 1000}, TARGETS)


if __name__ == "__main__":
    account.run(main)
