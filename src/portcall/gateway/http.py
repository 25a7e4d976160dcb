"""uvicorn's HTTP protocol, with upgrades dispatched by path and no byte lost at the switch."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from portcall.gateway import frames

Stream = Any  # an asyncio.Protocol that goes on where HTTP ends
Dispatch = Callable[[str, dict[bytes, bytes], str], Stream | None]
_HEAD = 65_536  # bytes of a request's head, and a little more
_MESSAGE = 4_194_304  # bytes of a whole request: what is too large was answered long before


class HttpProtocol(HttpToolsProtocol):
    """``dispatch(path, headers, address)`` gives the protocol that goes on after ``101``, or None: 404.

    uvicorn's own way parses the request again, forgets what arrived behind it, and knows one kind of upgrade only.
    """

    dispatch: Dispatch
    within = 30.0  # seconds for a whole request to arrive: who holds one back takes a descriptor from the others
    _upgrades: bool | None = None
    _size = 0  # bytes of the present request so far
    _in_body = False
    _slow: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._slow = self.loop.call_later(self.within, self._too_slow)
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family == socket.AF_UNIX:
            _, uid, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
            self.app_state = {**self.app_state, "peer_uid": uid}

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._upgrades = None
        if self._slow is None:
            self._slow = self.loop.call_later(self.within, self._too_slow)

    def on_headers_complete(self) -> None:
        self._in_body = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._arrived()
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._arrived()
        super().connection_lost(exc)

    def _arrived(self) -> None:
        self._size, self._in_body = 0, False
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None

    def _too_slow(self) -> None:
        self._slow = None
        self.transport.close()

    def _should_upgrade(self) -> bool:
        """Asked three times for each request, and each time all headers would be looked through."""
        if self._upgrades is None:
            self._upgrades = super()._should_upgrade()
        return self._upgrades

    def _should_upgrade_to_ws(self) -> bool:
        return True

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        self._size += len(data)
        try:
            self.parser.feed_data(data)
            if self._size > (_MESSAGE if self._in_body else _HEAD):
                self._answer(b"431 Request Header Fields Too Large", b"")
        except httptools.HttpParserError:
            self.send_400_response("Invalid HTTP request received.")
        except httptools.HttpParserUpgrade as upgrade:
            if self._should_upgrade():
                self._upgrade(data[upgrade.args[0] :])

    def _upgrade(self, rest: bytes) -> None:
        if not getattr(self.cycle, "response_complete", True):
            self.cycle.keep_alive = False  # asked for before the last answer: that would fall into the stream
            return
        headers = dict(self.scope["headers"])
        path = unquote((httptools.parse_url(self.url).path or b"").decode("ascii", "replace"))
        key = headers.get(b"sec-websocket-key", b"")
        if self.scope["method"] != "GET" or headers.get(b"sec-websocket-version") != b"13" or not key:
            self._answer(b"426 Upgrade Required", b"sec-websocket-version: 13\r\n")
            return
        stream = type(self).dispatch(path, headers, self.client[0] if self.client else "local")
        if stream is None:
            self._answer(b"404 Not Found", b"")
            return
        self.connections.discard(self)
        self._arrived()
        if getattr(stream, "answers", False):
            self._hand_over(stream, rest)
            return
        offered = [item.strip() for item in headers.get(b"sec-websocket-protocol", b"").split(b",")]
        protocol = b"sec-websocket-protocol: binary\r\n" if b"binary" in offered else b""
        self.transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
            b"sec-websocket-accept: " + frames.accept_key(key) + b"\r\n" + protocol + b"\r\n"
        )
        self._hand_over(stream, rest)

    def _hand_over(self, stream: Stream, rest: bytes) -> None:
        transport = self.transport
        self._unset_keepalive_if_required()
        self.parser = None  # type: ignore[assignment]
        transport.set_protocol(stream)
        stream.connection_made(transport)
        if rest:
            stream.data_received(rest)

    def _answer(self, status: bytes, headers: bytes) -> None:
        self.transport.write(
            b"HTTP/1.1 " + status + b"\r\n" + headers + b"content-length: 0\r\nconnection: close\r\n\r\n"
        )
        self.transport.close()
