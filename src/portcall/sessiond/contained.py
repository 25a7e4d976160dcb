"""The first process of a container that is a session: forks the session daemon, and again where it died.

An image has its own idea of everything: the account may have no entry in its passwd file, there may be no shell and no
folder for X sockets. What is ours comes from the runtime directory, mounted at ``TOP``; what is the image's own, its
environment above all, the session keeps.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import shutil
import signal
import sys
from dataclasses import replace
from typing import Any, Callable, NoReturn

from portcall.clock import Clock
from portcall.displays.base import PROGRAMS
from portcall.errors import PortcallError, StartFailed
from portcall.model import codec
from portcall.model.start import ORDER_VARIABLE
from portcall.model.user import Account
from portcall.sessiond import environment, known, places
from portcall.sessiond.asked import Asked, parser
from portcall.sessiond.begin import become_daemon, prepare
from portcall.sessiond.daemon import SessionDaemon
from portcall.sessiond.loop import Loop
from portcall.sessiond.run import run_adopted, run_order
from portcall.sessiond.weblink import take

TOP = "/opt/portcall"
ACCOUNT, TIME, LOG, PART = "PORTCALL_ACCOUNT", "PORTCALL_TIME", "PORTCALL_LOG", f"{ORDER_VARIABLE}_"
_DRI = f"{TOP}/usr/lib*/**/dri"  # what Xvnc draws OpenGL with, if the runtime was made with it
_AUTHORITIES = f"{TOP}/share/authorities.pem"
_OTHER_TMP = "/tmp/s"  # short: the path of a unix socket has 107 bytes
_X_SOCKETS = "/tmp/.X11-unix"
_OURS = ("PORTCALL_", "WEBLINK_", "FX_")
_ENVIRONMENT = "PORTCALL_ENVIRONMENT"
_NOT_KEPT = {"HOME", "USER", "LOGNAME", "SHELL", "MAIL", "HOSTNAME", "TERM", "PWD", "OLDPWD", "SHLVL", "_"}
_MOST_DEATHS = 5
_GRACE = 5.0
_ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main() -> int:
    """Until the session is over, which is the container's end too."""
    log = _taken(LOG)
    try:
        return Container(Clock()).run()
    except PortcallError as error:
        _complain(log, f"portcall: {error.detail}\n")
    except OSError as error:
        _complain(log, f"portcall: {error.filename or 'the system'}: {error.strerror}\n")
    return 1


