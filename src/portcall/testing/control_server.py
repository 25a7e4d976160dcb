"""A server as user-side processes see it: accepts their connections, welcomes them, keeps what they say.

For tests of links and session daemons. It is only the conversation: no seats, no registry.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from portcall.errors import PortcallError
from portcall.sessiond.connection import receive
from portcall.wire import messages
from portcall.wire.channel import Channel


class Peer:
    """One connection: a link, or a session. ``heard`` are (message, descriptors) in order."""

    def __init__(self, server: ControlServer, sock: socket.socket) -> None:
        self.server, self.socket = server, sock
        self.channel = Channel()
        self.hello: Any = None
        self.heard: list[tuple[Any, list[int]]] = []
        self.closed = False

    def ask(self, make: Callable[[int], Any], timeout: float = 40) -> tuple[dict[str, Any], list[int]]:
        """The result of a request; raises the error that was answered."""
        answers: list[tuple[dict[str, Any], list[int], PortcallError | None]] = []
        with self.server.changed:
            self.channel.request(make, lambda *answer: answers.append(answer))
            self._flush()
        self.server.wait(lambda: bool(answers), timeout, "an answer")
        result, descriptors, error = answers[0]
        if error is not None:
            raise error
        return result, descriptors

    def tell(self, message: Any) -> None:
        with self.server.changed:
            self.channel.send(message)
            self._flush()

    def said(self, kind: type) -> list[Any]:
        return [message for message, _ in self.heard if isinstance(message, kind)]

    def _flush(self) -> None:
        for data, _ in self.channel.outgoing():
            with contextlib.suppress(OSError):  # that it has gone is seen where it is read
                self.socket.sendall(data)

    def serve(self) -> None:
        while True:
            try:
                data, descriptors = receive(self.socket)
            except OSError:
                data, descriptors = b"", []
            with self.server.changed:
                if not data:
                    break
                for message, taken in self.channel.feed(data, descriptors):
                    self._hear(message, taken)
                self.server.changed.notify_all()
        with self.server.changed:
            self.channel.close()
            self.socket.close()
            self.closed = True
            self.server.changed.notify_all()

    def _hear(self, message: Any, descriptors: list[int]) -> None:
        self.heard.append((message, descriptors))
        if isinstance(message, (messages.LinkHello, messages.SessionHello)):
            self.hello = message
            if self.server.welcomes:
                self.channel.send(messages.Welcome("test"))
            reason = self.server.refuses
            if isinstance(message, messages.SessionHello):
                if reason:
                    self.channel.request(lambda seq: messages.EndSession(seq, reason, 0.5), lambda *_: None)
                elif self.server.welcomes:
                    self.channel.send(messages.Watched(60.0))  # it is admitted
            self._flush()


class ControlServer:
    """``refuses``: a reason to end every session right after its hello. Stops and starts again at the same path."""

    def __init__(self, path: str, refuses: str = "", welcomes: bool = True) -> None:
        self.path, self.refuses, self.welcomes = path, refuses, welcomes
        self.changed = threading.Condition()
        self.peers: list[Peer] = []
        self._listener: socket.socket | None = None

    def start(self) -> ControlServer:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        if os.path.exists(self.path):
            os.unlink(self.path)
        listener.bind(self.path)
        listener.listen(128)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return self

    def stop(self) -> None:
        """As if killed: everything is closed, nothing said."""
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        with self.changed:
            peers, self.peers = self.peers, []
            for peer in peers:
                if not peer.closed:
                    peer.socket.shutdown(socket.SHUT_RDWR)
            for _, descriptors in [heard for peer in peers for heard in peer.heard]:
                for descriptor in descriptors:
                    os.close(descriptor)
        deadline = time.monotonic() + 5
        with self.changed:
            while not all(peer.closed for peer in peers) and time.monotonic() < deadline:
                self.changed.wait(0.5)

    def link(self, timeout: float = 40) -> Peer:
        """The link, once it has said hello."""
        return self._peer(messages.LinkHello, lambda hello: True, timeout, "a link")

    def session(self, session_id: str, timeout: float = 40) -> Peer:
        return self._peer(
            messages.SessionHello, lambda hello: hello.session["id"] == session_id, timeout, f"session {session_id}"
        )

    def report(
        self, session_id: str, kind: type, test: Callable[[Any], bool] = lambda _: True, timeout: float = 40
    ) -> Any:
        """The first message of this kind about this session that passes the test, from any of its connections."""

        def find() -> Any:
            for peer in self.peers:
                if isinstance(peer.hello, messages.SessionHello) and peer.hello.session["id"] == session_id:
                    for message in peer.said(kind):
                        if test(message):
                            return message
            return None

        self.wait(lambda: find() is not None, timeout, f"{kind.__name__} of {session_id}")
        return find()

    def running(self, session_id: str, timeout: float = 40) -> Any:
        return self.report(session_id, messages.SessionReport, lambda report: report.phase == "running", timeout)

    def ended(self, session_id: str, timeout: float = 40) -> Any:
        return self.report(session_id, messages.SessionEnded, timeout=timeout)

    def wait(self, test: Callable[[], bool], timeout: float, what: str) -> None:
        deadline = time.monotonic() + timeout
        with self.changed:
            while not test():
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"no {what} within {timeout} s; heard: {self._heard()}")
                self.changed.wait(min(left, 0.5))

    def _heard(self) -> list[Any]:
        return [message for peer in self.peers for message, _ in peer.heard]

    def _peer(self, kind: type, test: Callable[[Any], bool], timeout: float, what: str) -> Peer:
        def find() -> Peer | None:
            live = [
                peer for peer in self.peers if not peer.closed and isinstance(peer.hello, kind) and test(peer.hello)
            ]
            return live[-1] if live else None

        self.wait(lambda: find() is not None, timeout, what)
        found = find()
        assert found is not None
        return found

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            peer = Peer(self, sock)
            with self.changed:
                self.peers.append(peer)
            threading.Thread(target=peer.serve, daemon=True).start()
