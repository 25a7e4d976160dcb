"""How a session begins: its directory claimed, the process that becomes its daemon, the display.

All else of a daemon can be loaded while the display comes up, which takes longer: ``scripts/start`` does so.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import socket

from portcall.clock import Clock
from portcall.errors import PortcallError
from portcall.model.session import Session
from portcall.model.start import StartOrder
from portcall.model.user import Account
from portcall.sessiond import places, processes
from portcall.sessiond.context import Context
from portcall.sessiond.display import DisplayProcess
from portcall.sessiond.loop import Loop
from portcall.sessiond.places import Place
from portcall.sessiond.record import Record
from portcall.sessiond.spawn import close_others, reset_signals
from portcall.sessiond.weblink import Weblink

_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER, linux/prctl.h
_LIBC = ctypes.CDLL(None)  # loaded once, before any fork, so that its pages are shared


def own_account() -> Account:
    entry = pwd.getpwuid(os.getuid())
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir or "/", entry.pw_shell or "/bin/sh")


def prepare(
    order: StartOrder, sockets: list[str], base: str, clock: Clock, weblink: Weblink | None = None
) -> tuple[Place, Record]:
    """The session's directory, claimed and locked, with its record. Conflict where the id is taken."""
    places.prepare(base)
    place = Place.make(base)
    try:
        record = Record(session_of(order, clock), order, sockets)
        record.marks = [order.id]
        record.weblink = weblink
        record.save(place.path)
        place.claim(order.id)
    except PortcallError:
        place.remove()
        os.close(place.lock)
        raise
    return place, record


def become_daemon(keep: list[int], name: str = processes.SESSION_NAME) -> None:
    """In the forked child, first: its own session, no descriptor of the parent's but ``keep``, orphans come to us."""
    os.setsid()
    reset_signals()
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.chdir("/")
    close_others(keep)
    processes.name_self(name)
    _LIBC.prctl(_SUBREAPER, 1, 0, 0, 0)


def begin_display(
    place: Place, record: Record, account: Account, clock: Clock, stdio: tuple[int, int, int] | None = None
) -> DisplayProcess:
    """The display of a prepared session, in the process that is its daemon from now on: ``run_begun`` follows."""
    record.processes["daemon"] = processes.process(os.getpid())
    display = DisplayProcess(Context(Loop(), place, record, account, clock, stdio))
    display.begin()
    return display


def session_of(order: StartOrder, clock: Clock) -> Session:
    return Session(
        id=order.id, server_id="", login=order.login, user=order.user, command=order.command,
        hostname=socket.gethostname(), geometry=order.geometry, window_mode=order.window_mode, name=order.name,
        params=dict(order.params), profile=order.profile, keyboard_layout=order.keyboard_layout, created=clock.now(),
        launcher=order.launcher, origin="pipeline" if order.signature else "hand",
    )  # fmt: skip
