"""The link: starts, adopts and keeps warm the sessions of its user, as the server asks."""

from __future__ import annotations

import os
from typing import Any, Callable

from portcall.clock import Clock
from portcall.errors import Conflict, PortcallError, ProtocolError
from portcall.linkd.adoption import Adoption
from portcall.linkd.commands import Command, refusal
from portcall.linkd.forking import fork
from portcall.linkd.warm import WarmPool
from portcall.model import codec
from portcall.model.ids import is_session_id
from portcall.model.start import StartOrder
from portcall.model.user import Account
from portcall.sessiond.begin import prepare
from portcall.sessiond.connection import Connection
from portcall.sessiond.loop import Loop
from portcall.sessiond.run import run_order
from portcall.sessiond.uplink import Uplink
from portcall.wire import messages

_LEAVE_AFTER = 3600.0  # seconds without server and without sessions


class Link:
    """``on_state`` is told when the server has welcomed the link, and when it cannot be reached."""

    def __init__(
        self, loop: Loop, base: str, socket_path: str, account: Account, clock: Clock, started_by: str,
        on_state: Callable[[bool], Any],
    ) -> None:  # fmt: skip
        self._loop, self._base, self._socket = loop, base, socket_path
        self._account, self._clock, self._started_by, self._on_state = account, clock, started_by, on_state
        self._adoption = Adoption(loop, base, socket_path, account, clock)
        self._warm = WarmPool(loop, base, socket_path, account, clock)
        self._bound: dict[int, Command] = {}  # by number of the request: killed when who asked is gone
        self._uplink = Uplink(loop, [socket_path], self._hello, self._message, self._state)
        self._alone = loop.after(_LEAVE_AFTER, self._leave_if_idle)
        self._welcomed = False

    def start(self) -> None:
        self._adoption.look()
        self._uplink.dial()

    def leave(self) -> None:
        """Sessions live on; another link will find them."""
        self._drop_bound()
        self._warm.discard()
        self._uplink.close()
        self._loop.stop()

    def _hello(self) -> messages.LinkHello:
        return messages.LinkHello(messages.VERSION, os.getpid(), self._adoption.alive(), self._started_by)

    def _state(self, welcomed: bool) -> None:
        self._adoption.delivering = welcomed
        if welcomed:
            self._alone.cancel()
            self._adoption.look()
        else:
            self._drop_bound()
            if self._welcomed:  # and not at each dial that finds nobody, or it would never leave
                self._alone = self._loop.after(_LEAVE_AFTER, self._leave_if_idle)
        self._welcomed = welcomed
        self._on_state(welcomed)

    def _leave_if_idle(self) -> None:
        if self._adoption.alive():
            self._alone = self._loop.after(_LEAVE_AFTER, self._leave_if_idle)
        else:
            self.leave()

    def _message(self, connection: Connection, message: Any, descriptors: list[int]) -> None:
        for descriptor in descriptors:
            os.close(descriptor)
        try:
            if isinstance(message, messages.StartSession):
                self._start(connection, message)
            elif isinstance(message, messages.RunCommand):
                self._run(connection, message)
            elif isinstance(message, messages.Adopt):
                self._adopt(connection, message)
            elif isinstance(message, messages.Destroy):
                self._destroy(connection, message)
            elif isinstance(message, messages.KeepWarm):
                self._warm.keep(message)
            elif hasattr(message, "seq"):
                raise ProtocolError(f"a link does not answer {type(message).__name__}")
        except PortcallError as error:
            if hasattr(message, "seq"):
                connection.channel.refuse(message.seq, error)
                connection.flush()

    def _start(self, connection: Connection, message: messages.StartSession) -> None:
        """The same id twice is the same session, whoever asks, and however fast."""
        order = codec.from_document(StartOrder, message.order)
        if not is_session_id(order.id):
            raise ProtocolError(f"{order.id!r} is no session id")
        if os.path.isdir(f"{self._base}/sessions/{order.id}"):
            self._answer(connection, message.seq, {"existing": True})
            return

        def answered(pid: int, error: PortcallError | None) -> None:
            if pid:
                self._adoption.forked(pid, order.id)
                self._answer(connection, message.seq, {"pid": pid, "warm": True})
            else:
                self._start_cold(connection, message.seq, order)

        if not self._warm.use(order, answered):
            self._start_cold(connection, message.seq, order)

    def _start_cold(self, connection: Connection, seq: int, order: StartOrder) -> None:
        try:
            place, record = prepare(order, [self._socket], self._base, self._clock)
        except Conflict:
            self._answer(connection, seq, {"existing": True})
            return
        except PortcallError as error:
            connection.channel.refuse(seq, error)
            connection.flush()
            return

        def run() -> None:
            run_order(place, record, self._account, self._clock, lambda *_: None)

        try:
            pid = fork(run, [place.lock])
        except PortcallError as error:
            place.remove()
            connection.channel.refuse(seq, error)
            connection.flush()
        else:
            self._adoption.forked(pid, order.id)
            self._answer(connection, seq, {"pid": pid})
        finally:
            os.close(place.lock)

    def _run(self, connection: Connection, message: messages.RunCommand) -> None:
        def done(result: dict[str, Any]) -> None:
            self._bound.pop(message.seq, None)
            self._answer(connection, message.seq, result)

        try:
            command = Command(self._loop, self._account, message, done)
        except PortcallError as error:
            self._answer(connection, message.seq, refusal(error))
        else:
            if message.bound:
                self._bound[message.seq] = command

    def _drop_bound(self) -> None:
        """Before the next hello: a server that comes back may rely on it that nothing of these goes on."""
        bound, self._bound = self._bound, {}
        for command in bound.values():
            command.kill()

    def _adopt(self, connection: Connection, message: messages.Adopt) -> None:
        self._adoption.look(lambda: self._answer(connection, message.seq, {"sessions": self._adoption.alive()}))

    def _destroy(self, connection: Connection, message: messages.Destroy) -> None:
        if not is_session_id(message.id):
            raise ProtocolError(f"{message.id!r} is no session id")
        self._adoption.destroy(message.id, lambda found: self._answer(connection, message.seq, {"found": found}))

    def _answer(self, connection: Connection, seq: int, result: dict[str, Any]) -> None:
        if connection.open:
            connection.channel.reply(seq, result)
            connection.flush()
