"""Connections: viewers on sessions. Tickets let them in; descriptors take them to the display."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import secrets
import select
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import structlog

from portcall.clock import Clock
from portcall.errors import Conflict, DisplayUnavailable, PortcallError, TicketRefused
from portcall.model import lifecycle
from portcall.model.session import Session
from portcall.session.control import ControlConnection
from portcall.session.registry import Registry
from portcall.wire import messages

log = structlog.get_logger("connect")
TICKET_SECONDS = 30.0
_MAX_OFFERED = 4  # descriptors of one session that wait for viewers
_CALL_IN = 8.0  # seconds for a session's process that was started again, or dials every few seconds
_MOMENT = 0.05  # seconds; viewers that come and go within it are one write


@dataclass(frozen=True)
class Ticket:
    """What a redeemed ticket allows. ``jti`` is the login's: when that ends, so does the connection."""

    session_id: str
    login: str
    jti: str
    expires: float
    view_only: bool = False


@dataclass(eq=False)
class Connection:
    """A viewer on a session. ``active`` is the monotonic time of its last key or pointer event."""

    id: str
    session_id: str
    login: str
    jti: str
    address: str
    since: float
    active: float
    close: Callable[[str, str], None]  # code, reason
    say: Callable[[dict[str, object]], None]
    view_only: bool = False
    bytes_in: int = 0
    bytes_out: int = 0


@dataclass
class _Waiting:
    descriptors: list[int] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    wanted: list[asyncio.Future[int]] = field(default_factory=list)  # by viewers that nobody has asked for yet
    asked: bool = False  # and somebody will

    def take(self) -> int | None:
        """The newest whose display is still there: one that did not come up is followed by another."""
        while self.descriptors:
            descriptor = self.descriptors.pop()
            if _has_peer(descriptor):
                return descriptor
            os.close(descriptor)
        return None


