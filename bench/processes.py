"""What processes cost, as the kernel counts it: proportional memory, processor time."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def pss_kib(pid: int) -> int:
    """Proportional set size: what is shared counts by its part."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise ValueError(f"no Pss of {pid}")


def cpu_seconds(pid: int) -> float:
    """Processor time of a process, and of its children that it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) / _TICK


def exact_cpu_seconds(pid: int) -> float:
    """Processor time of all threads of one process, to the nanosecond; by ticks where the kernel keeps no schedstat."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
    except OSError:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(int(field) for field in fields[11:13]) / _TICK


def children(pid: int) -> list[int]:
    """Direct and indirect ones, alive."""
    parents: dict[int, list[int]] = {}
    for child, parent in _parents():
        parents.setdefault(parent, []).append(child)
    found, look = [], [pid]
    while look:
        of = parents.get(look.pop(), [])
        found += of
        look += of
    return found


def with_argument(text: str, among: Iterable[int] | None = None) -> list[int]:
    """Living processes of this user with an argument that holds ``text``."""
    pids = [pid for pid, _ in _parents()] if among is None else among
    found = []
    for pid in pids:
        try:
            mine = os.stat(f"/proc/{pid}").st_uid == os.getuid()
            if mine and text.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
        except OSError:
            continue
    return found


def program(pid: int) -> str:
    """The name of the file that it executes; empty when it has gone."""
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe"))
    except OSError:
        return ""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _parents() -> list[tuple[int, int]]:
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                found.append((int(entry), int(Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[1])))
            except OSError:
                continue
    return found
