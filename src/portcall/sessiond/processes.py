"""Processes as /proc shows them: who lives, who descends from whom, who carries a session's mark."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import Iterable, NamedTuple

MARK = "PORTCALL_SESSION_ID"
_OF_JOBS = (b"SLURM_JOB_ID=", b"PBS_JOBID=", b"LSB_JOBID=", b"SGE_TASK_ID=")  # no session has one of its own
SESSION_NAME, WARM_NAME, LINK_NAME = "portcall-sess", "portcall-warm", "portcall-link"  # 15 bytes at most
RELAY_NAME = "portcall-relay"  # ends by itself, when what it carries has ended
DAEMONS = (SESSION_NAME, WARM_NAME, LINK_NAME, RELAY_NAME)
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Process(NamedTuple):
    """A pid is used again; with its start time (clock ticks since boot) it is one process for ever."""

    pid: int
    start: int


class Stat(NamedTuple):
    name: str
    state: str
    parent: int
    session: int
    ticks: int
    start: int


def stat(pid: int) -> Stat | None:
    text = _read(f"/proc/{pid}/stat")
    if not text:
        return None
    name, _, rest = text[text.index(b"(") + 1 :].rpartition(b")")
    fields = rest.split()
    return Stat(
        name.decode(errors="replace"), chr(fields[0][0]), int(fields[1]), int(fields[3]),
        int(fields[11]) + int(fields[12]), int(fields[19]),
    )  # fmt: skip


def _read(path: str) -> bytes:
    """A line of /proc, in one read; empty where there is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(descriptor, 4096)
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def process(pid: int) -> Process:
    """The process that has this pid now; a start of 0 is one that is gone already."""
    found = stat(pid)
    return Process(pid, found.start if found else 0)


def alive(one: Process | None) -> bool:
    """Runs still; a zombie does not."""
    if one is None:
        return False
    found = stat(one.pid)
    return found is not None and found.start == one.start and found.state not in "ZX"


def runs(one: Process) -> bool:
    """Lives, and is not stopped."""
    found = stat(one.pid)
    return found is not None and found.start == one.start and found.state not in "ZXTt"


def name_self(name: str) -> None:
    """What ps and /proc show; others count sessions by it."""
    with contextlib.suppress(OSError):
        descriptor = os.open("/proc/self/comm", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(descriptor, name.encode())
        finally:
            os.close(descriptor)


def own() -> dict[int, Stat]:
    """All processes of our user that are not zombies."""
    uid, found = os.getuid(), {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                if os.stat(f"/proc/{entry}").st_uid != uid:
                    continue
            except OSError:
                continue
            status = stat(int(entry))
            if status is not None and status.state not in "ZX":
                found[int(entry)] = status
    return found


def descendants(table: dict[int, Stat], roots: Iterable[int]) -> set[int]:
    """Those below ``roots`` (the roots left out). What descends from another session's daemon or a link is not ours."""
    children: dict[int, list[int]] = {}
    for pid, status in table.items():
        children.setdefault(status.parent, []).append(pid)
    found: set[int] = set()
    pending = list(roots)
    while pending:
        for child in children.get(pending.pop(), ()):
            if child not in found and table[child].name not in DAEMONS:
                found.add(child)
                pending.append(child)
    return found


def marked(table: dict[int, Stat], marks: Iterable[str]) -> set[int]:
    """Those whose environment carries one of ``marks``, daemons left out; and batch jobs: what somebody submitted from
    inside a session has its environment, if it happens to run on this host, and goes on without it."""
    wanted = {f"{MARK}={mark}".encode() for mark in marks}
    found = set()
    for pid, status in table.items():
        if status.name in DAEMONS:
            continue
        variables = _environment(pid)
        if wanted.intersection(variables) and not any(variable.startswith(_OF_JOBS) for variable in variables):
            found.add(pid)
    return found


def _environment(pid: int) -> list[bytes]:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read().split(b"\0")
    except OSError:
        return []


def send(one: Process, number: int) -> None:
    """Only to this very process, not to another that has its pid by now."""
    if alive(one):
        with contextlib.suppress(OSError):
            os.kill(one.pid, number)


def end_at_once(pids: Iterable[int]) -> None:
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def children(pid: int) -> list[int]:
    """Direct children, of every thread."""
    found: list[int] = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as file:
                found += [int(child) for child in file.read().split()]
    except OSError:
        pass
    return found


def program(pid: int) -> str:
    """The file that it executes; empty where that cannot be seen."""
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return ""


def command_line(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().rstrip(b"\0").replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def memory(pid: int) -> int:
    """Bytes that this process does not share with others."""
    fields = _read(f"/proc/{pid}/statm").split()
    if not fields:
        return 0
    return (int(fields[1]) - int(fields[2])) * _PAGE


def seconds(ticks: int) -> float:
    return ticks / _TICKS


def boot_time() -> float:
    """Seconds since 1970 at which start times count from."""
    with open("/proc/stat") as file:
        for line in file:
            if line.startswith("btime "):
                return float(line.split()[1])
    return 0.0
