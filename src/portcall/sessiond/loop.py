"""A poll loop: descriptors, timers and children, in one thread and with no wake-up that nobody asked for."""

from __future__ import annotations

import contextlib
import errno
import heapq
import os
import select
import signal
import time
from typing import Any, Callable

READ, WRITE = select.POLLIN, select.POLLOUT


class Timer:
    """One call at one time; ``cancel`` may be called at any time, also twice."""

    __slots__ = ("call",)

    def __init__(self, call: Callable[[], Any] | None) -> None:
        self.call = call

    def cancel(self) -> None:
        self.call = None


class Loop:
    """Sleeps in poll() until a descriptor is ready, a timer is due or a signal came.

    Every child of the process is reaped here, those that nobody asked about too: a session daemon is a subreaper.
    """

    def __init__(self) -> None:
        self._poll = select.poll()
        self._ready: dict[int, Callable[[int], Any]] = {}
        self._timers: list[tuple[float, int, Timer]] = []
        self._count = 0
        self._children: dict[int, Callable[[int], Any]] = {}
        self._signals: dict[int, Callable[[], Any]] = {}
        self._stopped = False
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.watch(self._wake_read, READ, self._woken)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _nothing)

    def watch(self, fd: int, events: int, call: Callable[[int], Any]) -> None:
        """``call`` gets poll's events whenever ``fd`` is ready; again for the same ``fd`` replaces."""
        self._poll.register(fd, events)
        self._ready[fd] = call

    def forget(self, fd: int) -> None:
        """No calls for ``fd`` from now on; to be called before it is closed."""
        if self._ready.pop(fd, None) is not None:
            with contextlib.suppress(KeyError, OSError):
                self._poll.unregister(fd)

    def __contains__(self, fd: int) -> bool:
        return fd in self._ready

    def after(self, seconds: float, call: Callable[[], Any]) -> Timer:
        timer = Timer(call)
        self._count += 1
        heapq.heappush(self._timers, (time.monotonic() + seconds, self._count, timer))
        return timer

    def child(self, pid: int, call: Callable[[int], Any]) -> None:
        """``call`` gets the exit code of our child (negative: the signal that killed it)."""
        self._children[pid] = call

    def on_signal(self, number: int, call: Callable[[], Any]) -> None:
        self._signals[number] = call
        signal.signal(number, _nothing)

    def stop(self) -> None:
        self._stopped = True

    def run(self) -> None:
        """Until ``stop``."""
        self._stopped = False
        while not self._stopped:
            self._turn()

    def _turn(self) -> None:
        try:
            ready = self._poll.poll(self._wait())
        except OSError as error:
            if error.errno != errno.EINTR:
                raise
            ready = []
        for fd, events in ready:
            call = self._ready.get(fd)
            if call is not None:
                call(events)
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            due = heapq.heappop(self._timers)[2]
            if due.call is not None:
                due.call()

    def _wait(self) -> float | None:
        while self._timers and self._timers[0][2].call is None:
            heapq.heappop(self._timers)
        if not self._timers:
            return None
        return max(0.0, (self._timers[0][0] - time.monotonic()) * 1000)

    def _woken(self, _events: int) -> None:
        try:
            numbers = set(os.read(self._wake_read, 4096))
        except BlockingIOError:
            return
        if signal.SIGCHLD in numbers:
            self._reap()
        for number in numbers:
            call = self._signals.get(number)
            if call is not None:
                call()

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            call = self._children.pop(pid, None)
            if call is not None:
                call(exit_code(status))


def exit_code(status: int) -> int:
    """waitpid's status as an exit code; negative is a signal."""
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _nothing(*_: Any) -> None:
    """A handler, so that the signal reaches the wake-up descriptor."""
