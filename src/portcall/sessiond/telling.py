"""What a session says of itself: to the server, to who asks on its own socket, to who waits for the start."""

from __future__ import annotations

import os
from typing import Any, Callable

from portcall.errors import PortcallError, StartFailed
from portcall.model import codec
from portcall.model.start import SCRIPTS
from portcall.sessiond.answers import Control
from portcall.sessiond.context import Context
from portcall.sessiond.dialling import Failure
from portcall.sessiond.uplink import Uplink
from portcall.wire import messages

_DELIVERY = 5.0  # seconds to tell the server about the end, before the record is left for a link to deliver


class Telling:
    """``notify`` is for who waits for the start: ``running``, ``ended``, ``accepted``, ``offline``, ``warm``.

    ``on_left`` is called at the very end: True when the server has heard of it.
    """

    def __init__(
        self,
        context: Context,
        notify: Callable[[str, dict[str, Any]], Any],
        on_message: Callable[..., Any],
        on_left: Callable[[bool], Any],
        on_refused: Callable[[str], Any],
    ) -> None:
        self._context, self.notify, self._on_message, self._on_left = context, notify, on_message, on_left
        self._on_refused = on_refused
        self._uplink = Uplink(
            context.loop, context.record.sockets, self.hello, on_message, self._state, self._connected,
            context.record.weblink, self._refused,
        )  # fmt: skip
        self._control: Control | None = None
        self._early = -1
        self._steps: list[messages.SessionReport] = []
        self._step_at = context.clock.monotonic()
        self._ended: messages.SessionEnded | None = None
        self._handed_over = self._left = self._unwanted = False

    def open(self) -> None:
        """Our own socket, if it is not there yet. StartFailed where it cannot be made."""
        if self._control is not None:
            return
        try:
            self._control = Control(self._context, self.hello, self._on_message)
        except OSError as error:
            raise StartFailed(f"{self._context.place / 'control'}: {error.strerror}") from error

    def dial(self) -> None:
        self._uplink.dial()

    def hello(self) -> messages.SessionHello:
        record = self._context.record
        document = codec.to_document(record.session)
        scripts = [event for event in SCRIPTS if self._context.script(event)]
        return messages.SessionHello(
            messages.VERSION, os.getpid(), document, record.phase, record.order.signature, scripts
        )

    def clock(self, since: float | None = None) -> None:
        """The next step's time counts from now, or from then."""
        self._step_at = self._context.clock.monotonic() if since is None else since

    def step(self, step: str, changes: dict[str, Any] | None = None, phase: str = "") -> None:
        """A step of the start was taken; the server hears of it when it is there."""
        now = self._context.clock.monotonic()
        report = messages.SessionReport(
            self._context.record.session.id, changes or {}, phase, step, now - self._step_at
        )
        self._step_at = now
        if self._context.claimed and not self._uplink.send(report):
            self._steps.append(report)

    def changed(self, changes: dict[str, Any]) -> None:
        """Members of the record; a server that is away reads them in the next hello."""
        self._uplink.send(messages.SessionReport(self._context.record.session.id, changes))

    def early(self, descriptor: int) -> None:
        """The first viewer's way to the display; its greeting waits in it."""
        self._early = descriptor
        self._send_early()

    def drop_early(self) -> None:
        """Nobody was there to take it; the server will ask when it is."""
        if self._early >= 0:
            os.close(self._early)
            self._early = -1

    def running(self) -> None:
        if self._uplink.connection is None:
            self.drop_early()
        self.notify("running", {"session": codec.to_document(self._context.record.session)})

    def over(self, ended: messages.SessionEnded) -> None:
        """The last word. Where no server hears it in time, a link delivers it later."""
        self._ended = ended
        self.drop_early()
        if self._control is not None:
            self._control.send(ended)
        self.notify("ended", codec.to_document(ended))
        if self._unwanted:
            self.leave(True)
            return
        self._context.loop.after(_DELIVERY, lambda: self.leave(False))
        if self._uplink.welcomed:
            self._hand_over()
        else:
            self._uplink.dial()

    def leave(self, told: bool) -> None:
        if not self._left:
            self._left = True
            self._uplink.close()
            if self._control is not None:
                self._control.close()
            self._on_left(told)

    def _send_early(self) -> None:
        if self._uplink.connection is not None and self._uplink.over_network:
            self.drop_early()
        elif self._early >= 0 and self._context.claimed and self._uplink.connection is not None:
            descriptor, self._early = self._early, -1
            self._uplink.send(messages.DisplayOpened(self._context.record.session.id), [descriptor])

    def _connected(self) -> None:
        for report in self._steps:
            self._uplink.send(report)
        self._steps = []
        self._send_early()

    def _refused(self, failure: Failure) -> None:
        """By a server that never had this session, or that says itself that it is over: there is nobody to run for."""
        if failure.over or not self._context.record.session.server_id:
            self._unwanted = True
            if self._ended is not None:
                self.leave(True)
            else:
                self._on_refused(failure.reason)

    def _state(self, welcomed: bool) -> None:
        if welcomed:
            self._belong()
            if self._ended is not None:
                self._hand_over()
        elif self._handed_over:
            self.leave(True)  # the server has read everything and closed
        elif not self._unwanted:
            self.notify("offline", {})

    def _belong(self) -> None:
        """To the server that welcomed it, and from now on to no other."""
        record, uplink = self._context.record, self._uplink
        if record.session.server_id != uplink.server_id or record.sockets != [uplink.socket_path]:
            record.change(server_id=uplink.server_id)
            record.sockets = [uplink.socket_path]
            uplink.sockets = record.sockets
            if self._ended is None and record.phase == "running":  # while it starts, the next step writes it too
                try:
                    self._context.save()
                except PortcallError:
                    return  # a full disk; the next change writes it too

    def _hand_over(self) -> None:
        connection = self._uplink.connection
        if self._ended is not None and connection is not None and not self._handed_over:
            self._handed_over = True
            connection.send(self._ended)
            connection.finish()
