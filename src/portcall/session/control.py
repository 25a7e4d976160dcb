"""The server's unix socket: links and session daemons connect, and are known by SO_PEERCRED."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import socket
import struct
import threading
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import structlog

from portcall.errors import PortcallError, ProtocolError
from portcall.model.user import Account
from portcall.wire import messages
from portcall.wire.channel import Channel

log = structlog.get_logger("control")
_CREDENTIALS = struct.Struct("3i")
_MAX_DESCRIPTORS = 16  # with one message
_ALL_DESCRIPTORS = 253  # SCM_MAX_FD: what is not received, the kernel closes here and now
_MOST_AT_ONCE = 1024  # connections of one user; root and the server's own user may have more
_BUSY, _REST = 32, 8  # messages being worked on: no more are read, and read again
_HELLO_WITHIN = 10.0  # seconds
_AGAIN = 0.2  # seconds after which accepting is tried again


class ControlConnection:
    """One process at the other end. ``uid`` and ``pid`` are the kernel's word, not the peer's.

    Over a weblink there is no such word: ``account`` and ``session_id`` are what its token was signed for.
    """

    displays_at_once = 8  # ways to the display with one answer
    viewers: int | None = None  # as a session was last told; None: it does not want to know
    farewell = 0.0  # seconds that its end may take longer

    account: Account | None = None
    session_id = ""

    def __init__(self, sock: socket.socket, hello: Callable[[ControlConnection, Any], Awaitable[None]]) -> None:
        self._sock = sock
        self._loop = asyncio.get_running_loop()
        self._channel = Channel()
        self._hello = hello
        self._out: list[tuple[memoryview, list[int]]] = []
        self._closed = False
        self._held: list[tuple[Any, list[int]]] | None = None  # what came behind a hello that is being answered
        self._working = 0
        self._waiting: deque[tuple[Any, list[int]]] = deque()  # read, while enough is being worked on
        self.pid, self.uid, _ = _CREDENTIALS.unpack(
            sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        )
        self.on_message: Callable[[Any, list[int]], None] | None = None
        self.on_close: list[Callable[[], None]] = []
        self._loop.add_reader(sock, self._readable)
        self._timer = self._loop.call_later(_HELLO_WITHIN, self.close)

    def send(self, message: Any) -> None:
        if not self._closed:
            self._channel.send(message)
            self._flush()

    async def request(self, make: Callable[[int], Any], timeout: float = 10.0) -> tuple[dict[str, Any], list[int]]:
        """The answer's result and descriptors; the error it holds is raised.

        Descriptors are the caller's to close. They come with a display only: elsewhere nobody would look for them.
        """
        if self._closed:
            raise ProtocolError("the connection was closed")
        answer: asyncio.Future[tuple[dict[str, Any], list[int]]] = self._loop.create_future()

        wanted = False

        def made(seq: int) -> Any:
            nonlocal wanted
            message = make(seq)
            wanted = isinstance(message, messages.OpenDisplay)
            return message

        def answered(result: dict[str, Any], descriptors: list[int], error: PortcallError | None) -> None:
            if answer.done() or error is not None or not wanted:
                _close_all(descriptors)
                descriptors = []
            if answer.done():
                return
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result((result, descriptors))

        self._channel.request(made, answered)
        self._flush()
        try:
            return await asyncio.wait_for(answer, timeout)
        except TimeoutError:
            raise ProtocolError(f"no answer within {timeout:g} s") from None
        except asyncio.CancelledError:
            if answer.done() and not answer.cancelled() and answer.exception() is None:
                _close_all(answer.result()[1])  # it came in the same moment
            raise

    def begun(self) -> None:
        """A message of this connection's is being worked on; who sends faster than that waits."""
        self._working += 1
        if self._working == _BUSY and not self._closed:
            self._loop.remove_reader(self._sock)

    def done(self) -> None:
        """The work that ``begun`` spoke of is over."""
        self._working -= 1
        if self._closed or self._working != _REST:
            return
        if self._try(lambda: self._hand_on([])) and self._working < _BUSY:
            self._loop.add_reader(self._sock, self._readable)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._timer.cancel()
        self._loop.remove_reader(self._sock)
        self._loop.remove_writer(self._sock)
        _drain(self._sock)
        self._sock.close()
        for _, descriptors in (*self._out, *self._waiting):
            _close_all(descriptors)
        self._waiting.clear()
        _close_all(self._channel.close())
        for callback in self.on_close:
            callback()

    def _readable(self) -> None:
        try:
            data, descriptors, _, _ = socket.recv_fds(self._sock, 262_144, _ALL_DESCRIPTORS, socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        if not data:
            self.close()
            return
        self._try(lambda: self._feed(data, descriptors))

    def _feed(self, data: bytes, descriptors: list[int]) -> None:
        if len(descriptors) > _MAX_DESCRIPTORS or not all(map(_is_local_stream, descriptors)):
            _close_elsewhere(descriptors)
            raise ProtocolError("a descriptor that is no unix stream socket, or too many of them")
        self._hand_on(self._channel.feed(data, descriptors))

    def _try(self, work: Callable[[], None]) -> bool:
        """False where that broke the protocol, and so the connection."""
        try:
            work()
        except PortcallError as error:
            log.warning("protocol broken", uid=self.uid, pid=self.pid, error=str(error))
            self.close()
            return False
        return True

    def _hand_on(self, arrived: list[tuple[Any, list[int]]]) -> None:
        """As many as may be worked on at once; ``on_message`` owns the descriptors given, also where it raises."""
        self._waiting += arrived
        while self._waiting and self._working < _BUSY:
            message, descriptors = self._waiting.popleft()
            self._arrived(message, descriptors)

    def _arrived(self, message: Any, descriptors: list[int]) -> None:
        if self._held is not None:
            self._held.append((message, descriptors))
        elif self.on_message is not None:
            self.on_message(message, descriptors)
        elif isinstance(message, (messages.LinkHello, messages.SessionHello)):
            _close_all(descriptors)
            self._held = []
            self._timer.cancel()
            task = self._loop.create_task(self._welcome(message))
            task.add_done_callback(lambda done: done.exception() if not done.cancelled() else None)
        else:
            _close_all(descriptors)
            raise ProtocolError(f"{type(message).__name__} before a hello")

    async def _welcome(self, hello: Any) -> None:
        """``hello`` sets ``on_message``; what arrived meanwhile is handed on in order."""
        try:
            await self._hello(self, hello)
        except PortcallError as error:
            log.warning("hello refused", uid=self.uid, pid=self.pid, error=str(error))
            self.close()
        except Exception:
            log.exception("hello failed", uid=self.uid, pid=self.pid)
            self.close()
        held, self._held = self._held or [], None
        if self._closed or self.on_message is None:
            for _, descriptors in held:
                _close_all(descriptors)
            return
        self._try(lambda: self._hand_on(held))

    def _flush(self) -> None:
        self._out += [(memoryview(data), descriptors) for data, descriptors in self._channel.outgoing()]
        while self._out:
            data, descriptors = self._out[0]
            try:
                sent = socket.send_fds(self._sock, [data], descriptors) if descriptors else self._sock.send(data)
            except BlockingIOError:
                self._loop.add_writer(self._sock, self._flush)
                return
            except OSError:
                self._loop.call_soon(self.close)
                return
            if sent < len(data):
                self._out[0] = (data[sent:], [])
            else:
                self._out.pop(0)
        self._loop.remove_writer(self._sock)


class ControlSocket:
    """Listens on ``path``; any local user may connect (mode 0666)."""

    def __init__(self, path: Path, hello: Callable[[ControlConnection, Any], Awaitable[None]]) -> None:
        self._path = path
        self._hello = hello
        self._sock: socket.socket | None = None
        self._again: asyncio.TimerHandle | None = None
        self._connections: set[ControlConnection] = set()
        self._of_uid: Counter[int] = Counter()

    def open(self) -> None:
        """Takes the path over from a server that died; the caller has made sure that none lives."""
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        sock.bind(str(self._path))
        os.chmod(self._path, 0o666)  # noqa: S103 - any local user; who it is, is the kernel's word
        sock.listen(1024)
        self._sock = sock
        asyncio.get_running_loop().add_reader(sock, self._accept)

    def close(self) -> None:
        if self._again is not None:
            self._again.cancel()
        if self._sock is not None:
            asyncio.get_running_loop().remove_reader(self._sock)
            self._sock.close()
            self._sock = None
            with contextlib.suppress(FileNotFoundError):
                self._path.unlink()
        for connection in tuple(self._connections):
            connection.close()

    def _accept(self) -> None:
        assert self._sock is not None
        while True:
            try:
                sock, _ = self._sock.accept()
            except BlockingIOError:
                return
            except OSError as error:  # out of descriptors: who waits is let in when there are some again
                log.warning("accept failed", error=str(error))
                loop = asyncio.get_running_loop()
                loop.remove_reader(self._sock)
                self._again = loop.call_later(_AGAIN, loop.add_reader, self._sock, self._accept)
                return
            sock.setblocking(False)
            connection = ControlConnection(sock, self._hello)
            self._connections.add(connection)
            self._of_uid[connection.uid] += 1
            connection.on_close.append(functools.partial(self._left, connection))
            if self._of_uid[connection.uid] > _MOST_AT_ONCE and connection.uid not in (0, os.geteuid()):
                log.warning("too many connections of one user", uid=connection.uid, pid=connection.pid)
                connection.close()

    def _left(self, connection: ControlConnection) -> None:
        self._connections.discard(connection)
        self._of_uid[connection.uid] -= 1
        if not self._of_uid[connection.uid]:
            del self._of_uid[connection.uid]


def _is_local_stream(descriptor: int) -> bool:
    """Asked of the socket layer alone: a file's status may be for somebody's own file system to give, in its time."""
    try:
        sock = socket.socket(fileno=descriptor)
    except OSError:
        return False
    try:
        return sock.family == socket.AF_UNIX and sock.type == socket.SOCK_STREAM
    finally:
        sock.detach()


def _close_elsewhere(descriptors: list[int]) -> None:
    """Closing may take as long as somebody likes: a TCP socket that lingers, a file of their own file system."""
    if descriptors:
        threading.Thread(target=_close_all, args=(descriptors,), daemon=True, name="close").start()


def _drain(sock: socket.socket) -> None:
    """Take out the descriptors that nobody read, before the kernel closes them with the socket."""
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RD)  # nothing comes after what is there
        while True:
            data, descriptors, _, _ = socket.recv_fds(
                sock, 262_144, _ALL_DESCRIPTORS, socket.MSG_CMSG_CLOEXEC | socket.MSG_DONTWAIT
            )
            _close_elsewhere(descriptors)
            if not data:
                return


def _close_all(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
