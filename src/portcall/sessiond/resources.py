"""What a session uses: processor and memory of all its processes."""

from __future__ import annotations

import os
import time
from typing import Any

from portcall.sessiond import processes
from portcall.sessiond.context import Context


class Resources:
    """Figures are between two looks, the first since we are here; a process that is younger counts from its start."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._ticks: dict[int, int] = {}
        self._at = time.monotonic()
        self._since = (context.record.processes.get("daemon") or processes.process(os.getpid())).start

    def look(self) -> dict[str, Any]:
        """``cpuPercentage`` (100 is one core) and ``memory`` of the record."""
        now, seen, memory = time.monotonic(), {}, 0
        used = 0
        for pid in self._pids():
            status = processes.stat(pid)
            if status is not None:
                seen[pid] = status.ticks
                before = self._ticks.get(pid, 0 if status.start >= self._since else status.ticks)
                used += max(0, status.ticks - before)
                memory += processes.memory(pid)
        elapsed, self._at, self._ticks = max(0.01, now - self._at), now, seen
        return {"cpuPercentage": round(100 * processes.seconds(used) / elapsed, 1), "memory": memory}

    def rows(self) -> list[dict[str, Any]]:
        """The session's processes, for people; the processor's share is that of each one's life."""
        boot, now, rows = processes.boot_time(), time.time(), []
        for pid in self._pids():
            status = processes.stat(pid)
            if status is None or status.state in "ZX":
                continue
            started = boot + processes.seconds(status.start)
            share = 100 * processes.seconds(status.ticks) / max(1.0, now - started)
            rows.append({
                "pid": pid, "ppid": status.parent, "command": processes.command_line(pid) or f"[{status.name}]",
                "cpuPercentage": round(share, 1), "memory": processes.memory(pid), "started": round(started, 2),
            })  # fmt: skip
        return rows

    def _pids(self) -> list[int]:
        """Descendants of ours and of what was adopted, without a look at all of /proc."""
        record = self._context.record
        roots = [one.pid for name, one in record.processes.items() if name != "daemon" and processes.alive(one)]
        pending = sorted({*roots, *processes.children(os.getpid())})
        found: dict[int, None] = {}
        while pending:
            pid = pending.pop()
            status = processes.stat(pid)
            if pid in found or status is None or status.name in processes.DAEMONS:
                continue
            found[pid] = None
            pending += processes.children(pid)
        return sorted(found)
