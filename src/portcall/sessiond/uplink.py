"""The standing connection to the server: dials again for ever, and says hello each time."""

from __future__ import annotations

import contextlib
import os
import socket
from typing import Any, Callable

from portcall.sessiond.connection import Connection, OnMessage, peer_uid
from portcall.sessiond.loop import Loop, Timer
from portcall.wire.messages import Welcome

_FIRST_WAIT, _LONGEST_WAIT, _GROWTH = 0.2, 3.0, 1.6


class Uplink:
    """``hello`` gives the first message of each connection. ``on_state`` is told True at a welcome, False at a loss
    or at a dial that found nobody; ``on_connected`` is called after each hello. The first of ``sockets`` that answers
    is used."""

    def __init__(
        self, loop: Loop, sockets: list[str], hello: Callable[[], Any], on_message: OnMessage,
        on_state: Callable[[bool], None], on_connected: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self._loop, self.sockets = loop, sockets
        self._hello, self._on_message, self._on_state = hello, on_message, on_state
        self._on_connected = on_connected
        self._wait = _FIRST_WAIT
        self._timer: Timer | None = None
        self.connection: Connection | None = None
        self.welcomed = False
        self.server_id = ""
        self.socket_path = ""

    def dial(self) -> bool:
        """Try now; where nobody answers, again later."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.connection is not None:
            return True
        for path in self.sockets:
            sock = dial(path)
            if sock is not None:
                self.socket_path = path
                self.connection = Connection(self._loop, sock, self._message, self._closed)
                self.connection.send(self._hello())
                if self.connection is not None:
                    self._on_connected()
                return True
        self._again()
        self._on_state(False)
        return False

    def send(self, message: Any, descriptors: list[int] | None = None) -> bool:
        """False where there is no connection; the descriptors then stay the caller's."""
        if self.connection is None:
            return False
        self.connection.send(message, descriptors)
        return True

    def close(self) -> None:
        """No more of it."""
        if self._timer is not None:
            self._timer.cancel()
        self._wait = -1
        if self.connection is not None:
            self.connection.close()

    def _message(self, connection: Connection, message: Any, descriptors: list[int]) -> None:
        if isinstance(message, Welcome):
            self.welcomed, self.server_id, self._wait = True, message.server_id, _FIRST_WAIT
            self._on_state(True)
        else:
            self._on_message(connection, message, descriptors)

    def _closed(self, _connection: Connection) -> None:
        self.connection, self.welcomed = None, False
        if self._wait >= 0:
            self._again()
        self._on_state(False)

    def _again(self) -> None:
        self._timer = self._loop.after(self._wait, self.dial)
        self._wait = min(_LONGEST_WAIT, self._wait * _GROWTH)


def dial(path: str) -> socket.socket | None:
    """A connection to a server that may be believed: root, the owner of the socket's directory, or oneself."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.connect(path)
        owner = os.stat(os.path.dirname(path)).st_uid
        if peer_uid(sock) in (0, os.getuid(), owner):
            return sock
    except OSError:
        pass
    with contextlib.suppress(OSError):
        sock.close()
    return None
