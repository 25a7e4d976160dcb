"""Looks after a user's sessions: each that lives has a daemon, what cannot be revived is cleaned up."""

from __future__ import annotations

import os
import re
import shutil
from typing import Any, Callable

from portcall.clock import Clock
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
_MOST, _WITHIN = 5, 60.0  # adoptions of one session in so many seconds, before it is given up
_PATIENCE = 5.0
_NOT_FOUND = 3  # exit code
_TEMPORARY = re.compile(re.escape(places.TEMPORARY) + r"(\d+)-")


class Adoption:
    """Knows the daemons of all sessions of this server: its children, and those that others forked."""

    def __init__(self, loop: Loop, base: str, socket_path: str, account: Account, clock: Clock) -> None:
        self._loop, self._base, self._socket = loop, base, socket_path
        self._account, self._clock = account, clock
        self._watched: set[str] = set()
        self._times: dict[str, list[float]] = {}
        self._condemned: set[str] = set()
        self.delivering = False  # whether a server is there to hear of ends

    def alive(self) -> list[str]:
        """Ids of the sessions that have a daemon."""
        return [name for name in places.names(self._base) if places.held(self._base, name)]

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

    def look(self, on_done: Callable[[], Any] = lambda: None) -> None:
        """Adopt what has lost its daemon; ``on_done`` once each has one, or has gone."""
        self._clean()
        waiting: set[int] = set()

        def one_done(read: int) -> None:
            waiting.discard(read)
            self._loop.forget(read)
            os.close(read)
            if not waiting:
                patience.cancel()
                on_done()

        def all_done() -> None:
            for read in sorted(waiting):
                one_done(read)

        patience = self._loop.after(_PATIENCE, all_done)
        for name in places.names(self._base):
            if name in self._condemned:
                continue
            if places.held(self._base, name):
                self._watch(name)
                continue
            read = self._adopt(name)
            if read >= 0:
                waiting.add(read)
                self._loop.watch(read, READ, lambda _events, read=read: one_done(read))  # type: ignore[misc]
        if not waiting:
            patience.cancel()
            on_done()

    def _watch(self, name: str) -> None:
        """A daemon that somebody else forked."""
        if name in self._watched:
            return
        record = Record.load(f"{self._base}/sessions/{name}")
        daemon = record.processes.get("daemon") if record else None
        if daemon is not None:
            self._watched.add(name)
            on_exit(self._loop, daemon, False, lambda _code: self._daemon_ended(name))

    def _daemon_ended(self, name: str) -> None:
        self._watched.discard(name)
        if os.path.isdir(f"{self._base}/sessions/{name}"):
            self.look()

    def _adopt(self, name: str) -> int:
        """Fork a daemon for it; the descriptor that says when it has taken over, or -1 where it is not to be."""
        path = f"{self._base}/sessions/{name}"
        record = Record.load(path)
        if record is not None and self._socket not in record.sockets:
            return -1  # another server's
        if record is not None and record.ended is not None:
            if self._clock.now() - (record.session.ended or 0.0) > _A_DAY:
                shutil.rmtree(path, ignore_errors=True)
                return -1
            if not self.delivering:
                return -1
        give_up = self._too_often(name)
        read, write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

        def run() -> None:
            run_adopted(self._base, name, self._account, self._clock, lambda event, _: told(event), give_up)

        def told(event: str) -> None:
            if event == "adopted":
                os.close(write)

        self.forked(fork(run, [write]), name)
        os.close(write)
        return read

    def _too_often(self, name: str) -> bool:
        now = self._clock.monotonic()
        times = [at for at in self._times.get(name, []) if now - at < _WITHIN]
        self._times[name] = [*times, now]
        return len(times) >= _MOST

    def _clean(self) -> None:
        """Directories that never became a session's: a warm display's, or one whose maker was killed."""
        for name in places.temporary(self._base):
            maker = _TEMPORARY.match(name)
            if places.held(self._base, name) or (maker and os.path.exists(f"/proc/{maker.group(1)}")):
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