class Connections:
    """Tickets are random, kept only as hashes, single use, short, bound to login and session."""

    def __init__(self, registry: Registry, clock: Clock) -> None:
        self._registry = registry
        self._clock = clock
        self._tickets: dict[bytes, Ticket] = {}
        self._offered: dict[str, _Waiting] = {}
        self._viewers: dict[str, dict[str, Connection]] = {}
        self._changes: dict[str, dict[str, float]] = {}  # last_connect, last_disconnect still to be written
        self._traffic: dict[str, int] = {}  # bytes to viewers that have left
        self._moments: set[str] = set()  # sessions written a moment ago
        self._tasks: set[asyncio.Task[None]] = set()
        self._peer: Callable[[str], ControlConnection | None] = lambda _: None

    def attach(self, peer: Callable[[str], ControlConnection | None]) -> None:
        """How to reach a session's own process."""
        self._peer = peer

    def ticket(self, session_id: str, login: str, jti: str, view_only: bool = False) -> tuple[str, float]:
        """A new ticket and when it expires. Conflict for a session that has ended, or that was scheduled and waits."""
        session = self._registry.get(session_id)
        if not self.openable(session):
            raise Conflict(f"a session that is {session.state} cannot be connected to", state=session.state)
        now = self._clock.now()
        self._forget_expired(now)
        text = secrets.token_urlsafe(32)
        self._tickets[_hash(text)] = Ticket(session_id, login, jti, now + TICKET_SECONDS, view_only)
        return text, now + TICKET_SECONDS

    def openable(self, session: Session) -> bool:
        """It is there, or comes up here and now: what may come up some time, somewhere, is not waited for."""
        comes_up = session.launcher == "direct" or bool(session.hostname)
        return session.state in lifecycle.CONNECTABLE or (session.state == lifecycle.PENDING and comes_up)

    def _forget_expired(self, now: float) -> None:
        """All live equally long, so the oldest are first."""
        while self._tickets:
            oldest = next(iter(self._tickets))
            if self._tickets[oldest].expires > now:
                return
            del self._tickets[oldest]

    def redeem(self, text: str, session_id: str) -> Ticket:
        """Once; TicketRefused for one that is wrong, used, expired or another session's."""
        ticket = self._tickets.pop(_hash(text), None)
        if ticket is None or ticket.expires <= self._clock.now() or ticket.session_id != session_id:
            raise TicketRefused()
        return ticket

    def offer(self, session_id: str, descriptors: list[int]) -> None:
        """Descriptors connected to the display, given before anybody asked."""
        waiting = self._offered.setdefault(session_id, _Waiting())
        room = max(0, _MAX_OFFERED - len(waiting.descriptors))
        waiting.descriptors += descriptors[:room]
        for descriptor in descriptors[room:]:
            os.close(descriptor)
        waiting.arrived.set()

    async def descriptor(self, session_id: str, timeout: float) -> int:
        """A descriptor connected to the display; the caller owns it. Waits for a session that is coming up."""
        waiting = self._offered.setdefault(session_id, _Waiting())
        if (offered := waiting.take()) is not None:
            return offered
        session = self._registry.get(session_id)
        if session.state == lifecycle.PENDING:
            await self._come_up(session_id, waiting, timeout)
            if (offered := waiting.take()) is not None:
                return offered
        peer = self._peer(session_id) or await self._called_in(session_id, min(timeout, _CALL_IN))
        mine: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        waiting.wanted.append(mine)
        if not waiting.asked or peer.displays_at_once == 1:
            waiting.asked = True
            self._spawn(self._ask(peer, waiting))
        try:
            return await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled() and mine.exception() is None:
                os.close(mine.result())  # it came in the same moment
            raise

    async def _ask(self, peer: ControlConnection, waiting: _Waiting) -> None:
        """As many in one request as the peer can answer in one; who comes meanwhile is in the next."""
        try:
            while waiting.wanted:
                group = waiting.wanted[: peer.displays_at_once]
                del waiting.wanted[: peer.displays_at_once]
                await self._open(peer, group)
        finally:
            waiting.asked = False

    async def _open(self, peer: ControlConnection, group: list[asyncio.Future[int]]) -> None:
        try:
            while group := [one for one in group if not one.done()]:
                result, descriptors = await peer.request(lambda seq: messages.OpenDisplay(seq, count=len(group)))
                if not descriptors:
                    raise DisplayUnavailable(str(result.get("detail", "")) or "The session gave no way to its display.")
                for one in group:
                    if descriptors and not one.done():
                        one.set_result(descriptors.pop(0))
                for extra in descriptors:
                    os.close(extra)
        except PortcallError as error:
            for one in group:
                if not one.done():
                    one.set_exception(error)

    async def _called_in(self, session_id: str, timeout: float) -> ControlConnection:
        """The session's process, which calls again within seconds where the server or it was started again."""
        with contextlib.suppress(TimeoutError):
            await self._registry.until(
                session_id, lambda now: self._peer(session_id) is not None or now.state not in lifecycle.LIVE, timeout
            )
        peer = self._peer(session_id)
        if peer is None:
            raise DisplayUnavailable("The session's process is not connected to the server just now. Try again.")
        return peer

    async def _come_up(self, session_id: str, waiting: _Waiting, timeout: float) -> None:
        arrival = asyncio.ensure_future(waiting.arrived.wait())
        change = asyncio.ensure_future(
            self._registry.until(session_id, lambda session: session.state != lifecycle.PENDING, timeout)
        )
        try:
            done, _ = await asyncio.wait({arrival, change}, return_when=asyncio.FIRST_COMPLETED)
            if change in done:
                session = change.result()
                if session.state not in lifecycle.CONNECTABLE:
                    raise DisplayUnavailable(session.reason or "The session did not come up.", log=session.message)
        except TimeoutError:
            raise DisplayUnavailable("The session did not come up in time.") from None
        finally:
            arrival.cancel()
            change.cancel()

    async def add(self, connection: Connection) -> None:
        """A viewer came. Its session says so, and the times at which it would end are off."""
        self._viewers.setdefault(connection.session_id, {})[connection.id] = connection
        await self._note(connection.session_id, "last_connect")

    async def remove(self, connection: Connection) -> None:
        if self._viewers.get(connection.session_id, {}).pop(connection.id, None) is not None:
            left = self._traffic.get(connection.session_id, 0)
            self._traffic[connection.session_id] = left + connection.bytes_out
        await self._note(connection.session_id, "last_disconnect")

    async def _note(self, session_id: str, what: str) -> None:
        """Written at once, unless that was done a moment ago: then at the end of the moment."""
        self._changes.setdefault(session_id, {})[what] = self._clock.now()
        if session_id not in self._moments:
            await self._write(session_id)

    async def _write(self, session_id: str) -> None:
        self._moments.add(session_id)
        try:
            await self._write_clients(session_id)
        except PortcallError as error:
            log.warning("a viewer's coming or leaving was not written", session=session_id, error=str(error))
        finally:
            asyncio.get_running_loop().call_later(_MOMENT, self._moment_over, session_id)

    async def _write_clients(self, session_id: str) -> None:
        changes: dict[str, object] = {**self._changes.pop(session_id, {})}
        session = self._registry.find(session_id)
        if session is None:
            return
        changes["clients"] = clients = self.count(session_id)
        if clients:
            changes["ends_at"] = None
        signal = lifecycle.VIEWED if clients else lifecycle.LEFT
        if lifecycle.may(session.state, signal):
            await self._registry.signal(session_id, signal, **changes)
        else:
            await self._registry.change(session_id, **changes)

    def _moment_over(self, session_id: str) -> None:
        if session_id not in self._changes:
            self._moments.discard(session_id)
            return
        self._spawn(self._write(session_id))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def traffic(self, session_id: str) -> int:
        """Bytes of the display sent to viewers since this server began."""
        here = sum(connection.bytes_out for connection in self.of(session_id))
        return self._traffic.get(session_id, 0) + here

    def count(self, session_id: str) -> int:
        return len(self._viewers.get(session_id, ()))

    def of(self, session_id: str) -> list[Connection]:
        return list(self._viewers.get(session_id, {}).values())

    def all(self) -> list[Connection]:
        return [connection for viewers in self._viewers.values() for connection in viewers.values()]

    def end(self, session_id: str, reason: str, code: str = "ended") -> None:
        """All viewers leave and read why; nothing is left that leads to the display."""
        for connection in self.of(session_id):
            connection.close(code, reason)
        self._traffic.pop(session_id, None)
        waiting = self._offered.pop(session_id, None)
        if waiting is not None:
            for descriptor in waiting.descriptors:
                os.close(descriptor)

    def leave(self, session_id: str, reason: str, code: str = "suspended") -> None:
        """All viewers leave; the session stays."""
        for connection in self.of(session_id):
            connection.close(code, reason)

    def login_gone(self, jti: str) -> None:
        """A login ended: what it let in leaves."""
        self._tickets = {key: ticket for key, ticket in self._tickets.items() if ticket.jti != jti}
        for connection in self.all():
            if connection.jti == jti:
                connection.close("logged-out", "The login ended.")


def _has_peer(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLRDHUP)
    return not poll.poll(0)


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
