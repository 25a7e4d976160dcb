"""The sessions that this server knows: in memory, written through to the store, every change an event.

All changes of a state go through ``signal`` and so through the one table of ``model/lifecycle.py``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import structlog

from portcall.bus import Bus
from portcall.clock import Clock
from portcall.errors import InvalidValue, NoSuchSession
from portcall.model import codec, lifecycle
from portcall.model.event import SESSION, SESSION_GONE, Event
from portcall.model.session import Session
from portcall.model.start import ORDER_VALID
from portcall.stores.base import Store

log = structlog.get_logger("registry")
BUCKET, PURGED = "sessions", "purged"
_TOMBSTONE = ORDER_VALID + 86400.0  # seconds; a job that a scheduler starts late is still told that it was purged
_VOLATILE = frozenset({"cpu_percentage", "memory", "bytes_out"})  # not worth a write


class Registry:
    """Reads are of memory; a write is in the store before it is seen."""

    def __init__(self, store: Store, bus: Bus, clock: Clock) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self._sessions: dict[str, Session] = {}
        self._documents: dict[str, dict[str, Any]] = {}  # of each, as it was last written
        self._purged: set[str] = set()
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def open(self) -> None:
        """What the last run of this server knew. Nobody is heard from yet: the sweep finds out who is lost."""
        for entry in await self._store.list(BUCKET):
            try:
                session = codec.from_document(Session, entry.value)
                if session.state not in lifecycle.STATES:
                    raise InvalidValue(f"no state is called {session.state!r}")
            except InvalidValue as error:  # a newer server's, perhaps; its session says what it is when it calls in
                log.error("a session's record cannot be read", session=entry.key, error=str(error))
                continue
            viewed = session.clients > 0
            self._sessions[session.id], self._documents[session.id] = session, codec.to_document(session)
            if viewed:
                await self.change(session.id, clients=0, last_disconnect=self._clock.now())
                if lifecycle.may(session.state, lifecycle.LEFT):
                    await self.signal(session.id, lifecycle.LEFT)
        self._purged = {entry.key for entry in await self._store.list(PURGED)}

    def get(self, session_id: str) -> Session:
        try:
            return self._sessions[session_id]
        except KeyError:
            raise NoSuchSession(f"there is no session {session_id}") from None

    def find(self, session_id: str) -> Session | None:
        return self._sessions.get(session_id)

    def all(self) -> Iterable[Session]:
        return self._sessions.values()

    def of(self, login: str) -> list[Session]:
        return [session for session in self._sessions.values() if session.login == login]

    def documents(self, login: str) -> list[dict[str, Any]]:
        """Of the sessions of this login; who changes them copies them."""
        return [self._documents[session.id] for session in self.of(login)]

    def live(self) -> list[Session]:
        return [session for session in self._sessions.values() if session.state in lifecycle.LIVE]

    def purged(self, session_id: str) -> bool:
        return session_id in self._purged

    def _alone(self, session_id: str) -> asyncio.Lock:
        """One change of a session after another: a store may take its time, and none is to be lost meanwhile."""
        return self._locks.setdefault(session_id, asyncio.Lock())

    async def add(self, session: Session) -> Session:
        async with self._alone(session.id):
            document = codec.to_document(session)
            await self._store.put(BUCKET, session.id, document)
            return self._keep(session, document)

    async def change(self, session_id: str, **changes: Any) -> Session:
        """The session with ``changes`` (names of Session); nothing happens where nothing differs."""
        self.get(session_id)
        async with self._alone(session_id):
            return await self._change(self.get(session_id), changes)

    async def _change(self, session: Session, changes: dict[str, Any]) -> Session:
        changed = {name for name, value in changes.items() if getattr(session, name) != value}
        if not changed:
            return session
        after = replace(session, **changes)
        document = codec.to_document(after)
        if not changed <= _VOLATILE:
            await self._store.put(BUCKET, session.id, document)
        return self._keep(after, document)

    async def signal(self, session_id: str, signal: str, **changes: Any) -> Session:
        """One step in the life of a session; Conflict where the table has no such step."""
        self.get(session_id)
        async with self._alone(session_id):
            session = self.get(session_id)
            return await self._change(session, {"state": lifecycle.after(session.state, signal), **changes})

    async def purge(self, session_id: str) -> None:
        """Forget it, and remember that it was purged, for when it calls in after all."""
        session = self.get(session_id)
        await self.refuse(session_id)
        await self.forget(session)

    async def refuse(self, session_id: str) -> None:
        """Whatever calls in by this id from now on is told to end."""
        await self._store.put(PURGED, session_id, {"at": self._clock.now()}, ttl=_TOMBSTONE)
        self._purged.add(session_id)

    async def forget(self, session: Session) -> None:
        async with self._alone(session.id):
            await self._store.delete(BUCKET, session.id)
            self._sessions.pop(session.id, None)
            self._documents.pop(session.id, None)
            self._locks.pop(session.id, None)
        self.wake(session.id)
        self._bus.publish(Event(SESSION_GONE, session.id, session.login, {"id": session.id}))

    async def until(self, session_id: str, ready: Callable[[Session], bool], timeout: float) -> Session:
        """The session as soon as ``ready`` says so; TimeoutError after ``timeout`` seconds."""
        changed = asyncio.Event()
        self._waiting.setdefault(session_id, set()).add(changed)
        try:
            async with asyncio.timeout(timeout):
                while not ready(session := self.get(session_id)):
                    changed.clear()
                    await changed.wait()
                return session
        finally:
            self._waiting[session_id].discard(changed)
            if not self._waiting[session_id]:
                del self._waiting[session_id]

    def _keep(self, session: Session, document: dict[str, Any]) -> Session:
        self._sessions[session.id], self._documents[session.id] = session, document
        self.wake(session.id)
        self._bus.publish(Event(SESSION, session.id, session.login, document))
        return session

    def wake(self, session_id: str) -> None:
        """Let those who wait for this session look again."""
        for event in self._waiting.get(session_id, ()):
            event.set()
