"""A viewer's stream: WebSocket on one side, the display's descriptor on the other, back-pressure both ways.

The protocol object takes the place of uvicorn's on the same transport once the upgrade was answered. What it says and
when is in docs/design/processes.md, "Viewers".
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import socket
from typing import Any

import structlog

from portcall.errors import PortcallError, ProtocolError
from portcall.gateway import frames
from portcall.gateway.rfb import NOTHING_NEW, ClientWatch
from portcall.gateway.viewers import Viewers
from portcall.session.connect import Connection, Ticket

log = structlog.get_logger("viewer")
_READ = 229_376  # bytes at a time: all that a display's socket holds, and less than web/serve.py's _MAPPED
_SHARE = 131_072  # where others read too: more lets bulk viewers starve one who types
_GREETING = 4096  # more than any display says first
_HIGH, _LOW = 1_048_576, 262_144  # bytes that may wait for a slow side
_TICKET_WITHIN, _PING_EVERY, _SILENT = 10.0, 20.0, 60.0
_LINGER = 2.0  # seconds for the other side's close: a socket closed before it is reset, and last words may be lost
_CLOSE_CODES = {"ticket-refused": 4403, "no-such-session": 4404, "conflict": 4409, "display-unavailable": 4502}
_json = json.JSONEncoder(separators=(",", ":")).encode


class ViewerStream(asyncio.Protocol):
    """One viewer, from its ticket to its end.

    The display's socket is its user's too, who may make it blocking again at any moment: each call says MSG_DONTWAIT.
    """

    __slots__ = (
        "_viewers", "_session_id", "_address", "_transport", "_reader", "_loop", "_sock", "_out", "_out_size",
        "_paused", "_connection", "_timer", "_heard", "_closing", "_task", "_reading_paused", "_watch",
        "_display_left",
    )  # fmt: skip

    def __init__(self, viewers: Viewers, session_id: str, address: str) -> None:
        self._viewers = viewers
        self._session_id = session_id
        self._address = address
        self._reader = frames.FrameReader()
        self._loop = asyncio.get_running_loop()
        self._sock: socket.socket | None = None
        self._out: list[bytes] = []
        self._out_size = 0
        self._paused = False
        self._reading_paused = False
        self._connection: Connection | None = None
        self._watch: ClientWatch | None = None
        self._closing = False
        self._display_left = False
        self._task: asyncio.Task[None] | None = None
        self._heard = self._loop.time()
        self._timer = self._loop.call_later(_TICKET_WITHIN, self._too_late)

    # the browser's side

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.set_write_buffer_limits(high=_HIGH, low=_LOW)

    def data_received(self, data: bytes) -> None:
        self._heard = self._loop.time()
        try:
            for opcode, payload in self._reader.feed(data):
                if self._closing:
                    if opcode == frames.CLOSE:
                        self._transport.close()
                elif opcode == frames.BINARY:
                    self._to_display(payload)
                elif opcode == frames.TEXT:
                    self._control(payload)
                elif opcode == frames.PING:
                    if not self._paused:  # who does not read is not answered without end
                        self._transport.write(frames.frame(frames.PONG, payload))
                elif opcode == frames.CLOSE:
                    self._close(1000, "")
                    self._transport.close()
        except ProtocolError as error:
            self._close(1002, str(error))
            self._transport.close()

    def pause_writing(self) -> None:
        self._paused = True
        if self._sock is not None:
            self._loop.remove_reader(self._sock)

    def resume_writing(self) -> None:
        self._paused = False
        if self._sock is not None and not self._display_left:
            self._loop.add_reader(self._sock, self._from_display)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._closing = True
        self._viewers.forget(self)
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
        self._let_go()

    # the control channel

    def say(self, message: dict[str, object]) -> None:
        if not self._closing:
            self._transport.write(frames.frame(frames.TEXT, _json(message).encode()))

    def end(self, code: str, reason: str) -> None:
        """Say why it is over, and close."""
        self.say({"type": "end", "code": code, "reason": reason})
        self._close(4000, reason)

    def _control(self, text: bytes) -> None:
        try:
            message = json.loads(text)
            kind = message["type"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise ProtocolError("a control message is a JSON object with a type") from None
        if kind == "ticket" and self._task is None and self._connection is None:
            self._task = self._loop.create_task(self._enter(str(message.get("ticket", ""))))
        elif kind == "ping" and not self._paused:
            self.say({"type": "pong", "t": message.get("t")})
        elif kind == "stay" and self._connection is not None:
            self._connection.active = self._viewers.now()
            self._viewers.stay(self._connection)

    async def _enter(self, text: str) -> None:
        """From the ticket to the first byte of the display."""
        try:
            ticket = self._viewers.redeem(text, self._session_id)
            descriptor = await self._viewers.descriptor(self._session_id)
        except PortcallError as error:
            self._refuse(error)
            return
        if self._closing:
            os.close(descriptor)
            return
        self._timer.cancel()
        self._timer = self._loop.call_later(_PING_EVERY, self._ping)
        self._sock = socket.socket(fileno=descriptor)
        self._sock.setblocking(False)
        self._connection = self._describe(ticket)
        self._watch = ClientWatch(self._viewers.largest(self._session_id))
        self._task = None
        self._first({"type": "ready", "session": self._session_id, "viewOnly": ticket.view_only, "control": True})
        self._viewers.came(self._connection)

    def _describe(self, ticket: Ticket) -> Connection:
        now = self._viewers.now()
        return Connection(
            secrets.token_hex(6), self._session_id, ticket.login, ticket.jti, self._address, self._viewers.wall(), now,
            close=self.end, say=self.say, view_only=ticket.view_only,
        )  # fmt: skip

    def _refuse(self, error: PortcallError) -> None:
        self.say({"type": "error", "code": error.code, "detail": error.detail})
        self._close(_CLOSE_CODES.get(error.code, 4500), error.detail)

    # the display's side

    def _first(self, ready: dict[str, object]) -> None:
        """The greeting is mostly there already: it goes out with the word that all is ready."""
        assert self._sock is not None
        parts = [frames.frame(frames.TEXT, _json(ready).encode())]
        with contextlib.suppress(OSError):  # not yet, or gone: the reader finds out
            data = self._sock.recv(_GREETING, socket.MSG_DONTWAIT)
            if data:
                if self._connection is not None:
                    self._connection.bytes_out += len(data)
                parts += (frames.header(frames.BINARY, len(data)), data)
        self._transport.write(b"".join(parts))
        if not self._paused:
            self._loop.add_reader(self._sock, self._from_display)

    def _from_display(self) -> None:
        assert self._sock is not None
        alone, self._viewers.last_reader = self._viewers.last_reader is self, self
        try:
            data = self._sock.recv(_READ if alone else _SHARE, socket.MSG_DONTWAIT)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._loop.remove_reader(self._sock)
            self._display_gone()
            return
        if self._connection is not None:
            self._connection.bytes_out += len(data)
        self._transport.writelines((frames.header(frames.BINARY, len(data)), data))

    def _display_gone(self) -> None:
        """Wait a moment for the session to say why; the display goes first."""
        if not self._display_left:
            self._display_left = True
            self._viewers.display_gone(self._session_id, self)

    def _to_display(self, data: bytes) -> None:
        if self._sock is None:
            raise ProtocolError("bytes for the display before it is ready")
        if self._connection is not None and self._watch is not None:
            self._connection.bytes_in += len(data)
            data = self._watch.feed(data)
            if self._watch.active:
                self._watch.active = False
                self._connection.active = self._viewers.now()
            if not data:
                return
        if self._out:
            self._wait_for_display(data)
            return
        try:
            sent = self._sock.send(data, socket.MSG_DONTWAIT)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            self._display_gone()
            return
        if sent < len(data):
            self._wait_for_display(data[sent:])

    def _let_go(self) -> None:
        """Nothing leads to the display any more, and nobody looks at it here."""
        if self._sock is not None:
            self._loop.remove_reader(self._sock)
            self._loop.remove_writer(self._sock)
            self._sock.close()
            self._sock = None
        if self._connection is not None:
            self._viewers.left(self._connection)
            self._connection = None

    def _wait_for_display(self, data: bytes) -> None:
        assert self._sock is not None
        if not self._out:
            self._loop.add_writer(self._sock, self._flush)
        self._out.append(data)
        self._out_size += len(data)
        if self._out_size > _HIGH and not self._reading_paused:
            self._reading_paused = True
            self._transport.pause_reading()

    def _flush(self) -> None:
        assert self._sock is not None
        while self._out:
            try:
                sent = self._sock.send(self._out[0], socket.MSG_DONTWAIT)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                self._loop.remove_writer(self._sock)
                self._display_gone()
                return
            self._out_size -= sent
            if sent < len(self._out[0]):
                self._out[0] = self._out[0][sent:]
            else:
                self._out.pop(0)
            if self._reading_paused and self._out_size < _LOW:
                self._reading_paused = False
                self._transport.resume_reading()
        self._loop.remove_writer(self._sock)

    # time

    def _too_late(self) -> None:
        if self._task is None:
            self._close(4403, "No ticket came.")

    def _ping(self) -> None:
        """Both sides ping (proxies drop what is quiet for a minute); who is silent too long is gone."""
        silent = self._loop.time() - self._heard
        if silent > _SILENT:
            self._transport.abort()
            return
        self._transport.write(frames.frame(frames.PING, b""))
        self._keep_display()
        self._timer = self._loop.call_later(_PING_EVERY, self._ping)

    def _keep_display(self) -> None:
        """The way to a display may lead over a network too, and a screen on which nothing happens is as quiet."""
        if self._sock is not None and not self._out and self._watch is not None and self._watch.between:
            with contextlib.suppress(OSError):  # whoever reads there finds out
                sent = self._sock.send(NOTHING_NEW, socket.MSG_DONTWAIT)
                if sent < len(NOTHING_NEW):
                    self._wait_for_display(NOTHING_NEW[sent:])

    def _close(self, code: int, reason: str) -> None:
        """Say so, and wait a moment until the other side has said it too."""
        if not self._closing:
            self._closing = True
            self._let_go()
            self._transport.write(frames.close_frame(code, reason))
            self._transport.resume_reading()
            self._timer.cancel()
            self._timer = self._loop.call_later(_LINGER, self._transport.abort)
