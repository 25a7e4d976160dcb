"""A small viewer of our own: the server's WebSocket on one side, RFB 3.8 (RFC 6143) spoken by hand on the other."""

from __future__ import annotations

import contextlib
import json
import ssl
import struct
from collections.abc import Iterator
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from portcall.client.api import Client

SECONDS = 30.0


class Refused(Exception):
    """The server's error message."""

    def __init__(self, message: dict[str, Any]) -> None:
        super().__init__(str(message))
        self.code = str(message.get("code"))


class Viewer:
    """Connected and past the handshake: ``width``, ``height`` and ``name`` are the display's. ``said`` are the text
    messages that came beside the picture."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.said: list[dict[str, Any]] = []
        self._bytes = b""
        assert self._read(12) == b"RFB 003.008\n"
        self.connection.send(b"RFB 003.008\n")
        assert 1 in self._read(self._read(1)[0]), "security type None"
        self.connection.send(b"\x01")
        assert self._read(4) == bytes(4)
        self.connection.send(b"\x01")  # shared
        self.width, self.height, _, length = struct.unpack(">HH16sI", self._read(24))
        self.name = self._read(length).decode()
        # raw, cursor not drawn by us, ExtendedDesktopSize
        self.connection.send(struct.pack(">BxH3i", 2, 3, 0, -239, -308))

    def key(self, keysym: int) -> None:
        for down in (1, 0):
            self.connection.send(struct.pack(">BBxxI", 4, down, keysym))

    def type(self, text: str) -> None:
        """Each character by its keysym: Latin-1's are themselves, others Unicode's (X protocol, appendix A)."""
        for character in text:
            point = ord(character)
            self.key({10: 0xFF0D}.get(point, point if point < 256 else 0x1000000 + point))

    def ask_for(self, width: int, height: int) -> None:
        """Asks for a size of the display."""
        screen = struct.pack(">IHHHHI", 1, 0, 0, width, height, 0)
        self.connection.send(struct.pack(">BxHHBx", 251, width, height, 1) + screen)

    def hear(self, kind: str, seconds: float = SECONDS) -> dict[str, Any]:
        """The next text message of that type, those before it forgotten."""
        while True:
            while self.said:
                if (message := self.said.pop(0)).get("type") == kind:
                    return message
            self._take(seconds)

    def tell(self, **message: Any) -> None:
        self.connection.send(json.dumps(message))

    def _read(self, count: int) -> bytes:
        while len(self._bytes) < count:
            self._take(SECONDS)
        data, self._bytes = self._bytes[:count], self._bytes[count:]
        return data

    def _take(self, seconds: float) -> None:
        message = self.connection.recv(timeout=seconds)
        if isinstance(message, bytes):
            self._bytes += message
            return
        self.said.append(json.loads(message))


@contextlib.contextmanager
def watching(client: Client, session_id: str, tls: ssl.SSLContext | None = None) -> Iterator[Viewer]:
    """A viewer with a ticket of its own; Refused where it is not let in."""
    with entered(client, session_id, client.connect(session_id)["ticket"], tls) as connection:
        yield Viewer(connection)


@contextlib.contextmanager
def entered(
    client: Client, session_id: str, ticket: str, tls: ssl.SSLContext | None = None
) -> Iterator[ClientConnection]:
    """The WebSocket past its ticket."""
    url = f"{client.address.url.replace('http', 'ws', 1)}/view/{session_id}"
    options: dict[str, Any] = {"compression": None, "max_size": None, "proxy": None, "close_timeout": 2, "ssl": tls}
    with connect(url, subprotocols=[Subprotocol("binary")], **options) as connection:
        connection.send(json.dumps({"type": "ticket", "ticket": ticket}))
        try:
            first = json.loads(connection.recv(timeout=SECONDS))
        except ConnectionClosed as error:
            raise Refused({"code": f"closed {error}"}) from error
        if first["type"] != "ready":
            raise Refused(first)
        yield connection
