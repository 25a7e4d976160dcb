"""Displays kept warm: started before anybody asks, each in a session daemon that waits for an order."""

from __future__ import annotations

import os
import socket
from typing import Any, Callable

from portcall.clock import Clock
from portcall.errors import PortcallError
from portcall.linkd.forking import fork
from portcall.model import codec
from portcall.model.start import StartOrder
from portcall.model.user import Account
from portcall.sessiond import places
from portcall.sessiond.connection import Connection
from portcall.sessiond.loop import Loop
from portcall.sessiond.run import run_warm
from portcall.wire import messages

_MATCHING = ("display", "open_gl", "clipboard")  # the figures that a display cannot change once it runs
_REPLENISH = 0.5  # seconds after use: the start that used it comes first
_AFTER_FAILURE = 30.0


class Warm:
    """A display in the pool: ready once it has said so."""

    def __init__(self, pid: int, plan: messages.KeepWarm) -> None:
        self.pid, self.plan = pid, plan
        self.connection: Connection | None = None
        self.ready = False


class WarmPool:
    """As many as ``KeepWarm`` asks. One that is used is replaced; all go when the link goes."""

    def __init__(self, loop: Loop, base: str, socket_path: str, account: Account, clock: Clock) -> None:
        self._loop, self._base, self._socket = loop, base, socket_path
        self._account, self._clock = account, clock
        self._plan = messages.KeepWarm(0, "1280x800")
        self._pool: list[Warm] = []
        self._again = loop.after(0, lambda: None)

    def keep(self, plan: messages.KeepWarm) -> None:
        if (plan.geometry, plan.limits) != (self._plan.geometry, self._plan.limits):
            self.discard()
        self._plan = plan
        while len(self._pool) > plan.count:
            self._drop(self._pool[-1])
        self._fill()

    def use(self, order: StartOrder, on_answer: Callable[[int, PortcallError | None], Any]) -> bool:
        """Hand the order to a display that fits; ``on_answer`` gets the daemon's pid, 0 where it died before."""
        warm = next((warm for warm in self._pool if warm.ready and _fits(order, warm.plan)), None)
        if warm is None or warm.connection is None:
            return False
        self._pool.remove(warm)

        def answered(result: dict[str, Any], _fds: list[int], error: PortcallError | None) -> None:
            on_answer(int(result.get("pid", 0)), error)
            if warm.connection is not None:
                warm.connection.close()

        warm.connection.channel.request(lambda seq: messages.StartSession(seq, codec.to_document(order)), answered)
        warm.connection.flush()
        self._refill(_REPLENISH)
        return True

    def discard(self) -> None:
        self._plan = messages.KeepWarm(0, self._plan.geometry)
        self._again.cancel()
        for warm in list(self._pool):
            self._drop(warm)

    def _drop(self, warm: Warm) -> None:
        self._pool.remove(warm)
        if warm.connection is not None:
            warm.connection.close()  # its daemon sees that and undoes itself

    def _refill(self, seconds: float) -> None:
        self._again.cancel()
        self._again = self._loop.after(seconds, self._fill)

    def _fill(self) -> None:
        try:
            while len(self._pool) < self._plan.count:
                self._start()
        except PortcallError:
            self._refill(_AFTER_FAILURE)

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        plan = self._plan
        places.prepare(self._base)

        def run() -> None:
            theirs.setblocking(False)
            run_warm(self._base, plan, self._account, self._clock, theirs, [self._socket])

        try:
            pid = fork(run, [theirs.fileno()])
        except PortcallError:
            ours.close()
            raise
        finally:
            theirs.close()
        warm = Warm(pid, plan)
        self._pool.append(warm)

        def told(_connection: Connection, message: Any, descriptors: list[int]) -> None:
            for descriptor in descriptors:
                os.close(descriptor)
            if isinstance(message, messages.SessionReport) and message.phase == "warm":
                warm.ready = True

        def closed(_connection: Connection) -> None:
            if warm in self._pool:
                self._pool.remove(warm)
                self._refill(_AFTER_FAILURE)

        warm.connection = Connection(self._loop, ours, told, closed)


def _fits(order: StartOrder, plan: messages.KeepWarm) -> bool:
    """Size and keyboard can be changed while it runs, these cannot."""
    return all(_figure(order.limits, name) == _figure(plan.limits, name) for name in _MATCHING)


def _figure(limits: dict[str, Any], name: str) -> Any:
    first, *rest = name.split("_")
    defaults = {"display": "xvnc", "open_gl": True, "clipboard": "both"}
    return limits.get(name, limits.get(first + "".join(part.title() for part in rest), defaults[name]))
