"""A viewer's way to a session: RFB bytes through the server's WebSocket, and a unix socket that offers them.

The socket is 0600 in a directory of our own: nobody else on this host can use the tunnel, and no TCP port is opened.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

from websockets.exceptions import ConnectionClosed, InvalidHandshake, WebSocketException
from websockets.sync.client import ClientConnection, connect, unix_connect
from websockets.typing import Subprotocol

from portcall.client.api import Client
from portcall.client.http import CONNECT_SECONDS
from portcall.errors import PortcallError, ServerUnreachable, from_problem

_CHUNK = 128 * 1024  # bytes read from a viewer at once
_READY_SECONDS = 30.0
Say = Callable[[dict[str, Any]], object]


@contextlib.contextmanager
def viewer(client: Client, session_id: str) -> Iterator[ClientConnection]:
    """A WebSocket on which RFB flows, with a ticket of its own; the server's refusal is the error that it names."""
    given = client.connect(session_id)
    with _opened(client, session_id) as connection:
        try:
            connection.send(json.dumps({"type": "ticket", "ticket": given["ticket"]}))
            _await_ready(connection)
        except ConnectionClosed as error:
            reason = error.rcvd.reason if error.rcvd else ""
            raise PortcallError(f"The viewer's connection was closed: {reason or error}") from error
        except TimeoutError as error:
            raise ServerUnreachable(f"{client.address}: the session's display was not opened in time.") from error
        yield connection


@contextlib.contextmanager
def _opened(client: Client, session_id: str) -> Iterator[ClientConnection]:
    address = client.address
    url = f"{address.url.replace('http', 'ws', 1)}/view/{session_id}"
    options: dict[str, Any] = {
        "subprotocols": [Subprotocol("binary")], "compression": None, "max_size": None, "open_timeout": CONNECT_SECONDS,
        "close_timeout": 2,
    }  # fmt: skip
    if address.on_this_host:
        options["proxy"] = None
    with contextlib.ExitStack() as stack:
        try:
            opening = unix_connect(address.socket, url, **options) if address.socket else connect(
                url, ssl=client.http.tls(), **options)  # fmt: skip
            connection = stack.enter_context(opening)
        except (OSError, InvalidHandshake, WebSocketException) as error:
            raise ServerUnreachable(f"{address}: no viewer's connection: {error}") from error
        yield connection


def _await_ready(connection: ClientConnection) -> None:
    while True:
        message = json.loads(cast(str, connection.recv(timeout=_READY_SECONDS)))
        if message.get("type") == "ready":
            return
        if message.get("type") == "error":
            raise from_problem(message)


def bridge(remote: ClientConnection, local: socket.socket, say: Say) -> None:
    """Copy bytes both ways until either side ends; what the server says beside them goes to ``say``."""

    def outward() -> None:
        with contextlib.suppress(OSError, ConnectionClosed):
            while data := local.recv(_CHUNK):
                remote.send(data)
        remote.close()

    sender = threading.Thread(target=outward, name="viewer to session", daemon=True)
    sender.start()
    try:
        with contextlib.suppress(OSError, ConnectionClosed):
            for message in remote:
                if isinstance(message, bytes):
                    local.sendall(message)
                else:
                    say(json.loads(message))
    finally:
        with contextlib.suppress(OSError):
            local.shutdown(socket.SHUT_RDWR)
        remote.close()
        sender.join(timeout=5)
        local.close()


class Offer:
    """A unix socket for native viewers; each connection to it becomes a viewer of the session."""

    def __init__(
        self, path: Path, client: Client, session_id: str, say: Say, failed: Callable[[PortcallError], object]
    ) -> None:
        self._client, self._id, self._say, self._failed = client, session_id, say, failed
        self.path = path
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._open: set[socket.socket] = set()
        old = os.umask(0o177)
        try:
            self._listener.bind(str(self.path))
        finally:
            os.umask(old)
        self._listener.listen(4)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for local in tuple(self._open):
            with contextlib.suppress(OSError):
                local.shutdown(socket.SHUT_RDWR)

    def serve(self) -> None:
        """Until ``close``: accept viewers, each served by a thread."""
        while True:
            try:
                local, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(local,), name="viewer", daemon=True).start()

    def _one(self, local: socket.socket) -> None:
        self._open.add(local)
        try:
            with viewer(self._client, self._id) as remote:
                bridge(remote, local, self._say)
        except PortcallError as error:
            self._failed(error)
        finally:
            self._open.discard(local)
            local.close()


@contextlib.contextmanager
def offered(client: Client, session_id: str, say: Say, failed: Callable[[PortcallError], object]) -> Iterator[Path]:
    """The socket's path, served while the block runs; nothing is left after it."""
    with tempfile.TemporaryDirectory(prefix="portcall-viewer-", ignore_cleanup_errors=True) as directory:  # made 0700
        offer = Offer(Path(directory) / "rfb", client, session_id, say, failed)
        try:
            threading.Thread(target=offer.serve, name="viewers", daemon=True).start()
            yield offer.path
        finally:
            offer.close()
