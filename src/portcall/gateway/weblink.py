"""Weblinks: a session's calls over the network, from the upgrade to a plain socket that is used as one on the host is.

Without TLS the connection's own descriptor is taken out of the event loop's transport, and nothing stands between any
more. With TLS there is a pair of sockets, one end of which is relayed here.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import structlog

from portcall.errors import BadRequest, PortcallError
from portcall.gateway import frames
from portcall.session.weblink import Weblinks, keep_alive

log = structlog.get_logger("weblink")
CONTROL, DISPLAY = "control", "display"
_READ = 262_144
_HIGH, _LOW = 1_048_576, 262_144  # bytes that may wait for a slow side
Connected = Callable[[socket.socket], None]


class Call(asyncio.Protocol):
    """One upgrade request: it is answered here, once it is known whose it is. Nobody sends anything before that."""

    answers = True  # by itself, also with the 101: gateway/http.py says nothing

    def __init__(self, weblinks: Weblinks, what: str, headers: dict[bytes, bytes], address: str) -> None:
        self._weblinks, self._what, self._headers, self._address = weblinks, what, headers, address
        self._task: asyncio.Task[None] | None = None
        self._transport: Any = None
        self._spoke = False

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.pause_reading()
        self._task = asyncio.get_running_loop().create_task(self._answer())

    def data_received(self, data: bytes) -> None:
        self._spoke = True

    def connection_lost(self, error: Exception | None) -> None:
        if self._task is not None and self._transport is not None:
            self._task.cancel()

    async def _answer(self) -> None:
        try:
            self._silent()  # before the token is looked at, which is bound then
            connected = await self._admit()
            self._silent()
        except PortcallError as error:
            self._refuse(error)
            return
        except Exception:
            log.exception("a weblink's call failed")
            self._transport.abort()
            return
        key = frames.accept_key(self._headers.get(b"sec-websocket-key", b""))
        transport, self._transport = self._transport, None
        try:
            sock = _socket_of(transport, key)
        except OSError as error:
            log.info("a weblink's call was given up", address=self._address, error=str(error))
            transport.abort()
            return
        connected(sock)

    def _silent(self) -> None:
        if self._spoke:
            raise BadRequest("Nothing is sent before the answer.")

    async def _admit(self) -> Connected:
        """What is done with the socket. The path says what it is to be, its token whose."""
        scheme, _, token = self._text(b"authorization").partition(" ")
        token = token.strip() if scheme.lower() == "bearer" else ""
        if self._what == DISPLAY:
            return await self._weblinks.display(token, self._address)
        key, session_id = self._text(b"weblink-key"), self._text(b"weblink-session")
        account, session_id = await self._weblinks.admit(token, key, session_id, self._address)
        return lambda sock: self._weblinks.connected(sock, account, session_id)

    def _text(self, name: bytes) -> str:
        return self._headers.get(name, b"").decode("latin-1").strip()

    def _refuse(self, error: PortcallError) -> None:
        status, body = HTTPStatus(error.status), json.dumps(error.problem()).encode()
        retry = error.extra.get("retry_after")
        self._transport.write(
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/problem+json\r\n"
            f"content-length: {len(body)}\r\ncache-control: no-store\r\nconnection: close\r\n"
            f"{f'retry-after: {int(retry)}{chr(13)}{chr(10)}' if retry else ''}\r\n".encode()
            + body
        )
        self._transport.close()


def _socket_of(transport: Any, key: bytes) -> socket.socket:
    """A socket that leads to the other side, past the 101; the transport's, or one that is relayed to it."""
    head = (
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: "
        + key + b"\r\n\r\n"
    )  # fmt: skip
    if transport.is_closing():
        raise OSError("the connection was closed")
    if transport.get_extra_info("ssl_object") is not None:
        ours, theirs = socket.socketpair()
        relay = _Relay(transport, ours)
        transport.set_protocol(relay)
        transport.write(head)
        relay.begin()
        return theirs
    # a second descriptor of the same connection: that the transport closes its own is not seen outside
    sock = socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno()))
    transport.abort()
    sock.setblocking(False)
    keep_alive(sock)
    sock.send(head)
    return sock


class _Relay(asyncio.Protocol):
    """Between a transport that speaks TLS and one end of a pair of sockets, with back-pressure both ways."""

    def __init__(self, transport: Any, sock: socket.socket) -> None:
        self._transport, self._sock = transport, sock
        self._loop = asyncio.get_running_loop()
        self._out = bytearray()
        self._reading_paused = self._over = False
        sock.setblocking(False)
        transport.set_write_buffer_limits(high=_HIGH, low=_LOW)
        network = transport.get_extra_info("socket")
        if network is not None:
            with contextlib.suppress(OSError), socket.socket(fileno=os.dup(network.fileno())) as copy:
                keep_alive(copy)

    def begin(self) -> None:
        self._loop.add_reader(self._sock, self._from_here)
        self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        if self._over:
            return
        sent = 0
        if not self._out:
            try:
                sent = self._sock.send(data)
            except BlockingIOError:
                pass
            except OSError:
                self._end()
                return
            if sent < len(data):
                self._loop.add_writer(self._sock, self._flush)
        self._out += data[sent:]
        if len(self._out) > _HIGH and not self._reading_paused:
            self._reading_paused = True
            self._transport.pause_reading()

    def _flush(self) -> None:
        try:
            while self._out:
                del self._out[: self._sock.send(self._out[:_READ])]
        except BlockingIOError:
            pass
        except OSError:
            self._out.clear()
            self._end()
            return
        if not self._out:
            self._loop.remove_writer(self._sock)
        if not self._out and self._over:
            self._sock.close()
            return
        if self._reading_paused and len(self._out) < _LOW:
            self._reading_paused = False
            self._transport.resume_reading()

    def _from_here(self) -> None:
        try:
            data = self._sock.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._transport.write(data)
        else:
            self._end()

    def pause_writing(self) -> None:
        if not self._over:
            self._loop.remove_reader(self._sock)

    def resume_writing(self) -> None:
        if not self._over:
            self._loop.add_reader(self._sock, self._from_here)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._end()

    def _end(self) -> None:
        """Either side is gone. What has come from the network is there to be read, however little room there was."""
        if not self._over:
            self._over = True
            self._loop.remove_reader(self._sock)
            self._transport.close()
        if not self._out and self._sock.fileno() >= 0:  # else when the last of it was taken
            self._loop.remove_writer(self._sock)
            self._sock.close()
