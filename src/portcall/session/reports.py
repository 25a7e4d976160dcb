"""What sessions say of themselves: a session is found out about, never assumed."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Awaitable, Callable
from dataclasses import fields, replace
from typing import Any

import structlog

from portcall.clock import Clock
from portcall.errors import InvalidValue, PortcallError, ProtocolError, start_failure
from portcall.model import codec, lifecycle
from portcall.model.ids import is_session_id
from portcall.model.session import Session
from portcall.model.start import (
    FAREWELL,
    MAX_COMMAND,
    MAX_NAME,
    MAX_PARAMS,
    RESERVED_PARAMS,
    check_name,
    check_params,
    check_text,
)
from portcall.model.user import Account
from portcall.session.connect import Connections
from portcall.session.control import ControlConnection
from portcall.session.registry import Registry
from portcall.wire import messages

log = structlog.get_logger("reports")

# What the session's own process knows best; all else is the server's.
OWN = frozenset({
    "hostname", "display", "geometry", "window_mode", "name", "params", "command", "keyboard_layout", "started",
    "open_gl", "cpu_percentage", "memory",
})  # fmt: skip
_BRIEF = ("hostname", "display", "geometry", "window_mode", "keyboard_layout", "open_gl", "profile")
_LOG_END = 65_536  # characters
_STEP = 64  # characters of a step's name
_LONGEST = 86_400.0  # seconds that a step may have taken
_NUMBERS = {"cpu_percentage": 1e6, "memory": 1 << 53, "created": math.inf, "started": 1e11}  # from 0 to
_BY_CAMEL = {codec.camel(field.name): field.name for field in fields(Session)}

Admit = Callable[[Session, Account], Awaitable[Session]]
Verify = Callable[[str], dict[str, Any] | None]
Step = Callable[[str, str, float], None]


class Reports:
    """``admit`` decides about a session that no pipeline started (raises what the person reads, or returns it)."""

    def __init__(
        self, registry: Registry, connections: Connections, clock: Clock, server_id: str,
        verify: Verify, admit: Admit, step: Step,
    ) -> None:  # fmt: skip
        self._registry = registry
        self._connections = connections
        self._clock = clock
        self._server_id = server_id
        self._verify = verify
        self._admit = admit
        self._step = step
        self._peers: dict[str, ControlConnection] = {}
        self._order: dict[str, asyncio.Lock] = {}
        self.watchers = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def peer(self, session_id: str) -> ControlConnection | None:
        """The session's own process, if it is connected now."""
        return self._peers.get(session_id)

    def proceed(self, session_id: str) -> None:
        """Its command need not wait any more."""
        peer = self.peer(session_id)
        if peer is not None:
            peer.send(messages.Proceed())

    def peers(self) -> list[ControlConnection]:
        return list(self._peers.values())

    async def hello(self, connection: ControlConnection, account: Account, hello: messages.SessionHello) -> None:
        """Lists the session, or ends it with the reason why it may not be."""
        said = codec.from_document(Session, hello.session)
        if not is_session_id(said.id):
            raise ProtocolError(f"not a session id: {said.id!r}")
        async with self._order.setdefault(said.id, asyncio.Lock()):
            known = self._registry.find(said.id)
            if known is not None and known.user != account.name:
                raise ProtocolError(f"session {said.id} is not one of {account.name}'s")
            self._take(connection, said.id)
            connection.viewers = -1 if {"connect", "disconnect"} & set(hello.scripts) else None
            connection.farewell = FAREWELL if "terminate" in hello.scripts else 0.0
            connection.send(messages.Welcome(self._server_id))
            try:
                if self._registry.purged(said.id):
                    raise ProtocolError("the session was purged" if known is None else "it was ended before it came up")
                check_said(said)
                if known is None:
                    await self._registry.add(await self._new(said, account, hello.signature))
                else:
                    asked = replace(known, command=said.command, geometry=said.geometry)
                    # its seat was given back, or what it does is not what was granted: a job's script can be edited
                    if known.state == lifecycle.ENDED or (known.state == lifecycle.PENDING and asked != known):
                        await self._admit(asked, account)
                    await self._again(known, said)
                if hello.phase == "running":
                    await self._registry.signal(said.id, lifecycle.READY)
            except PortcallError as refusal:
                log.info("session refused", session=said.id, user=account.name, reason=str(refusal))
                await self._end(connection, str(refusal))
                return
        if self._registry.get(said.id).state == lifecycle.ENDING:  # asked while it could not hear
            await self._end(connection, self._registry.get(said.id).reason or "It was asked to end.")
        connection.send(messages.Watched(self.interval))
        self.viewers(said.id, self._registry.get(said.id).clients)

    def viewers(self, session_id: str, count: int) -> None:
        """So many look at it now: a session that has scripts for it is told what it does not know."""
        peer = self._peers.get(session_id)
        if peer is not None and peer.viewers is not None and peer.viewers != count:
            peer.viewers = count
            peer.send(messages.Viewers(count))

    @property
    def interval(self) -> float:
        return 3.0 if self.watchers else 60.0

    def watched(self, change: int) -> None:
        """Somebody began (+1) or ceased (-1) to look at figures."""
        before = self.interval
        self.watchers += change
        if self.interval != before:
            for connection in self.peers():
                connection.send(messages.Watched(self.interval))

    async def _new(self, said: Session, account: Account, signature: str) -> Session:
        claims = self._verify(signature) if signature else None
        fresh = replace(
            said, server_id=self._server_id, user=account.name, login=account.name, state=lifecycle.PENDING, clients=0,
            created=min(said.created or self._clock.now(), self._clock.now()), ended=None, reason=None, exit_code=None,
            message=None, ends_at=None, last_connect=None, last_disconnect=None, origin="hand", launcher="direct",
            job=None, bytes_out=0, unknown={},
        )  # fmt: skip
        if claims is not None and claims.get("id") == said.id and claims.get("user") == account.name:
            return replace(fresh, origin="pipeline", login=str(claims["login"]), profile=str(claims["profile"]))
        return await self._admit(replace(fresh, params=_params(said.params, {}, said.name)), account)

    async def _again(self, known: Session, said: Session) -> None:
        changes = {name: getattr(said, name) for name in OWN if name not in {"name", "params"} or said.started}
        if "params" in changes:
            changes["params"] = _params(said.params, known.params, said.name)
        await self._registry.signal(
            known.id, lifecycle.HEARD, ended=None, exit_code=None, message=None,
            **{"reason": None, "cause": None, **changes} if known.state != lifecycle.ENDING else changes,
        )  # fmt: skip

    def _take(self, connection: ControlConnection, session_id: str) -> None:
        before = self._peers.get(session_id)
        self._peers[session_id] = connection
        self._registry.wake(session_id)  # a viewer may wait for it
        if before is not None and before is not connection:
            before.close()  # the older process lost its place: one daemon for each session
        connection.on_message = lambda message, fds: self._message(connection, session_id, message, fds)
        connection.on_close.append(lambda: self._closed(connection, session_id))

    def _closed(self, connection: ControlConnection, session_id: str) -> None:
        if self._peers.get(session_id) is connection:
            del self._peers[session_id]
        if self._registry.find(session_id) is None:
            self._order.pop(session_id, None)

    def _message(self, connection: ControlConnection, session_id: str, message: Any, descriptors: list[int]) -> None:
        wanted = isinstance(message, messages.DisplayOpened) and message.id == session_id
        if not wanted or self._registry.find(session_id) is None:
            for descriptor in descriptors:
                os.close(descriptor)
            descriptors = []
        if getattr(message, "id", session_id) != session_id:
            raise ProtocolError("a session speaks of itself only")
        if isinstance(message, messages.DisplayOpened):
            self._connections.offer(session_id, descriptors)
            self._step(session_id, "descriptor", 0.0)
        elif isinstance(message, messages.SessionReport):
            if message.step:
                self._step(session_id, message.step[:_STEP], min(max(message.took, 0.0), _LONGEST))
            if message.changes or message.phase:  # else a step for the trace, no more
                self._later(connection, session_id, self._report(message))
        elif isinstance(message, messages.SessionEnded):
            self._later(connection, session_id, self._ended(message))
        else:
            raise ProtocolError(f"a session does not send {type(message).__name__}")

    def _later(self, connection: ControlConnection, session_id: str, work: Awaitable[None]) -> None:
        """In the order of arrival, one after another for each session."""
        connection.begun()

        async def ordered() -> None:
            async with self._order.setdefault(session_id, asyncio.Lock()):
                try:
                    await work
                except PortcallError as error:
                    log.warning("report not taken", session=session_id, error=str(error))
                finally:
                    connection.done()

        task = asyncio.get_running_loop().create_task(ordered())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _report(self, report: messages.SessionReport) -> None:
        changes: dict[str, Any] = {}
        for name, value in report.changes.items():
            known = _BY_CAMEL.get(name)
            if known in OWN:
                changes[known] = value
        session = self._registry.find(report.id)
        if session is None:
            return
        # InvalidValue for a wrong type, or for what is too much
        said = codec.from_document(Session, {**codec.to_document(session), **report.changes})
        check_said(said)
        if "params" in changes:
            changes["params"] = _params(said.params, session.params, said.name)
        if report.phase == "running":
            await self._registry.signal(report.id, lifecycle.READY, **changes)
        else:
            await self._registry.change(report.id, **changes)

    async def _ended(self, ended: messages.SessionEnded) -> None:
        session = self._registry.find(ended.id)
        self._connections.end(ended.id, ended.reason)
        if session is None:
            return
        own = session.state == lifecycle.ENDING and session.reason
        reason = session.reason if own else ended.reason[:_LOG_END]
        cause = session.cause if own else start_failure(ended.cause).code if ended.failed else None
        await self._registry.signal(
            ended.id, lifecycle.OVER, ended=self._clock.now(), reason=reason, cause=cause,
            exit_code=_exit_code(ended.exit_code), message=ended.log[-_LOG_END:] or None, clients=0, ends_at=None,
            cpu_percentage=0.0, memory=0,
        )  # fmt: skip
        self._order.pop(ended.id, None)

    async def _end(self, connection: ControlConnection, reason: str) -> None:
        try:
            await connection.request(lambda seq: messages.EndSession(seq, reason))
        except PortcallError as error:
            log.info("a refused session did not answer", reason=reason, error=str(error))


def _params(said: dict[str, Any], known: dict[str, Any], name: str) -> dict[str, Any]:
    """C5: reserved names are the server's, whatever a session says of itself; ``name`` is what it is called."""
    theirs = {key: value for key, value in said.items() if key not in RESERVED_PARAMS}
    ours = {key: known[key] for key in RESERVED_PARAMS if key in known and key != "name"}
    return {**ours, **({"name": name} if name else {}), **theirs}


def check_said(said: Session) -> None:
    """InvalidValue for what a start would refuse too: a session is its user's process, and may say anything."""
    check_text("command", said.command, MAX_COMMAND)
    check_name(said.name)
    check_params(said.params, 2 * MAX_PARAMS)  # with what the server adds of the client
    for name in _BRIEF:
        check_text(name, str(getattr(said, name) or ""), MAX_NAME)
    for name, most in _NUMBERS.items():
        if not 0 <= (getattr(said, name) or 0) <= most:
            raise InvalidValue(f"{name}: a number from 0 to {most:g} is needed", field=name)


def _exit_code(said: int | None) -> int | None:
    return said if said is None or abs(said) < 1 << 31 else None
