"""The far end of the server's control socket, in this process: a link or a session that says what a test tells it to.

The kernel vouches for this process's own user.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from portcall.model import codec
from portcall.model.session import Session
from portcall.wire import messages
from portcall.wire.channel import Channel

Answer = tuple[dict[str, Any], list[int]]


class FarEnd:
    """``heard`` is all that the server said, in order. ``answers`` gives the answer to each kind of request."""

    def __init__(self, sock: socket.socket) -> None:
        self.heard: list[Any] = []
        self.answers: dict[type, Callable[[Any], Answer]] = {}
        self.closed = asyncio.Event()
        self._changed = asyncio.Event()
        self._channel = Channel()
        self._sock = sock
        sock.setblocking(False)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(sock, self._readable)

    @classmethod
    def dial(cls, path: Path) -> FarEnd:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.connect(str(path))
        return cls(sock)

    def say(self, message: Any, descriptors: list[int] | None = None) -> None:
        """The descriptors are sent and closed here."""
        self._channel.send(message, descriptors)
        self._flush()
        for descriptor in descriptors or ():
            os.close(descriptor)

    def write(self, data: bytes, descriptors: list[int] | None = None) -> None:
        """Bytes that are no message, perhaps."""
        try:
            if descriptors:
                socket.send_fds(self._sock, [data], descriptors)
            else:
                self._sock.send(data)
        except OSError:
            self.close()

    def hello(
        self, session: Session, phase: str = "display", signature: str = "", scripts: Sequence[str] = ()
    ) -> None:  # fmt: skip
        document = codec.to_document(session)
        self.say(messages.SessionHello(messages.VERSION, os.getpid(), document, phase, signature, list(scripts)))

    async def until(self, ready: Callable[[], object], timeout: float = 10.0) -> None:
        """When something was heard, or the connection was closed, and ``ready`` holds."""
        async with asyncio.timeout(timeout):
            while not ready():
                self._changed.clear()
                await self._changed.wait()

    async def hears(self, kind: type, timeout: float = 10.0) -> Any:
        """The last message of a kind, once there is one."""
        await self.until(lambda: any(isinstance(message, kind) for message in self.heard), timeout)
        return [message for message in self.heard if isinstance(message, kind)][-1]

    def close(self) -> None:
        if self._sock.fileno() >= 0:
            self._loop.remove_reader(self._sock)
            self._sock.close()
            for descriptor in self._channel.close():
                os.close(descriptor)
        self.closed.set()
        self._changed.set()

    def _readable(self) -> None:
        try:
            data, descriptors, _, _ = socket.recv_fds(self._sock, 65_536, 16)
        except BlockingIOError:
            return
        except OSError:
            data, descriptors = b"", []
        if not data:
            self.close()
            return
        for message, _ in self._channel.feed(data, descriptors):
            self.heard.append(message)
            answer = self.answers.get(type(message))
            if answer is not None:
                result, given = answer(message)
                self._channel.reply(message.seq, result, given)
                self._flush()
                for descriptor in given:
                    os.close(descriptor)
        self._changed.set()

    def _flush(self) -> None:
        for data, descriptors in self._channel.outgoing():
            self.write(data, descriptors)