class Container:
    """The container itself: whatever loses its parent in it becomes this process' child, and is waited for."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._daemon = 0
        self._until = 0.0
        self._told_to_end = False

    def run(self) -> int:
        order_text = _order()
        account = _account(_taken(ACCOUNT))
        seconds = float(_taken(TIME) or 0)
        self._until = self._clock.monotonic() + seconds if seconds else 0.0
        _set_up()
        for number in _ENDS:
            signal.signal(number, self._told)
        os.environ[ORDER_VARIABLE] = order_text
        there = known.look()
        asked = Asked(parser().parse_args([]))
        del os.environ[ORDER_VARIABLE]
        profile = there.profile(asked.text("profile", "default"))
        order = asked.order(account.name, profile, float(there.document.get("startTimeout") or 60.0))
        if not glob.glob(_DRI, recursive=True):
            order = replace(order, limits={**order.limits, "open_gl": False})
        # over the network where the server may be reached so, and by its socket where that is mounted
        link = take(os.environ, order.id) if os.environ.get("WEBLINK_URL") else None
        base = places.prepare(places.base_directory())
        place, record = prepare(order, link.sockets if link else there.sockets, base, self._clock, link)

        def first() -> None:
            run_order(place, record, account, self._clock, _tell, None, self._limit)

        def again() -> None:
            run_adopted(base, order.id, account, self._clock, _tell, on_loop=self._limit)

        self._fork(first, [place.lock])
        os.close(place.lock)
        for _ in range(_MOST_DEATHS):
            code = self._wait()
            if code == 0 or self._told_to_end:
                return code
            self._fork(again, [])
        return self._wait()

    def _fork(self, work: Callable[[], Any], keep: list[int]) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)  # none may come to a child that has our handlers yet
        self._daemon = os.fork()
        if self._daemon == 0:
            for number in _ENDS:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDS)
            _child(work, keep)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDS)
        if self._told_to_end:
            os.kill(self._daemon, signal.SIGTERM)

    def _wait(self) -> int:
        """For the daemon's end, and meanwhile for all orphans'. 0: it had done what was to be done."""
        while True:
            pid, status = os.wait()
            if pid == self._daemon:
                self._daemon = 0
                return os.waitstatus_to_exitcode(status)

    def _told(self, _number: int, _frame: object) -> None:
        self._told_to_end = True
        if self._daemon:
            with contextlib.suppress(OSError):
                os.kill(self._daemon, signal.SIGTERM)

    def _limit(self, loop: Loop, daemon: SessionDaemon) -> None:
        """No engine has a time limit that a session would hear of."""
        if self._until:
            left = max(0.0, self._until - self._clock.monotonic())
            loop.after(left, lambda: daemon.end("the time of its container is over", _GRACE))


def _complain(path: str, text: str) -> None:
    """Where the server looks for it: of a container that has ended, the engine keeps nothing."""
    sys.stderr.write(text)
    with contextlib.suppress(OSError):
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        with open(path, "a", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(text)


def _child(work: Callable[[], Any], keep: list[int]) -> NoReturn:
    code = 70
    try:
        become_daemon(keep)
        work()
        code = 0
    finally:
        os._exit(code)


def _tell(event: str, members: dict[str, Any]) -> None:
    """For the engine's log: what the session says is its server's."""
    if event == "ended":
        print(f"portcall: {members['reason']}", file=sys.stderr, flush=True)


def _taken(name: str) -> str:
    """Out of the environment: nothing that is started later needs it."""
    return os.environ.pop(name, "")


def _order() -> str:
    """In parts where it is long: the system takes no variable of more than 128 KiB."""
    parts = [_taken(ORDER_VARIABLE)]
    while f"{PART}{len(parts)}" in os.environ:
        parts.append(_taken(f"{PART}{len(parts)}"))
    return "".join(parts)


def _account(text: str) -> Account:
    try:
        account: Account = codec.from_document(Account, json.loads(text))
    except ValueError as error:
        raise StartFailed(f"{ACCOUNT} does not say whose session this is") from error
    if account.uid != os.getuid():
        raise StartFailed(f"the container runs as user {os.getuid()}, not as {account.uid}: see --user in docker.tpl")
    shells = (account.shell, "/bin/bash", "/bin/sh", f"{TOP}/bin/sh")
    return replace(account, shell=next((one for one in shells if one and shutil.which(one)), "/bin/sh"))


def _set_up() -> None:
    given = json.loads(_taken(_ENVIRONMENT) or "{}")  # docker.tpl, environment
    os.environ.update(given)
    names = [name for name in os.environ if name in given or (name not in _NOT_KEPT and not name.startswith(_OURS))]
    os.environ[environment.KEPT] = ":".join(names)
    os.environ[PROGRAMS] = f"{TOP}/bin"
    if os.path.exists(_AUTHORITIES):
        os.environ["SSL_CERT_FILE"] = _AUTHORITIES  # an image may have none, or others
    if os.environ.get("PORTCALL_RUNTIME_DIR") == places.base_directory():  # one person's server; what is mounted is its
        os.environ["FX_TEMP_DIR"] = _OTHER_TMP
        os.makedirs(_OTHER_TMP, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        try:
            os.mkdir(_X_SOCKETS)
            os.chmod(_X_SOCKETS, 0o1777)  # noqa: S103 - as on every host; there is one user here
        except PermissionError:
            raise StartFailed(
                "/tmp of the image cannot be written: there must be none in it, or one of mode 1777"
            ) from None


if __name__ == "__main__":
    sys.exit(main())
