"""``scripts/start``: starts a session on this host as the calling user, with or without a server."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING, Any, Callable, NoReturn

from portcall.clock import Clock
from portcall.errors import Conflict, PortcallError, StartFailed
from portcall.model.profile import DEFAULT
from portcall.model.start import ORDER_VARIABLE, StartOrder
from portcall.sessiond import known, places
from portcall.sessiond.asked import Asked, parser
from portcall.sessiond.begin import become_daemon, begin_display, own_account, prepare
from portcall.sessiond.loop import READ, Loop
from portcall.sessiond.places import Place
from portcall.sessiond.record import Record, forget_old
from portcall.sessiond.weblink import Weblink, take

if TYPE_CHECKING:
    from portcall.sessiond.daemon import SessionDaemon

_VERDICT, _FAR_VERDICT = 3.0, 50.0  # seconds for the server to refuse a session that runs; over a network
_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_GRACE = 5.0


def main(argv: list[str] | None = None) -> int:
    return _said(_start, parser(), argv)


def weblink(argv: list[str] | None = None) -> int:
    """``scripts/start-weblink``: a session that calls its server over the network; the environment says where."""
    options = parser()
    options.prog = "start-weblink"
    options.description = "Start a session here, which calls in at WEBLINK_URL with WEBLINK_PRIMARY; print it as JSON."
    return _said(_start_weblink, options, argv)


def _said(start: Callable[[Asked], int], options: argparse.ArgumentParser, argv: list[str] | None) -> int:
    """The exit code; what went wrong in words."""
    try:
        asked = Asked(options.parse_args(argv))
        os.environ.pop(ORDER_VARIABLE, None)  # nothing that is started from here on shall find it
        return start(asked)
    except PortcallError as error:
        _complain(error.detail, str(error.extra.get("log", "")))
        return 1


def _start_weblink(asked: Asked) -> int:
    link = take(os.environ)
    if not asked.text("id") and link.session_id:
        asked.members["id"] = link.session_id
    profile = dataclasses.replace(DEFAULT, name=asked.text("profile", DEFAULT.name))
    order = asked.order(own_account().name, profile, 60.0)
    link = dataclasses.replace(link, session_id=order.id)
    base = places.prepare(places.base_directory())
    forget_old(base, Clock().now())
    return _run(asked, order, link.sockets, base, link)


def _start(asked: Asked) -> int:
    there = known.look(asked.text("config_path"))
    profile = there.profile(asked.text("profile", "default"))
    account = own_account()
    order = asked.order(account.name, profile, float(there.document.get("startTimeout") or 60.0))
    known.check_geometry(profile, order.geometry)
    base = places.prepare(places.base_directory())
    forget_old(base, Clock().now())
    if not there.answers:
        if not asked.text("signature"):  # whose profile its server chose
            there.check_use(profile)
        known.check_seats(there.document.get("limits") or {}, base)
    return _run(asked, order, there.sockets, base)


def _run(asked: Asked, order: StartOrder, sockets: list[str], base: str, link: Weblink | None = None) -> int:
    try:
        place, record = prepare(order, sockets, base, Clock(), link)
    except Conflict as error:
        raise StartFailed(error.detail) from error
    ours, theirs = socket.socketpair()
    stdio = _duplicates() if asked.cli else None
    if os.fork() == 0:
        _daemon(place, record, theirs, stdio)
    for descriptor in (place.lock, *(stdio or ())):
        os.close(descriptor)
    theirs.close()
    with ours:
        verdict = _FAR_VERDICT if link is not None else _VERDICT  # where it is not reached, that is known sooner
        return _follow_to_the_end(ours) if asked.cli else _until_it_runs(ours, order, verdict)


def _daemon(place: Place, record: Record, parent: socket.socket, stdio: tuple[int, int, int] | None) -> NoReturn:
    """The child: a session daemon that outlives us (without ``--cli``)."""
    code = 70
    try:
        become_daemon([place.lock, parent.fileno(), *(stdio or ())])
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        os.close(null)
        display = begin_display(place, record, own_account(), Clock(), stdio)

        # as much as all that was loaded before, and the display takes longer to come up
        from portcall.sessiond.run import run_begun

        def tell(event: str, members: dict[str, Any]) -> None:
            if event == "ended":  # who reads the output to its end need not wait until a server knows of it
                for descriptor in stdio or ():
                    os.close(descriptor)
            with contextlib.suppress(OSError):  # nobody waits any more
                parent.sendall(json.dumps({**members, "event": event}).encode() + b"\n")

        def listen(loop: Loop, daemon: SessionDaemon) -> None:
            loop.watch(parent.fileno(), READ, lambda _: _hear(loop, daemon, parent, stdio is not None))

        run_begun(display, tell, listen)
        code = 0
    finally:
        os._exit(code)


def _hear(loop: Loop, daemon: SessionDaemon, parent: socket.socket, bound: bool) -> None:
    """Signals for the command; and the end of who follows it, which is the session's end too where it is bound."""
    try:
        data = parent.recv(64)
    except OSError:
        data = b""
    if not data:
        loop.forget(parent.fileno())
        if bound:
            daemon.end("the process that followed it ended", _GRACE)
        return
    command = daemon.context.record.processes.get("command")
    for number in data:
        if command is not None:
            with contextlib.suppress(OSError):
                os.killpg(command.pid, number)
        else:
            daemon.end(f"interrupted by signal {number} while it started", 1.0)


def _until_it_runs(daemon: socket.socket, order: StartOrder, verdict: float) -> int:
    """Prints the session once it runs and no server has refused it."""
    session: dict[str, Any] | None = None
    decided = False
    for event in _events(daemon, order.start_timeout + 15):
        kind = event.pop("event")
        if kind == "running":
            session = event["session"]
            daemon.settimeout(verdict)
        elif kind in ("accepted", "offline"):
            decided = True
        elif kind == "ended":
            raise StartFailed(event["reason"], log=event["log"])
        if session is not None and decided:
            break
    if session is None:
        raise StartFailed("the session's process ended without a word")
    print(json.dumps(session, ensure_ascii=False))
    return 0


def _follow_to_the_end(daemon: socket.socket) -> int:
    """``--cli``: until it is over; the command's exit code, 128 and the signal's number where one killed it."""

    def forward(number: int, _frame: object) -> None:
        with contextlib.suppress(OSError):
            daemon.send(bytes([number]))

    for number in _FORWARDED:
        signal.signal(number, forward)
    for event in _events(daemon, None):
        if event["event"] == "ended":
            code = event["exitCode"]
            if code is None or event["failed"]:
                _complain(event["reason"])
            return 1 if code is None else code if code >= 0 else 128 - code
    raise StartFailed("the session's process ended without a word")


def _events(daemon: socket.socket, timeout: float | None) -> Any:
    """What the daemon tells, until it closes or says nothing for as long as the socket's time limit."""
    daemon.settimeout(timeout)
    buffer = b""
    while True:
        try:
            data = daemon.recv(65_536)
        except OSError:
            return
        if not data:
            return
        *lines, buffer = (buffer + data).split(b"\n")
        yield from map(json.loads, lines)


def _duplicates() -> tuple[int, int, int]:
    """Our standard descriptors, for the command: the daemon's own are /dev/null."""
    found = []
    for descriptor in (0, 1, 2):
        try:
            found.append(os.dup(descriptor))
        except OSError:
            found.append(os.open(os.devnull, os.O_RDWR))
    return found[0], found[1], found[2]


def _complain(reason: str, log: str = "") -> None:
    print(f"start: {reason}", file=sys.stderr)
    for line in log.splitlines()[-20:]:
        print(f"  {line}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
