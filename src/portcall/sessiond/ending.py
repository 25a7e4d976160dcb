"""The end of a session's processes: TERM, grace, KILL for every one that is left, then the display."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from typing import Any, Callable, Iterable

from portcall.sessiond import display, processes
from portcall.sessiond.context import Context

_FIRST_LOOK, _LONGEST_LOOK = 0.005, 0.1
_HOPELESS = 2.0  # seconds after KILL; what is left then waits in the kernel and cannot be reached
_DISPLAY_GRACE = 1.0
_OURS = ("display", "manager", "daemon")


class Ending:
    """``on_done`` once nothing is left. The display goes last, so that programs can say goodbye."""

    def __init__(self, context: Context, on_done: Callable[[], Any]) -> None:
        self._context, self._on_done = context, on_done
        self._left = float("inf")
        self._wait = _FIRST_LOOK
        self._killed = False
        self._told: set[int] = set()

    def begin(self, grace: float) -> None:
        self._left = max(0.0, min(self._left, grace))
        self._look()

    def hurry(self, grace: float) -> None:
        """A second order to end may shorten the grace, also before it begins."""
        self._left = min(self._left, max(0.0, grace))

    def _look(self) -> None:
        targets = self.targets()
        if not targets:
            self._end_display()
            return
        if self._left <= 0 and not self._killed:
            self._killed, self._left = True, _HOPELESS
        elif self._left <= 0:
            self._end_display()
            return
        for pid in targets - (set() if self._killed else self._told):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL if self._killed else signal.SIGTERM)
        self._told |= targets
        self._left -= self._wait
        self._context.loop.after(self._wait, self._look)
        self._wait = min(_LONGEST_LOOK, self._wait * 2)

    def targets(self) -> set[int]:
        """The session's processes that live, without display, window manager and daemon."""
        table = processes.own()
        record = self._context.record
        ours = {one.pid for name, one in record.processes.items() if name in _OURS and processes.alive(one)}
        command = record.processes.get("command")
        roots = {os.getpid()} | ours
        found = processes.descendants(table, roots) | processes.marked(table, record.marks)
        if command is not None and processes.alive(command):
            found |= {command.pid} | processes.descendants(table, {command.pid})
        helpers = processes.descendants(table, ours - {os.getpid()})  # such as Xvnc's xkbcomp
        return found - ours - helpers - {os.getpid()}

    def _end_display(self) -> None:
        self._left, self._wait, self._killed = _DISPLAY_GRACE, _FIRST_LOOK, False
        for name in ("manager", "display"):
            one = self._context.record.processes.get(name)
            if one is not None:
                processes.send(one, signal.SIGTERM)
        self._wait_for_display()

    def _wait_for_display(self) -> None:
        record = self._context.record
        left = [one for name in ("display", "manager") if (one := record.processes.get(name)) and processes.alive(one)]
        if not left or (self._killed and self._left <= 0):
            self._sweep()
            return
        if self._left <= 0:
            self._killed, self._left = True, _HOPELESS
            processes.end_at_once(one.pid for one in left)
        self._left -= self._wait
        self._context.loop.after(self._wait, self._wait_for_display)
        self._wait = min(_LONGEST_LOOK, self._wait * 2)

    def _sweep(self) -> None:
        """What was started meanwhile, or by an X server that was killed before it was written down."""
        table = processes.own()
        strays = processes.marked(table, self._context.record.marks) | processes.descendants(table, {os.getpid()})
        processes.end_at_once(strays)
        self._on_done()


def kill_marked(marks: list[str], others: Iterable[int] = ()) -> None:
    """At once, all that carry one of the marks, and ``others``: leftovers of a start whose daemon was killed.

    An X server that is killed leaves its socket; which one it was is seen before, since nobody wrote it down.
    """
    pids = processes.marked(processes.own(), marks) | set(others)
    killed = [processes.process(pid) for pid in pids]
    for one in killed:
        processes.send(one, signal.SIGSTOP)  # so that no socket comes between the look and the end
    _wait_while(lambda: any(processes.runs(one) for one in killed))
    displays = display.numbers(pids)
    processes.end_at_once(pids)
    _wait_while(lambda: any(map(processes.alive, killed)))
    for number in displays:
        display.remove_socket(number)


def kill_all(pids: Iterable[int]) -> None:
    """At once; they are dead when this returns, so that nothing of theirs is taken for what comes after them."""
    killed = [processes.process(pid) for pid in pids]
    for one in killed:
        processes.send(one, signal.SIGKILL)
    _wait_while(lambda: any(map(processes.alive, killed)))


def _wait_while(true: Callable[[], bool]) -> None:
    """Others' children: there is nothing to wait on."""
    deadline = time.monotonic() + _HOPELESS
    while true() and time.monotonic() < deadline:
        select.select((), (), (), 0.002)
