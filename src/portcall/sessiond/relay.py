"""Carries bytes between two sockets, both ways, until both have ended; a process of its own does nothing else.

Between plain sockets the kernel moves the bytes by splice(2) and Python never sees them.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import select
import socket
from typing import Any, Callable

_PIPE = 1_048_576  # bytes that may be on their way in one direction
_COPY = 262_144
_HALF = 10.0  # seconds that one side may go on after the other has ended
_SET_SIZE = 1031  # F_SETPIPE_SZ, linux/fcntl.h
_MOVE, _NOW = 1, 2  # SPLICE_F_MOVE, SPLICE_F_NONBLOCK
_CANNOT = (errno.EINVAL, errno.ENOSYS, errno.EPERM)


class Way:
    """One direction. ``move`` as much as can be; ``full`` where the target must take some before there is more."""

    def __init__(self, source: Any, target: Any) -> None:
        self.source, self.target = source, target
        self.full = self.ended = self.over = False

    def move(self) -> None:
        raise NotImplementedError

    def finish(self) -> None:
        """All that there was has arrived: the target hears the end, too."""
        self.over = True
        with contextlib.suppress(OSError):
            # under TLS too: the end of the stream below is what the server waits for
            socket.socket.shutdown(self.target, socket.SHUT_WR)


class Copied(Way):
    """By way of this process: where one side speaks TLS, or the kernel cannot."""

    def __init__(self, source: Any, target: Any) -> None:
        super().__init__(source, target)
        self._held = b""

    def move(self) -> None:
        while not self.over:
            if not self._held and not self.ended:
                try:
                    self._held = self.source.recv(_COPY)
                except _waiting():
                    return
                self.ended = not self._held
            if self._held:
                try:
                    self._held = self._held[self.target.send(self._held) :]
                except _waiting():
                    pass
                self.full = bool(self._held)
                if self.full:
                    return
            elif self.ended:
                self.finish()


class Spliced(Way):
    def __init__(self, source: Any, target: Any) -> None:
        super().__init__(source, target)
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        with contextlib.suppress(OSError):  # a user's pipes may hold so much and no more
            fcntl.fcntl(self._write, _SET_SIZE, _PIPE)
        self._held = 0
        self._from, self._to = source.fileno(), target.fileno()

    def move(self) -> None:
        while not self.over:
            if not self._held and not self.ended:
                try:
                    self._held = _splice(self._from, self._write, _PIPE)
                except BlockingIOError:
                    return
                self.ended = not self._held
            if self._held:
                try:
                    self._held -= _splice(self._read, self._to, self._held)
                    self.full = self._held > 0
                except BlockingIOError:
                    self.full = True
                if self.full:
                    return
            elif self.ended:
                self.finish()


def carry(one: Any, other: Any) -> None:
    """Until both have ended, or one has failed."""
    for sock in (one, other):
        sock.setblocking(False)
    kind = Spliced if _splices(one, other) else Copied
    ways = (kind(one, other), kind(other, one))
    with contextlib.suppress(OSError):
        for way in ways:
            way.move()
        _carry(ways)


def _carry(ways: tuple[Way, Way]) -> None:
    poll, last = select.poll(), (-1, -1)
    while not all(way.over for way in ways):
        wanted = (_events(*ways), _events(*reversed(ways)))
        for way, events, before in zip(ways, wanted, last):
            if events == before:
                continue
            if events:
                poll.register(way.source, events)
            elif before > 0:
                poll.unregister(way.source)  # of one that has ended poll would speak without end
        last = wanted
        ready = dict(poll.poll(_HALF * 1000 if any(way.over for way in ways) else None))
        if not ready:
            return
        for way in ways:
            if ready.get(way.source.fileno(), 0) & ~select.POLLOUT or way.full:
                way.move()
        if any(events & select.POLLERR for events in ready.values()):
            return


def _events(outward: Way, inward: Way) -> int:
    """What to wait for at the source of ``outward``, which is the target of ``inward``."""
    reads = not outward.full and not outward.ended
    return (select.POLLIN if reads else 0) | (select.POLLOUT if inward.full else 0)


def _splices(one: Any, other: Any) -> bool:
    """Whether both are plain sockets, and the kernel moves bytes between them (asked of a pair that is empty)."""
    if type(one) is not socket.socket or type(other) is not socket.socket:
        return False
    try:
        read, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        try:
            _splice(ours.fileno(), write, 1)
        finally:
            ours.close()
            theirs.close()
            os.close(read)
            os.close(write)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return True


def _by_libc() -> Callable[[int, int, int], int]:
    libc = ctypes.CDLL(None, use_errno=True)

    def splice(source: int, target: int, count: int) -> int:
        moved = int(libc.splice(source, None, target, None, ctypes.c_size_t(count), _MOVE | _NOW))
        if moved < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return moved

    return splice


def _by_python() -> Callable[[int, int, int], int]:
    plain: Any = os.splice  # type: ignore[attr-defined,unused-ignore]
    return lambda source, target, count: plain(source, target, count, flags=_MOVE | _NOW)


_splice = _by_python() if hasattr(os, "splice") else _by_libc()


def _waiting() -> tuple[type[OSError], ...]:
    """Errors that mean: later. TLS has its own; it is loaded only where it is used."""
    import sys

    ssl = sys.modules.get("ssl")
    return (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError) if ssl is not None else (BlockingIOError,)
