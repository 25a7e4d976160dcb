"""Ways into a session daemon: a new order, a display kept warm, one that was left by a daemon that died.

``begin`` has what comes before, and may be called in the process that forks; ``run_…`` are the rest of the daemon's
life, in the forked child, and return when nothing is left to do.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import traceback
from typing import Any, Callable

from portcall.clock import Clock
from portcall.errors import PortcallError
from portcall.model import codec
from portcall.model.start import ROOTLESS, StartOrder
from portcall.model.user import Account
from portcall.sessiond import places, processes, rfb
from portcall.sessiond.begin import begin_display, session_of
from portcall.sessiond.connection import Connection
from portcall.sessiond.context import Context
from portcall.sessiond.daemon import SessionDaemon
from portcall.sessiond.display import DisplayProcess, remove_socket
from portcall.sessiond.ending import kill_marked
from portcall.sessiond.loop import Loop
from portcall.sessiond.places import Place
from portcall.sessiond.record import Record
from portcall.wire import messages

_GRACE = 5.0
Notify = Callable[[str, "dict[str, Any]"], Any]


def run_order(
    place: Place, record: Record, account: Account, clock: Clock, notify: Notify,
    stdio: tuple[int, int, int] | None = None, on_loop: Callable[[Loop, SessionDaemon], Any] = lambda *_: None,
) -> None:  # fmt: skip
    """Bring a prepared session up and see it through."""
    run_begun(begin_display(place, record, account, clock, stdio), notify, on_loop)


def run_begun(
    display: DisplayProcess, notify: Notify, on_loop: Callable[[Loop, SessionDaemon], Any] = lambda *_: None
) -> None:
    """Go on where ``begin_display`` ended. ``on_loop`` may add what the caller watches."""
    context = display.context
    daemon = SessionDaemon(context, notify, display)
    on_loop(context.loop, daemon)
    daemon.start()
    _see_through(context, daemon)


def run_adopted(
    base: str, name: str, account: Account, clock: Clock, notify: Notify, give_up: bool = False,
    on_loop: Callable[[Loop, SessionDaemon], Any] = lambda *_: None,
) -> None:  # fmt: skip
    """Take over a session whose daemon died. Where another has it, nothing is done."""
    place = Place.take(base, name)
    if place is None:
        return
    record = Record.load(place.path)
    if record is None:
        # nobody can tell what it was: whatever carries its mark is ended
        kill_marked([name])
        place.remove()
        return
    record.processes["daemon"] = processes.process(os.getpid())
    if give_up:
        record.ending = record.ending or "its process died again and again"
    context = Context(Loop(), place, record, account, clock)
    daemon = SessionDaemon(context, notify)
    on_loop(context.loop, daemon)
    daemon.resume()
    notify("adopted", {})
    _see_through(context, daemon)


def run_warm(
    base: str, plan: messages.KeepWarm, account: Account, clock: Clock, orders: socket.socket, sockets: list[str]
) -> None:
    """A display without an order; the link gives one over ``orders``, or closes it and all is undone."""
    processes.name_self(processes.WARM_NAME)
    place = Place.make(base)
    order = StartOrder("", "", account.name, "", plan.geometry, "desktop", limits=plan.limits)
    record = Record(session_of(order, clock), order, sockets)
    record.marks = [place.mark]
    record.processes["daemon"] = processes.process(os.getpid())
    context = Context(Loop(), place, record, account, clock)
    daemon = SessionDaemon(context, lambda event, _: ready() if event == "warm" else None)

    def ready() -> None:
        connection.send(messages.SessionReport(place.mark, phase="warm"))

    def ordered(link: Connection, message: Any, descriptors: list[int]) -> None:
        if not isinstance(message, messages.StartSession):
            return
        try:
            _take(context, codec.from_document(StartOrder, message.order))
        except PortcallError as error:
            link.channel.refuse(message.seq, error)
            return
        link.channel.reply(message.seq, {"pid": os.getpid()})
        link.flush()
        processes.name_self(processes.SESSION_NAME)
        daemon.start_ordered()
        _fit(context, plan)

    def closed(_link: Connection) -> None:
        if not context.claimed:
            daemon.end("not needed", 0)

    connection = Connection(context.loop, orders, ordered, closed)
    daemon.start_warm()
    _see_through(context, daemon)


def destroy(base: str, name: str) -> bool:
    """Kill all that is left of a session, its daemon first, and remove what it has; whether there was anything."""
    path = f"{base}/sessions/{name}"
    record = Record.load(path)
    known = list(record.processes.values()) if record is not None else []
    table = processes.own()
    lost = processes.marked(table, [name, *(record.marks if record else ())])
    lost |= {one.pid for one in known if processes.alive(one)}
    lost |= processes.descendants(table, lost)
    daemon = record.processes.get("daemon") if record is not None else None
    if daemon is not None:
        processes.send(daemon, signal.SIGKILL)
    kill_marked([name, *(record.marks if record else ())], lost)
    found = bool(lost) or os.path.isdir(path)
    place = Place.take(base, name)
    if place is not None:
        remove_socket(record.number if record is not None else None)
        place.remove()
        os.close(place.lock)
    return found


def _take(context: Context, order: StartOrder) -> None:
    """Give a warm display its order. The record is complete before the directory gets the session's name."""
    record, place = context.record, context.place
    before = record.session, record.order, list(record.marks)
    display = record.session.display
    record.session, record.order = session_of(order, context.clock), order
    record.change(display=display, open_gl=before[0].open_gl)
    record.marks.append(order.id)
    try:
        record.save(place.path)
        place.claim(order.id)
    except PortcallError:
        record.session, record.order, record.marks = before
        raise


def _fit(context: Context, plan: messages.KeepWarm) -> None:
    """A warm display has the size that was foreseen; this one was asked for another."""
    geometry = context.record.order.geometry
    if geometry not in ("", ROOTLESS, plan.geometry):
        rfb.resize(context.place / "rfb", geometry)


def _see_through(context: Context, daemon: SessionDaemon) -> None:
    context.loop.on_signal(signal.SIGTERM, lambda: daemon.end("its session process was told to end", _GRACE))
    with contextlib.suppress(OSError):
        places.shield(os.path.dirname(os.path.dirname(context.place.path)))
    try:
        context.loop.run()
    except Exception:
        # a link adopts the session; what went wrong is for those who look into its directory
        with open(context.place / "daemon.log", "a") as file:
            traceback.print_exc(file=file)
        raise
