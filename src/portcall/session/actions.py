"""What people do to sessions that exist: change, suspend, end, purge, look into."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from portcall.clock import Clock
from portcall.errors import Conflict, DisplayUnavailable, PortcallError, Terminated
from portcall.model import lifecycle
from portcall.model.session import Session
from portcall.model.start import RESERVED_PARAMS, check_name, check_params
from portcall.session import picture
from portcall.session.connect import Connections
from portcall.session.registry import Registry
from portcall.session.reports import Reports
from portcall.wire import messages

log = structlog.get_logger("actions")
_PURGE_GRACE = 2.0


class Actions:
    """``destroy(session)`` kills and removes on the host what is left of a session, as its user, where it can;
    ``output(session)`` is the end of what its job has printed, where it has one."""

    def __init__(
        self, registry: Registry, reports: Reports, connections: Connections, clock: Clock,
        destroy: Callable[[Session], Awaitable[None]], give_up: Callable[[str], None],
        output: Callable[[Session], Awaitable[str]],
    ) -> None:  # fmt: skip
        self._registry = registry
        self._reports = reports
        self._connections = connections
        self._clock = clock
        self._destroy = destroy
        self._give_up = give_up
        self._output = output

    async def change(self, session_id: str, name: str | None, params: dict[str, Any]) -> Session:
        """New name; params set, or deleted where the value is None. Reserved names are the server's and ignored."""
        if name is not None:
            check_name(name)
        params = {key: value for key, value in params.items() if key not in RESERVED_PARAMS}
        session = self._registry.get(session_id)
        if session.state not in lifecycle.LIVE:
            raise Conflict("the session is over", state=session.state)
        if name is not None:
            params["name"] = name
        merged = {key: value for key, value in {**session.params, **params}.items() if value is not None}
        check_params(merged)
        return await self.set_params(session_id, name, params, merged)

    async def set_params(
        self, session_id: str, name: str | None, params: dict[str, Any], merged: dict[str, Any]
    ) -> Session:
        """In the session's own process first, which outlives us; what it answers is what is true."""
        changes: dict[str, Any] = {"params": merged}
        if name is not None:
            changes["name"] = name
        peer = self._reports.peer(session_id)
        if peer is not None:
            await peer.request(lambda seq: messages.ChangeSession(seq, name, params))
        return await self._registry.change(session_id, **changes)

    async def suspend(self, session_id: str, by: str) -> Session:
        """All viewers leave; the session goes on."""
        session = self._registry.get(session_id)
        if session.state not in lifecycle.CONNECTABLE:
            raise Conflict(f"a session that is {session.state} cannot be suspended", state=session.state)
        self._connections.leave(session_id, f"It was suspended by {by}. It goes on, and can be opened again.")
        return await self._registry.signal(session_id, lifecycle.LEFT, clients=0)

    async def terminate(self, session_id: str, reason: str) -> Session:
        """Ask it to end. One that cannot hear now is told as soon as it calls in."""
        session = self._registry.get(session_id)
        if session.state == lifecycle.ENDED:
            return session
        self._give_up(session_id)
        if session.state == lifecycle.PENDING and not self._connections.openable(session):
            await self._registry.refuse(session_id)  # it is not there; what a scheduler starts later is not wanted
        session = await self._registry.signal(session_id, lifecycle.ASKED, reason=reason, cause=Terminated.code)
        peer = self._reports.peer(session_id)
        if peer is None:
            await self._destroy(session)
            return self._registry.get(session_id)
        try:
            await peer.request(lambda seq: messages.EndSession(seq, reason))
        except PortcallError as error:
            log.warning("the session does not answer", session=session_id, error=str(error))
        return self._registry.get(session_id)

    async def purge(self, session_id: str, reason: str) -> None:
        """Record, processes and files go, also where a terminate does not reach; nothing is left that leads to it."""
        session = self._registry.get(session_id)
        if session.state in lifecycle.LIVE:
            self._give_up(session_id)
            peer = self._reports.peer(session_id)
            if peer is not None:
                try:
                    await peer.request(lambda seq: messages.EndSession(seq, reason, _PURGE_GRACE))
                    patience = _PURGE_GRACE + 3 + peer.farewell
                    await self._registry.until(session_id, lambda now: now.state == lifecycle.ENDED, patience)
                except (PortcallError, TimeoutError) as error:
                    log.warning("purging without the session's help", session=session_id, error=str(error))
            if self._registry.get(session_id).state != lifecycle.ENDED:
                await self._destroy(session)
        self._connections.end(session_id, reason)
        await self._registry.purge(session_id)

    async def log(self, session_id: str, size: int) -> dict[str, Any]:
        """The end of the log: from the living session, or as it was when it ended; before and beside that, what the job
        has printed that is to become the session, or is it."""
        session = self._registry.get(session_id)
        peer = self._reports.peer(session_id)
        if peer is not None:
            result, _ = await peer.request(lambda seq: messages.ReadLog(seq, size))
            total = result.get("size")
            if total or session.job is None:
                return {"log": str(result.get("log", "")), "size": total if isinstance(total, int) else 0}
        text = session.message or ""
        if session.job is not None and (session.state != lifecycle.ENDED or not text):
            text = await self._output(session) or text
        return {"log": text[-size:], "size": len(text.encode("utf-8", "replace"))}

    async def processes(self, session_id: str) -> list[dict[str, Any]]:
        self._registry.get(session_id)
        peer = self._reports.peer(session_id)
        if peer is None:
            return []
        result, _ = await peer.request(messages.ListProcesses)
        found = result.get("processes")
        return found if isinstance(found, list) else []

    async def screenshot(self, session_id: str, width: int | None, image_format: str) -> picture.Picture:
        session = self._registry.get(session_id)
        if session.state not in lifecycle.CONNECTABLE:
            raise DisplayUnavailable(f"A session that is {session.state} shows nothing.")
        peer = self._reports.peer(session_id)
        if peer is None:
            raise DisplayUnavailable("The session's process is not connected to the server just now.")
        _, descriptors = await peer.request(messages.OpenDisplay)
        if not descriptors:
            raise DisplayUnavailable("The session gave no way to its display.")
        return await picture.take(descriptors[0], width, image_format)
