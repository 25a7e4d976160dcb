"""Carries bytes between two sockets, both ways, until both have ended; a process of its own does nothing else.

splice(2) was tried: it takes pages apart, and was a third as fast for twice the processor time.
"""

from __future__ import annotations

import contextlib
import select
import socket
import sys
from typing import Any

_COPY = 262_144  # bytes at a time: all that a display's socket holds
_TURNS = 4  # reads in a row: who sends without end must not keep the other from being heard
_HALF = 10.0  # seconds that one side may go on after the other has ended
_Later = tuple[type[OSError], ...]


class Way:
    """One direction. ``full``: the target must take some before there is more; ``over``: it has had all of it."""

    def __init__(self, source: Any, target: Any, later: _Later) -> None:
        self.source, self.target = source, target
        self.full = self.over = self.more = False
        self._later = later
        self._buffer = memoryview(bytearray(_COPY))  # a page of it is there once it is touched
        self._held = self._buffer[:0]

    def move(self) -> None:
        """As much as can be now; ``more`` where that was enough for one turn.

        One loop, with little of Python in it: what is copied has driven that out of the processor's caches each time.
        """
        if self.over:
            return
        receive, send, buffer, held = self.source.recv_into, self.target.send, self._buffer, self._held
        self.more = False
        try:
            for _ in range(_TURNS):
                if not held:
                    held = buffer[: receive(buffer)]
                    if not held:
                        self._finish()
                        break
                held = held[send(held) :]
                if held:
                    break
            else:
                self.more = True
        except self._later:
            pass
        self._held, self.full = held, bool(held)

    def _finish(self) -> None:
        """The target hears the end, too: under TLS that of the stream below, which is what the server waits for."""
        self.over = True
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self.target, socket.SHUT_WR)


def carry(one: Any, other: Any) -> None:
    """Until both have ended, or one has failed."""
    for sock in (one, other):
        sock.setblocking(False)
    later = _later()
    ways = (Way(one, other, later), Way(other, one, later))
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
        ready = dict(poll.poll(_patience(ways)))
        if not ready and not any(way.more for way in ways):
            return
        for way in ways:
            if ready.get(way.source.fileno(), 0) & ~select.POLLOUT or way.full or way.more:
                way.move()


def _patience(ways: tuple[Way, Way]) -> float | None:
    """Milliseconds."""
    if any(way.more for way in ways):
        return 0
    return _HALF * 1000 if any(way.over for way in ways) else None


def _events(outward: Way, inward: Way) -> int:
    """What to wait for at the source of ``outward``, which is the target of ``inward``."""
    reads = not outward.full and not outward.over
    return (select.POLLIN if reads else 0) | (select.POLLOUT if inward.full else 0)


def _later() -> _Later:
    """Errors that mean: not now. TLS has its own, and is loaded only where it is used."""
    ssl = sys.modules.get("ssl")
    return (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError) if ssl is not None else (BlockingIOError,)
