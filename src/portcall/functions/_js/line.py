"""Frames between the server and one worker; what they hold is said in worker.py."""

from __future__ import annotations

import asyncio
import socket
import struct

LARGEST = 64 << 20  # bytes of a frame that is believed
_UNASKED = 1 << 20  # bytes that are read while nobody waits for them
_LENGTH = struct.Struct("!I")

Frame = tuple[bytes, list[bytes]]


class WorkerGone(Exception):
    """The process ended: crashed, was killed, or broke the protocol."""


class Line:
    """Straight on the socket: a call is short, and streams and their timeouts would take longer than it does.

    One task at a time receives. Every wait ends: with WorkerGone when the line is closed, with TimeoutError.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._came = bytearray()
        self._frame: asyncio.Future[None] | None = None
        self._rest = bytearray()
        self._sent: list[asyncio.Future[None]] = []
        self._reading = True
        self._loop.add_reader(sock.fileno(), self._readable)

    async def send(self, data: bytes, within: float) -> None:
        """At once, not at the end of the loop's turn; comes back when the kernel has all of it."""
        if self._closed:
            raise WorkerGone("it has been stopped")
        sent = 0
        if not self._rest:
            try:
                sent = self._socket.send(data)
            except BlockingIOError:
                pass
            except OSError as error:
                raise WorkerGone(str(error)) from error
            if sent == len(data):
                return
            self._loop.add_writer(self._socket.fileno(), self._writable)
        self._rest += data[sent:]
        there = self._loop.create_future()
        self._sent.append(there)
        await self._wait(there, within)

    async def receive(self, within: float) -> Frame:
        if not self._whole():
            if self._closed:
                raise WorkerGone("it has ended")
            if not self._reading:
                self._reading = True
                self._loop.add_reader(self._socket.fileno(), self._readable)
            self._frame = self._loop.create_future()
            await self._wait(self._frame, within)
        came = self._came
        size: int = _LENGTH.unpack_from(came)[0]
        if not 1 <= size <= LARGEST:
            raise WorkerGone("a frame of impossible size")
        frame = bytes(came[4 : 4 + size])
        del came[: 4 + size]
        return _parts(frame)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._loop.remove_reader(self._socket.fileno())
        self._loop.remove_writer(self._socket.fileno())
        self._socket.close()
        for waiting in (self._frame, *self._sent):
            if waiting is not None and not waiting.done():
                waiting.set_exception(WorkerGone("it has ended"))

    async def _wait(self, what: asyncio.Future[None], within: float) -> None:
        timer = self._loop.call_later(within, _late, what)
        try:
            await what
        finally:
            timer.cancel()

    def _whole(self) -> bool:
        """The next frame is there, or the beginning of one that never can be."""
        came = self._came
        if len(came) < 4:
            return False
        size: int = _LENGTH.unpack_from(came)[0]
        return len(came) >= 4 + size or not 1 <= size <= LARGEST

    def _readable(self) -> None:
        try:
            chunk = self._socket.recv(1 << 18 if len(self._came) > 1 << 16 else 1 << 16)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk:
            self.close()
            return
        self._came += chunk
        if self._frame is not None and not self._frame.done():
            if self._whole():
                self._frame.set_result(None)
        elif len(self._came) > _UNASKED:
            self._reading = False
            self._loop.remove_reader(self._socket.fileno())

    def _writable(self) -> None:
        try:
            del self._rest[: self._socket.send(self._rest)]
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        if not self._rest:
            self._loop.remove_writer(self._socket.fileno())
            for waiting in self._sent:
                if not waiting.done():
                    waiting.set_result(None)
            self._sent.clear()


def frame(what: bytes, *parts: bytes) -> bytes:
    body = [b"", what]
    for part in parts:
        body += (_LENGTH.pack(len(part)), part)
    body[0] = _LENGTH.pack(sum(map(len, body)))
    return b"".join(body)


def _parts(whole: bytes) -> Frame:
    parts, at = [], 1
    try:
        while at < len(whole):
            (length,) = _LENGTH.unpack_from(whole, at)
            parts.append(whole[at + 4 : at + 4 + length])
            at += 4 + length
    except struct.error as error:
        raise WorkerGone(str(error)) from error
    return whole[:1], parts


def _late(what: asyncio.Future[None]) -> None:
    if not what.done():
        what.set_exception(TimeoutError())
