"""A server as far as sessions call on it: control socket, greeter, reports, registry; its clock stands under a test."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from portcall.bus import Bus
from portcall.clock import Clock
from portcall.errors import PortcallError
from portcall.model.event import Event
from portcall.model.session import Session
from portcall.model.user import Account
from portcall.session.connect import Connections
from portcall.session.control import ControlSocket
from portcall.session.hello import Greeter, LinkPeer
from portcall.session.registry import Registry
from portcall.session.reports import Reports
from portcall.stores.base import Store
from portcall.stores.memory import Memory
from portcall.testing.processes import FarEnd
from portcall.wire import messages

ANN = Account("ann", 1001, 1001, "/home/ann", "/bin/sh", ["ann", "staff"])
BOB = Account("bob", 1002, 1002, "/home/bob", "/bin/sh", ["bob"])


class Stand:
    """``account``: whose the calling processes are. ``refusal``: what ``admit`` raises. ``signatures``: those valid."""

    def __init__(self, folder: Path, clock: Clock | None = None, store: Store | None = None) -> None:
        self.clock = clock or Clock()
        self.bus = Bus()
        self.store = store or Memory(self.clock)
        self.registry = Registry(self.store, self.bus, self.clock)
        self.connections = Connections(self.registry, self.clock)
        self.account = ANN
        self.refusal: PortcallError | None = None
        self.admitted: list[Session] = []
        self.signatures: dict[str, dict[str, Any]] = {}
        self.steps: list[str] = []
        self.links: list[LinkPeer] = []
        self.events: list[Event] = []
        self.bus.listen(self.events.append)
        self.reports = Reports(
            self.registry, self.connections, self.clock, "here", self.signatures.get, self._admit,
            lambda session_id, step, took: self.steps.append(step),
        )  # fmt: skip
        self.connections.attach(self.reports.peer)
        self.greeter = Greeter("here", self.reports, self._account, self.links.append, self.links.remove)
        self.path = folder / "server.sock"
        self.control = ControlSocket(self.path, self.greeter.hello)
        self._ends: list[FarEnd] = []

    async def _account(self, uid: int) -> Account:
        account = self.account  # who it is when the call begins
        await asyncio.sleep(0)
        return account

    async def _admit(self, session: Session, account: Account) -> Session:
        self.admitted.append(session)
        if self.refusal is not None:
            raise self.refusal
        return session

    def dial(self) -> FarEnd:
        end = FarEnd.dial(self.path)
        self._ends.append(end)
        return end

    async def session(self, session: Session | None = None, phase: str = "running") -> FarEnd:
        """A session that has called in and is listed."""
        end = self.dial()
        end.hello(session or said(), phase)
        await end.hears(messages.Watched)
        return end

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Stand]:
        await self.registry.open()
        self.control.open()
        try:
            yield self
        finally:
            for end in self._ends:
                end.close()
            self.control.close()
            for session in list(self.registry.all()):
                self.connections.end(session.id, "")
            await self.store.close()
            await asyncio.sleep(0.06)  # a moment of connect's


def said(session_id: str = "s", **members: Any) -> Session:
    """What a session's process says of itself."""
    values = {"geometry": "800x600", "hostname": "here", "created": 5.0, **members}
    return Session(session_id, "elsewhere", "liar", "liar", "xterm", **values)


def standing(test: Callable[[Stand], Awaitable[None]]) -> Callable[[Path], None]:
    """A test on a stand of its own; no descriptor is left when it is over."""

    @functools.wraps(test)
    def plain(tmp_path: Path) -> None:
        async def work() -> None:
            before = descriptors()
            async with Stand(tmp_path).open() as stand:
                await test(stand)
            await asyncio.sleep(0)
            assert descriptors() == before, "descriptors were left"

        asyncio.run(work())

    plain.__signature__ = inspect.signature(_of_path)  # type: ignore[attr-defined]
    return plain


def _of_path(tmp_path: Path) -> None: ...


async def until(ready: Callable[[], object]) -> None:
    """For what nobody tells of."""
    async with asyncio.timeout(5):
        while not ready():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


def descriptors() -> list[str]:
    """What this process has open; numbers are used again, so what they lead to."""
    found = []
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            target = os.readlink(f"/proc/self/fd/{number}")
            if target.startswith(("socket:", "pipe:")):
                found.append(target)
    return sorted(found)


def pair() -> tuple[socket.socket, int]:
    """A display's end, and the descriptor that leads to it."""
    ours, theirs = socket.socketpair()
    return ours, theirs.detach()
