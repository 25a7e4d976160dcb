"""What a session daemon answers to the server, and on its control socket to the command line."""

from __future__ import annotations

import os
import socket
from typing import Any, Callable

from portcall.errors import DisplayUnavailable, InvalidValue, PortcallError
from portcall.model.start import MAX_NAME, check_params
from portcall.sessiond import dialling, display, log
from portcall.sessiond.connection import Connection
from portcall.sessiond.context import Context
from portcall.sessiond.loop import READ
from portcall.sessiond.peer import peer_uid
from portcall.sessiond.resources import Resources
from portcall.wire import messages

_MOST_LOG = 1024 * 1024
_MOST_OPENED = 8  # descriptors with one answer


class Answers:
    """One method for each message; a request is answered at once, with a result or an error. ``on_changed`` gets the
    changes, and the params as they were."""

    def __init__(
        self, context: Context, resources: Resources, on_end: Callable[[str, float], Any],
        on_watched: Callable[[float], Any], on_changed: Callable[..., Any], on_proceed: Callable[[], Any],
        on_viewers: Callable[[int], Any],
    ) -> None:  # fmt: skip
        self._context, self._resources = context, resources
        self._on_end, self._on_watched, self._on_changed = on_end, on_watched, on_changed
        self._on_proceed, self._on_viewers = on_proceed, on_viewers

    def message(self, connection: Connection, message: Any, descriptors: list[int]) -> None:
        for descriptor in descriptors:
            os.close(descriptor)  # nobody sends us any
        if isinstance(message, messages.Watched):
            self._on_watched(message.every)
            return
        if isinstance(message, messages.Viewers):
            self._on_viewers(message.count)
            return
        if isinstance(message, messages.Proceed):
            self._on_proceed()
            return
        if not hasattr(message, "seq"):
            return
        try:
            self._request(connection, message)
        except PortcallError as error:
            connection.channel.refuse(message.seq, error)
            connection.flush()

    def _request(self, connection: Connection, message: Any) -> None:
        result: dict[str, Any] = {}
        if isinstance(message, messages.OpenDisplay):
            if message.token:
                self._carry(connection, message, display.connect(self._context.place / "rfb"))
            else:
                connection.channel.reply(message.seq, {}, self._open(message.count))
            self._context.touch_keyboard()  # a desktop may have set another map since
        else:
            if isinstance(message, messages.ChangeSession):
                result = self._change(message)
            elif isinstance(message, messages.ReadLog):
                text, size = log.tail(self._context.place / "log", max(0, min(message.size, _MOST_LOG)))
                result = {"log": text, "size": size}
            elif isinstance(message, messages.ListProcesses):
                result = {"processes": self._resources.rows()}
            elif not isinstance(message, messages.EndSession):
                raise InvalidValue(f"a session does not answer {type(message).__name__}")
            connection.channel.reply(message.seq, result)
        connection.flush()
        if isinstance(message, messages.EndSession):
            self._on_end(message.reason, message.grace)

    def _open(self, count: int) -> list[int]:
        """As many as the display takes; DisplayUnavailable where that is none."""
        opened: list[int] = []
        try:
            for _ in range(max(1, min(count, _MOST_OPENED))):
                opened.append(display.connect(self._context.place / "rfb").detach())
        except PortcallError:
            if not opened:
                raise
        return opened

    def _carry(self, connection: Connection, message: messages.OpenDisplay, sock: socket.socket) -> None:
        """Over the network: answered when the display's bytes are on their way."""
        weblink = self._context.record.weblink
        if weblink is None:
            sock.close()
            raise InvalidValue("this session has no way over the network")

        def done(_: object, failure: dialling.Failure | None) -> None:
            if not connection.open:
                return
            if failure is None:
                connection.channel.reply(message.seq, {})
            else:
                connection.channel.refuse(message.seq, DisplayUnavailable(failure.reason))
            connection.flush()

        dialling.display(self._context.loop, weblink, message.token, sock, done)

    def _change(self, message: messages.ChangeSession) -> dict[str, Any]:
        record = self._context.record
        before = record.session
        params = {key: value for key, value in {**before.params, **message.params}.items() if value is not None}
        check_params(params)
        name = before.name if message.name is None else message.name
        if len(name.encode(errors="replace")) > MAX_NAME or any(ord(character) < 32 for character in name):
            raise InvalidValue(f"name: one line of {MAX_NAME} bytes at most", field="name")
        record.change(name=name, params=params)
        try:
            self._context.save()
        except PortcallError:
            record.session = before
            raise
        changes = {"name": name, "params": params}
        self._on_changed(changes, before.params)
        return changes


class Control:
    """The session's own socket, for its user (and root): the same conversation as with the server."""

    def __init__(self, context: Context, hello: Callable[[], Any], on_message: Callable[..., Any]) -> None:
        self._context, self._hello, self._on_message = context, hello, on_message
        self._connections: list[Connection] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        path = context.place / "control"
        if os.path.lexists(path):
            os.unlink(path)
        self._socket.bind(path)
        os.chmod(path, 0o600)
        self._socket.listen(8)
        self._socket.setblocking(False)
        context.loop.watch(self._socket.fileno(), READ, self._accept)

    def send(self, message: Any) -> None:
        for connection in list(self._connections):
            connection.send(message)

    def close(self) -> None:
        self._context.loop.forget(self._socket.fileno())
        self._socket.close()
        for connection in list(self._connections):
            connection.close()

    def _accept(self, _events: int) -> None:
        try:
            sock, _ = self._socket.accept()
        except OSError:
            return
        if peer_uid(sock) not in (0, os.getuid()):
            sock.close()
            return
        connection = Connection(self._context.loop, sock, self._on_message, self._connections.remove)
        self._connections.append(connection)
        connection.send(self._hello())
