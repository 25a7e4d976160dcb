"""A control connection in a poll loop: a Channel over a unix socket, with descriptors."""

from __future__ import annotations

import array
import contextlib
import os
import socket
import time
from typing import Any, Callable

from portcall.errors import ProtocolError
from portcall.sessiond.loop import READ, WRITE, Loop
from portcall.wire.channel import Channel

_CHUNK, _MOST_DESCRIPTORS = 65_536, 16
OnMessage = Callable[["Connection", Any, "list[int]"], None]


class Connection:
    """``on_message`` gets each message with its descriptors, whose owner it is then; ``on_close`` is called once."""

    def __init__(
        self, loop: Loop, sock: socket.socket, on_message: OnMessage, on_close: Callable[[Connection], None]
    ) -> None:
        self.channel = Channel()
        self.open = True
        self._loop, self._socket = loop, sock
        self._on_message, self._on_close = on_message, on_close
        self._unsent: list[tuple[bytes, list[int]]] = []
        self._closing = False
        self.heard = time.monotonic()
        sock.setblocking(False)
        loop.watch(sock.fileno(), READ, self._ready)

    def send(self, message: Any, descriptors: list[int] | None = None) -> None:
        """Queue and try to send at once; descriptors are closed here after they were sent."""
        if self.open:
            self.channel.send(message, descriptors)
            self.flush()
        else:
            _close_all(descriptors or [])

    def flush(self) -> None:
        """Send what the channel has to say; what does not fit goes when the socket is writable."""
        self._unsent += self.channel.outgoing()
        try:
            while self._unsent and self.open:
                data, descriptors = self._unsent[0]
                sent = self._send(data, descriptors)
                _close_all(descriptors)
                if sent < len(data):
                    self._unsent[0] = (data[sent:], [])
                else:
                    self._unsent.pop(0)
        except BlockingIOError:
            pass
        except OSError:
            self.close()
            return
        if not self.open:
            return
        self._loop.watch(self._socket.fileno(), READ | (WRITE if self._unsent else 0), self._ready)
        if self._closing and not self._unsent:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)

    def finish(self) -> None:
        """Say no more; the connection closes when the other side has read everything and closed its end."""
        self._closing = True
        self.flush()

    def close(self) -> None:
        if not self.open:
            return
        self.open = False
        self._loop.forget(self._socket.fileno())
        self._socket.close()
        for _, descriptors in self._unsent:
            _close_all(descriptors)
        self._unsent = []
        _close_all(self.channel.close())
        self._on_close(self)

    def _send(self, data: bytes, descriptors: list[int]) -> int:
        if not descriptors:
            return self._socket.send(data, socket.MSG_NOSIGNAL)
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))
        return self._socket.sendmsg([data], [rights], socket.MSG_NOSIGNAL)

    def _ready(self, events: int) -> None:
        if events & ~WRITE:
            self._receive()
        if self.open and events & WRITE:
            self.flush()

    def _receive(self) -> None:
        try:
            data, descriptors = receive(self._socket)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        if not data:
            _close_all(descriptors)
            self.close()
            return
        self.heard = time.monotonic()
        try:
            arrived = self.channel.feed(data, descriptors)
        except ProtocolError:
            self.close()
            return
        for message, taken in arrived:
            if self.open:
                self._on_message(self, message, taken)
            else:
                _close_all(taken)
        if self.open:
            self.flush()


def receive(sock: socket.socket) -> tuple[bytes, list[int]]:
    """One read, with the descriptors that came; they are close-on-exec."""
    room = socket.CMSG_SPACE(_MOST_DESCRIPTORS * 4)
    data, ancillary, _, _ = sock.recvmsg(_CHUNK, room, socket.MSG_CMSG_CLOEXEC)
    descriptors = array.array("i")
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
    return data, list(descriptors)


def _close_all(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            os.close(descriptor)
