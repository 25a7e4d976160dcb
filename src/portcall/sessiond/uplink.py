"""The standing connection to the server: dials again for ever, and says hello each time."""

from __future__ import annotations

import socket
import time
from typing import Any, Callable

from portcall.sessiond import dialling
from portcall.sessiond.connection import Connection, OnMessage
from portcall.sessiond.dialling import Dial, Failure
from portcall.sessiond.loop import Loop, Timer
from portcall.sessiond.peer import dial
from portcall.sessiond.weblink import Weblink
from portcall.wire.messages import Ping, Welcome

_FIRST_WAIT, _LONGEST_WAIT, _GROWTH = 0.2, 3.0, 1.6
_REFUSED_WAIT = 20.0  # after a refusal that will be the same the next time, should nothing change there
_PING_EVERY, _SILENT = 20.0, 50.0  # over a network


class Uplink:
    """``hello`` gives the first message of each connection. ``on_state`` is told True at a welcome, False at a loss
    or at a dial that found nobody; ``on_connected`` is called after each hello. The first of ``sockets`` that answers
    is used; one that is ``weblink``'s address is dialled over the network, and ``on_refused`` is told of final words.
    """

    def __init__(
        self, loop: Loop, sockets: list[str], hello: Callable[[], Any], on_message: OnMessage,
        on_state: Callable[[bool], None], on_connected: Callable[[], None] = lambda: None,
        weblink: Weblink | None = None, on_refused: Callable[[Failure], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self._loop, self.sockets = loop, sockets
        self._hello, self._on_message, self._on_state = hello, on_message, on_state
        self._on_connected, self._on_refused = on_connected, on_refused
        self._weblink = weblink
        self._wait = _FIRST_WAIT
        self._timer: Timer | None = None
        self._pings: Timer | None = None
        self._dial: Dial | None = None
        self._untried: list[str] = []
        self.connection: Connection | None = None
        self.welcomed = False
        self.server_id = ""
        self.socket_path = ""

    @property
    def over_network(self) -> bool:
        """No descriptor can be passed."""
        return self._weblink is not None and self.socket_path == self._weblink.address

    def dial(self) -> bool:
        """Try now; where nobody answers, again later. False where it is not known yet, too."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.connection is not None or self._dial is not None:
            return self.connection is not None
        self._untried = list(self.sockets)
        return self._try_next()

    def _try_next(self) -> bool:
        while self._untried:
            path = self._untried.pop(0)
            if self._weblink is not None and path == self._weblink.address:
                self._dial = dialling.control(self._loop, self._weblink, self._dialled)
                return False
            sock = dial(path)
            if sock is not None:
                self._connected(path, sock)
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
        for timer in (self._timer, self._pings):
            if timer is not None:
                timer.cancel()
        self._wait = -1
        if self._dial is not None:
            self._dial.give_up()
        if self.connection is not None:
            self.connection.close()

    def _dialled(self, sock: socket.socket | None, failure: Failure | None) -> None:
        self._dial = None
        if sock is not None and self._weblink is not None:
            self._connected(self._weblink.address, sock)
            self._pings = self._loop.after(_PING_EVERY, self._ping)
            return
        if failure is not None and (failure.final or failure.over):
            self._wait = _REFUSED_WAIT
            self._on_refused(failure)
        if self._timer is None and self._wait >= 0:
            self._try_next()

    def _connected(self, path: str, sock: socket.socket) -> None:
        self.socket_path = path
        self.connection = Connection(self._loop, sock, self._message, self._closed)
        self.connection.send(self._hello())
        if self.connection is not None:
            self._on_connected()

    def _ping(self) -> None:
        """What is between drops a connection that is quiet, and may do so without a word to us."""
        connection = self.connection
        if connection is None or not self.over_network:
            return
        if time.monotonic() - connection.heard > _SILENT:
            connection.close()
            return
        connection.send(Ping())
        self._pings = self._loop.after(_PING_EVERY, self._ping)

    def _message(self, connection: Connection, message: Any, descriptors: list[int]) -> None:
        if isinstance(message, Welcome):
            self.welcomed, self.server_id, self._wait = True, message.server_id, _FIRST_WAIT
            self._on_state(True)
        elif not isinstance(message, Ping):
            self._on_message(connection, message, descriptors)

    def _closed(self, _connection: Connection) -> None:
        if not self.welcomed and len(self.sockets) > 1:  # there, but it will not have us: the next one first
            self.sockets.append(self.sockets.pop(0))
        self.connection, self.welcomed = None, False
        if self._pings is not None:
            self._pings.cancel()
        if self._wait >= 0:
            self._again()
        self._on_state(False)

    def _again(self) -> None:
        wait = self._wait if self._weblink is None else dialling.jitter(self._wait)
        self._timer = self._loop.after(wait, self.dial)
        self._wait = min(_LONGEST_WAIT, self._wait * _GROWTH)
