"""A network between browser and server that a test can cut: a TCP forwarder on loopback."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType

_CHUNK = 65_536


class Wire:
    """Listens on ``port`` and forwards to the server's. ``cut`` closes all that is open and refuses what comes;
    ``swallow`` lets nothing through and says nothing, as a cable that was pulled."""

    def __init__(self, target: int) -> None:
        self.target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._whole = True
        self._swallows = False
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def cut(self) -> None:
        self._whole = False
        self._end_all()

    def swallow(self) -> None:
        self._swallows = True

    def mend(self) -> None:
        """What lost bytes meanwhile is ended, as a network does in the end."""
        if self._swallows:
            self._end_all()
        self._swallows, self._whole = False, True

    def _end_all(self) -> None:
        with self._guard:
            for one in self._open:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.cut()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def __enter__(self) -> Wire:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.target), 5) if self._whole else None
            except OSError:
                far = None
            if far is None:
                near.close()
                continue
            with self._guard:
                self._open |= {near, far}
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _pump(self, one: socket.socket, other: socket.socket) -> None:
        """Until either side ends; the last of the two closes both."""
        with contextlib.suppress(OSError):
            while data := one.recv(_CHUNK):
                if not self._swallows:
                    other.sendall(data)
        for side in (one, other):
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)
        with self._guard:
            last = one not in self._open
            self._open -= {one, other}
        if last:
            one.close()
            other.close()
