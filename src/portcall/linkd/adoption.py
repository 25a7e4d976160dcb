"""Looks after a user's sessions: each that lives has a daemon, what cannot be revived is cleaned up."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from typing import Any, Callable

from portcall.clock import Clock
from portcall.errors import StartFailed
from portcall.linkd.forking import fork
from portcall.model.user import Account
from portcall.sessiond import places, processes
from portcall.sessiond.display import remove_socket
from portcall.sessiond.ending import kill_marked
from portcall.sessiond.loop import READ, Loop
from portcall.sessiond.places import Place
from portcall.sessiond.record import Record
from portcall.sessiond.run import destroy, run_adopted
from portcall.sessiond.spawn import on_exit

_A_DAY = 86_400.0
_SHORT, _MOST_SHORT_LIVES = 1.0, 5  # so many daemons in a row that live no longer: the session is given up
_PATIENCE = 5.0
_SOON = 0.05
_NOT_FOUND = 3  # exit code
_TEMPORARY = re.compile(re.escape(places.TEMPORARY) + r"(\d+)-")


class Adoption:
    """Knows the daemons of all sessions of this server: its children, and those that others forked."""

    def __init__(self, loop: Loop, base: str, socket_path: str, account: Account, clock: Clock) -> None:
        self._loop, self._base, self._socket = loop, base, socket_path
        self._account, self._clock = account, clock
        self._watched: set[str] = set()
        self._adopting: set[str] = set()  # a daemon was forked for it, and has not yet said that it has taken over
        self._adopted_at: dict[str, float] = {}
        self._short_lives: dict[str, int] = {}  # how many of its daemons in a row died at once
        self._waiters: list[Callable[[], Any]] = []
        self._condemned: set[str] = set()
        self._soon = loop.after(0, lambda: None)
        self.delivering = False  # whether a server is there to hear of ends

    def alive(self) -> list[str]:
        """Ids of the sessions that have a daemon, or are just getting one."""
        names = places.names(self._base)
        return [name for name in names if name in self._adopting or places.held(self._base, name)]

    def forked(self, pid: int, name: str) -> None:
        """A child of ours is the daemon of this session."""
        self._watched.add(name)
        self._loop.child(pid, lambda _code: self._daemon_ended(name))

    def destroy(self, name: str, on_done: Callable[[bool], Any]) -> None:
        """Nothing of this session shall be left; in a child, since it waits for deaths."""
        self._condemned.add(name)

        def gone(code: int) -> None:
            self._condemned.discard(name)
            on_done(code == 0)

        def run() -> None:
            if not destroy(self._base, name):
                os._exit(_NOT_FOUND)

        self._loop.child(fork(run, []), gone)

    def look(self, on_done: Callable[[], Any] | None = None) -> None:
        """Adopt what has lost its daemon; ``on_done`` once each has one, or has gone."""
        self._clean()
        for name in places.names(self._base):
            if name in self._condemned:
                continue
            if places.held(self._base, name):
                self._watch(name)
            elif name not in self._watched:  # else its daemon has just been forked, or its death is about to be heard
                self._adopt(name)
        if on_done is not None:
            self._wait(on_done)

    def _wait(self, on_done: Callable[[], Any]) -> None:
        """For all that are being adopted, whoever asked for it; not longer than is bearable."""

        def once() -> None:
            if once in self._waiters:
                self._waiters.remove(once)
                patience.cancel()
                on_done()

        self._waiters.append(once)
        patience = self._loop.after(_PATIENCE, once)
        self._all_adopted()

    def _all_adopted(self) -> None:
        if not self._adopting:
            for waiter in list(self._waiters):
                waiter()

    def _watch(self, name: str) -> None:
        """A daemon that somebody else forked."""
        if name in self._watched:
            return
        record = Record.load(f"{self._base}/sessions/{name}")
        daemon = record.processes.get("daemon") if record else None
        if daemon is not None and processes.alive(daemon):
            self._watched.add(name)
            on_exit(self._loop, daemon, False, lambda _code: self._daemon_ended(name))
        else:  # who holds it has not yet written who it is
            self._soon.cancel()
            self._soon = self._loop.after(_SOON, self.look)

    def _daemon_ended(self, name: str) -> None:
        self._watched.discard(name)
        at = self._adopted_at.pop(name, None)
        short = at is not None and self._clock.monotonic() - at < _SHORT
        self._short_lives[name] = self._short_lives.get(name, 0) + 1 if short else 0
        if os.path.isdir(f"{self._base}/sessions/{name}"):
            self.look()
        else:
            self._short_lives.pop(name, None)

    def _adopt(self, name: str) -> None:
        """Fork a daemon for it, unless it is another server's, or over and there is nobody to be told."""
        path = f"{self._base}/sessions/{name}"
        record = Record.load(path)
        if record is not None and self._socket not in record.sockets:
            return
        if record is not None and record.ended is not None:
            if self._clock.now() - (record.session.ended or 0.0) > _A_DAY:
                shutil.rmtree(path, ignore_errors=True)
                return
            if not self.delivering:
                return
        give_up = self._short_lives.get(name, 0) >= _MOST_SHORT_LIVES
        read, write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

        def run() -> None:
            run_adopted(self._base, name, self._account, self._clock, lambda event, _: told(event), give_up)

        def told(event: str) -> None:
            if event == "adopted":
                with contextlib.suppress(OSError):  # the link may have died meanwhile; the session lives on
                    os.write(write, b".")
                os.close(write)

        def heard(_events: int) -> None:
            if os.read(read, 1):
                self._adopted_at[name] = self._clock.monotonic()
            self._loop.forget(read)
            os.close(read)
            self._adopting.discard(name)
            self._all_adopted()

        try:
            self.forked(fork(run, [write]), name)
        except StartFailed:
            os.close(read)
            self._loop.after(_PATIENCE, self.look)
        else:
            self._adopting.add(name)
            self._loop.watch(read, READ, heard)
        finally:
            os.close(write)

    def _clean(self) -> None:
        """Directories that never became a session's: a warm display's, or one whose maker was killed."""
        for name in places.temporary(self._base):
            maker = _TEMPORARY.match(name)
            # a maker that was killed may be a zombie for a while: it makes nothing any more
            if places.held(self._base, name) or (maker and processes.alive(processes.process(int(maker.group(1))))):
                continue
            place = Place.take(self._base, name)
            if place is None:
                continue
            record = Record.load(place.path)
            kill_marked(
                [name], [one.pid for one in (record.processes if record else {}).values() if processes.alive(one)]
            )
            if record is not None:
                remove_socket(record.number)
            place.remove()
            os.close(place.lock)
