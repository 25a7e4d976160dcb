"""TLS on the event loop: a transport of our own for connections that come in.

uvloop's takes 256 KiB for each connection and 256 KiB more for each read, and copies what is written once more. Here
records are made into one buffer of bounded size and go to the socket in one call.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import structlog

log = structlog.get_logger("tls")
_READ = 65_536  # bytes at a time
_RECORD = 16_384  # bytes of plain text in a record at most (RFC 8446 5.1)
_SENT = 131_072  # bytes of records in one call; OpenSSL keeps a buffer of what was once needed
_SOON = 16_384  # bytes; less than that waits for what else is written in the same moment
_HANDSHAKE_WITHIN = 30.0  # seconds; as long as for a whole request
_LAST_WITHIN = 30.0  # seconds for what is unsent at the end
_AT_ONCE = 64  # connections accepted before others have their turn
_AGAIN = 0.2  # seconds after which accepting is tried again


class TlsTransport(asyncio.Transport):
    """``made`` gives the protocol once the handshake is done; who never ends it is seen by no protocol."""

    __slots__ = (
        "_cipher", "_closing", "_context", "_high", "_incoming", "_loop", "_low", "_lost", "_made", "_outgoing",
        "_parted", "_plain", "_protocol", "_reading", "_size", "_sock", "_soon", "_timer", "_tls", "_told", "_writing",
    )  # fmt: skip

    def __init__(
        self, loop: asyncio.AbstractEventLoop, sock: socket.socket, context: ssl.SSLContext, made: Callable[[], Any],
        within: float,
    ) -> None:  # fmt: skip
        super().__init__()
        self._loop, self._sock, self._context, self._made = loop, sock, context, made
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._protocol: Any = None  # until the handshake is done
        self._plain: deque[memoryview] = deque()  # written, and not yet made into records
        self._cipher = memoryview(b"")  # records that the socket has not taken
        self._size = 0  # bytes of both
        self._high, self._low = 65_536, 16_384
        self._reading = True
        self._writing = False  # the loop looks whether the socket takes more
        self._told = False  # the protocol knows that it should pause
        self._soon = False
        self._closing = self._parted = self._lost = False  # asked to end, said so to the other side, over
        self._timer: asyncio.TimerHandle = loop.call_later(within, self.abort)
        loop.add_reader(sock, self._readable)

    # in

    def _readable(self) -> None:
        try:
            data = self._sock.recv(_READ)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._end(error)
            return
        if data:
            self._incoming.write(data)
            self._go_on()
        else:
            self._ended()

    def _go_on(self) -> None:
        """With what has come."""
        if self._lost:
            return
        try:
            if self._protocol is None:
                self._shake_hands()
            while self._incoming.pending and self._reading and not self._closing:
                data = self._tls.read(_RECORD)
                if not data:  # the other side's word that this was all
                    self._ended()
                    return
                self._protocol.data_received(data)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self._ended()
            return
        except ssl.SSLError as error:
            log.debug("TLS broken", error=error.reason)
            self._push()  # the alert
            self._end(error)
            return
        if self._outgoing.pending:
            self._push_soon()

    def _shake_hands(self) -> None:
        self._tls.do_handshake()
        self._timer.cancel()
        self._protocol = self._made()
        self._protocol.connection_made(self)

    def _ended(self) -> None:
        """The other side has said all. One that does so in the handshake has said nothing."""
        if self._protocol is None:
            self._end(None)
        elif not self._closing:
            self._protocol.eof_received()
            self.close()

    def pause_reading(self) -> None:
        if self._reading and not self._closing:
            self._reading = False
            self._loop.remove_reader(self._sock)

    def resume_reading(self) -> None:
        if not self._reading and not self._closing:
            self._reading = True
            self._loop.add_reader(self._sock, self._readable)
            self._loop.call_soon(self._go_on)  # with what was read already

    def is_reading(self) -> bool:
        return self._reading and not self._closing

    # out

    def write(self, data: Any) -> None:
        if data and not self._closing:
            self._plain.append(memoryview(data))
            self._size += len(data)
            self._push_some()

    def writelines(self, parts: Iterable[Any]) -> None:
        """The head of a message goes into one record with what comes behind it."""
        if self._closing:
            return
        head = b""
        for part in parts:
            whole = memoryview(part)
            self._size += len(whole)
            if len(head) + len(whole) < _RECORD:
                head += whole
                continue
            cut = _RECORD - len(head) if head else 0
            if head:
                self._plain.append(memoryview(head + whole[:cut]))
                head = b""
            self._plain.append(whole[cut:])
        if head:
            self._plain.append(memoryview(head))
        self._push_some()

    def _push_some(self) -> None:
        if self._writing:
            self._limit()
        elif self._size < _SOON:
            self._push_soon()
        else:
            self._push()

    def _push_soon(self) -> None:
        if not self._soon and not self._writing:
            self._soon = True
            self._loop.call_soon(self._push)

    def _push(self) -> None:
        """Make records and send them until nothing is left, or the socket is full."""
        self._soon = False
        if self._lost:
            return
        try:
            while self._records():
                sent = self._sock.send(self._cipher)
                self._size -= sent
                self._cipher = self._cipher[sent:]
        except (BlockingIOError, InterruptedError):
            if not self._writing:
                self._writing = True
                self._loop.add_writer(self._sock, self._push)
        except OSError as error:  # ssl.SSLError is one
            self._end(error)
            return
        else:
            if self._writing:
                self._writing = False
                self._loop.remove_writer(self._sock)
            if self._closing:
                self._end(None)
                return
        self._limit()

    def _records(self) -> bool:
        """Whether there is something to send."""
        if self._cipher:
            return True
        while self._plain and self._outgoing.pending < _SENT - _RECORD:
            piece = self._plain[0]
            done = self._tls.write(piece)  # a record
            self._size -= done
            if done < len(piece):
                self._plain[0] = piece[done:]
            else:
                self._plain.popleft()
        if self._closing and not self._plain and not self._parted and self._protocol is not None:
            self._parted = True
            with contextlib.suppress(ssl.SSLError):  # it waits for the other's word, which nobody needs any more
                self._tls.unwrap()
        self._cipher = memoryview(self._outgoing.read())
        self._size += len(self._cipher)
        return bool(self._cipher)

    def _limit(self) -> None:
        if self._protocol is None:
            return
        if self._size > self._high and not self._told:
            self._told = True
            self._protocol.pause_writing()
        elif self._size <= self._low and self._told:
            self._told = False
            self._protocol.resume_writing()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high = 65_536 if high is None else high
        self._low = self._high // 4 if low is None else low

    def get_write_buffer_size(self) -> int:
        return self._size

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._low, self._high

    def can_write_eof(self) -> bool:
        return False

    # the end

    def close(self) -> None:
        """What was written is sent first, for as long as somebody takes it."""
        if not self._closing:
            self._closing = True
            self._loop.remove_reader(self._sock)
            self._timer.cancel()
            self._timer = self._loop.call_later(_LAST_WITHIN, self.abort)
            self._push_soon()

    def abort(self) -> None:
        self._end(None)

    def is_closing(self) -> bool:
        return self._closing

    def _end(self, error: Exception | None) -> None:
        if self._lost:
            return
        self._closing = self._lost = True
        self._timer.cancel()
        self._loop.remove_reader(self._sock)
        self._loop.remove_writer(self._sock)
        self._plain.clear()
        self._sock.close()
        if self._protocol is not None:
            self._loop.call_soon(self._protocol.connection_lost, error)
            self._protocol = None  # a circle would keep all of it until the next collection

    # who

    def get_protocol(self) -> Any:
        return self._protocol

    def set_protocol(self, protocol: Any) -> None:
        self._protocol = protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        known = {"socket": self._sock, "sslcontext": self._context, "ssl_object": self._tls}
        return known.get(name, default)


class TlsListener:
    """Accepts on a listening socket until it is closed; connections that are there live on."""

    def __init__(
        self, sock: socket.socket, context: ssl.SSLContext, made: Callable[[], Any], within: float = _HANDSHAKE_WITHIN
    ) -> None:
        self._sock, self._context, self._made, self._within = sock, context, made, within
        self._loop = asyncio.get_running_loop()
        self._again: asyncio.TimerHandle | None = None
        self._loop.add_reader(sock, self._accept)

    def close(self) -> None:
        if self._again is not None:
            self._again.cancel()
        self._loop.remove_reader(self._sock)
        self._sock.close()

    def _accept(self) -> None:
        try:
            for _ in range(_AT_ONCE):
                sock, _ = self._sock.accept()
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                TlsTransport(self._loop, sock, self._context, self._made, self._within)
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:  # out of descriptors: who waits is let in when there are some again
            log.warning("accept failed", error=str(error))
            self._loop.remove_reader(self._sock)
            self._again = self._loop.call_later(_AGAIN, self._loop.add_reader, self._sock, self._accept)
