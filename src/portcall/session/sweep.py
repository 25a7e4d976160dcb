"""Time passing over sessions: idle viewers, disconnected sessions, lost ones, records that are old enough."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from portcall.clock import Clock
from portcall.config import Config
from portcall.errors import NotInTime, PortcallError
from portcall.model import lifecycle
from portcall.model.profile import Profile
from portcall.model.session import Session
from portcall.session.connect import Connection, Connections
from portcall.session.deadline import Deadline
from portcall.session.registry import Registry

log = structlog.get_logger("sweep")
EVERY = 2.0  # seconds
_CALL_IN = 3.5  # after the server's start; sessions dial every 3 s, and are to be listed again within 5
_PENDING_GRACE = 30.0  # seconds beyond the time limit of a start
_RETRY = (2.0, 10.0, 30.0, 60.0)  # seconds between looking for a user's lost sessions


class Sweep:
    """``revive(user)`` looks for the user's sessions and returns the ids alive, or None where nobody could look;
    ``may(connection)`` whether its person may (still) look at that session; ``elsewhere(id)`` whether it runs where no
    link of this host could look."""

    def __init__(
        self, config: Config, registry: Registry, connections: Connections, clock: Clock,
        profile: Callable[[str], Profile], reached: Callable[[str], bool],
        revive: Callable[[str], Awaitable[set[str] | None]], end: Callable[[str, str], Awaitable[None]],
        may: Callable[[Connection], Awaitable[bool]], elsewhere: Callable[[str], bool] = lambda _: False,
        extend_job: Callable[[Session, float], Awaitable[Session]] | None = None,
    ) -> None:  # fmt: skip
        self._config = config
        self._registry = registry
        self._connections = connections
        self._clock = clock
        self._profile = profile
        self._reached = reached
        self._revive = revive
        self._end = end
        self._may = may
        self._elsewhere = elsewhere
        self._extend_job = extend_job
        self._deadline = Deadline(clock, profile)
        self._began, self._began_at = clock.monotonic(), clock.now()
        self._silent_since: dict[str, float] = {}
        self._looked: dict[str, tuple[int, float]] = {}  # user → how often, when next
        self._warned: set[str] = set()
        self._looking: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self.once()
            except PortcallError as error:
                log.warning("sweep", error=str(error))
            except Exception:
                log.exception("sweep")

    async def once(self) -> None:
        """Everything that is due now."""
        for session in list(self._registry.all()):
            try:
                await self._look_after(session)
            except PortcallError as error:  # the others are looked after all the same
                log.warning("sweep", session=session.id, error=str(error))
        for connection in self._connections.all():
            if await self._may(connection):
                self._idle(connection)
                if (looked_at := self._registry.find(connection.session_id)) is not None:
                    self._deadline.look(connection, looked_at)
            else:
                connection.close("forbidden", "You may not look at this session any more: permissions were changed.")

        self._deadline.keep({connection.id for connection in self._connections.all()})

    async def _look_after(self, session: Session) -> None:
        if session.state not in lifecycle.LIVE:
            self._silent_since.pop(session.id, None)
            if session.ended and self._clock.now() - session.ended > self._config["keep_ended"]:
                await self._registry.forget(session)
            return
        await self._silent(session)
        await self._disconnected(self._registry.get(session.id))
        traffic = self._connections.traffic(session.id)
        if traffic > self._registry.get(session.id).bytes_out:
            await self._registry.change(session.id, bytes_out=traffic)

    async def extend(self, session_id: str, job: bool = True, by: float = 0.0) -> Session:
        """Push an announced end back by the profile's step, and that of the job's time; ``by``: by so many seconds,
        where it is the profile's end by its step at most. Idle viewers count as active again. Conflict where its
        scheduler gives the job no more time."""
        session = self._registry.get(session_id)
        for connection in self._connections.of(session_id):
            connection.active = self._clock.monotonic()
            self._over(connection)
        if session.ends_at is not None:
            step = self._profile(session.profile).extend_by
            later = self._clock.now() + (min(by, step) if by else step)
            session = await self._registry.change(session_id, ends_at=max(session.ends_at, later))
        if job and self._extend_job is not None and session.job is not None:
            session = await self._extend_job(session, by or self._profile(session.profile).extend_by)
        return session

    async def stay(self, session_id: str) -> None:
        """As viewers ask for it, who were told of one end or the other: the job's is moved only where it is near."""
        session = self._registry.get(session_id)
        try:
            await self.extend(session_id, job=self._deadline.near(session) is not None)
        except PortcallError as error:
            self._deadline.refuse(session, error.detail)

    async def _disconnected(self, session: Session) -> None:
        limit = self._profile(session.profile).end_after_disconnected
        if not limit or session.clients or session.state not in lifecycle.CONNECTABLE:
            return
        if session.ends_at is None:
            since = max(filter(None, (session.last_disconnect, session.started, session.created)), default=0.0)
            session = await self._registry.change(session.id, ends_at=since + limit)
        if session.ends_at is not None and self._clock.now() >= session.ends_at:
            await self._end(session.id, f"It was disconnected for {_duration(limit)}, the limit of its profile.")

    def _idle(self, connection: Connection) -> None:
        session = self._registry.find(connection.session_id)
        profile = self._profile(session.profile) if session is not None else None
        if profile is None or not profile.disconnect_when_idle:
            return
        left = profile.disconnect_when_idle - (self._clock.monotonic() - connection.active)
        if left <= 0:
            self._warned.discard(connection.id)
            connection.close("idle", f"Nothing was typed or pointed at for {_duration(profile.disconnect_when_idle)}.")
        elif left <= profile.warn_before and connection.id not in self._warned:
            self._warned.add(connection.id)
            at = self._clock.now() + left
            connection.say({"type": "warning", "kind": "idle", "at": at, "extendable": True})
        elif left > profile.warn_before:
            self._over(connection)

    def _over(self, connection: Connection) -> None:
        if connection.id in self._warned:
            self._warned.discard(connection.id)
            connection.say({"type": "warning-over"})
            self._deadline.forget(connection)

    async def _silent(self, session: Session) -> None:
        """A session that should be heard from and is not: look for it, then call it lost."""
        if self._reached(session.id):
            self._silent_since.pop(session.id, None)
            return
        now = self._clock.monotonic()
        if session.state == lifecycle.PENDING and session.launcher != "direct":
            return  # a job may wait for its turn as long as it likes
        since = self._silent_since.setdefault(session.id, now)
        if session.state == lifecycle.PENDING:
            if self._clock.now() - session.created - self._config["start_timeout"] > _PENDING_GRACE:
                await self._registry.signal(
                    session.id, lifecycle.OVER, ended=self._clock.now(), reason="It did not come up in time.",
                    cause=NotInTime.code,
                )  # fmt: skip
                return
            if now == since:  # seen for the first time: it may be just about to call
                return
        if now - self._began < _CALL_IN:
            return
        if not self._elsewhere(session.id):
            self._look(session.user)
        if now - since > self._config["silent_after"] and lifecycle.may(session.state, lifecycle.SILENT):
            await self._registry.signal(session.id, lifecycle.SILENT)

    def _look(self, user: str) -> None:
        now = self._clock.monotonic()
        times, due = self._looked.get(user, (0, 0.0))
        if user in self._looking or now < due:
            return
        self._looked[user] = (times + 1, now + _RETRY[min(times, len(_RETRY) - 1)])
        task = self._looking[user] = asyncio.ensure_future(self._search(user))
        task.add_done_callback(lambda _: self._looking.pop(user, None))

    async def _search(self, user: str) -> None:
        try:
            alive = await self._revive(user)
        except PortcallError as error:
            log.info("nobody could look for lost sessions", user=user, error=str(error))
            return
        if alive is None:
            return
        for session in [item for item in self._registry.all() if item.user == user]:
            gone = session.id not in alive and not self._reached(session.id) and not self._may_come(session)
            if gone and not self._elsewhere(session.id) and session.state in lifecycle.LIVE:
                await self._registry.signal(
                    session.id, lifecycle.OVER, ended=self._clock.now(), clients=0,
                    reason="Its processes are gone: the machine or the session was stopped from outside.",
                )  # fmt: skip
                self._connections.end(session.id, "The session's processes are gone.")
        self._looked.pop(user, None)

    def _may_come(self, session: Session) -> bool:
        """A start under way. One of the server's life before this is nobody's any more; a job still has its turn."""
        before = session.created < self._began_at and session.launcher == "direct"
        return session.state == lifecycle.PENDING and not before


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:g} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.0f} hours"
