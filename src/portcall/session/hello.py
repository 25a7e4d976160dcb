"""Who calls on the control socket: the account behind the uid, then link or session."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from portcall.errors import ProtocolError
from portcall.model.user import Account
from portcall.session.control import ControlConnection
from portcall.session.reports import Reports
from portcall.wire import messages

log = structlog.get_logger("hello")


class LinkPeer:
    """A link that is connected. ``started_by``: ``server``, or ``user`` where the person's own login started it."""

    def __init__(self, account: Account, hello: messages.LinkHello, connection: ControlConnection) -> None:
        self.account = account
        self.started_by = hello.started_by
        self.pid = connection.pid
        self.uid = connection.uid
        self._connection = connection

    async def request(self, make: Callable[[int], Any], timeout: float = 10.0) -> tuple[dict[str, Any], list[int]]:
        return await self._connection.request(make, timeout)

    def send(self, message: Any) -> None:
        self._connection.send(message)


class Greeter:
    """``register`` and ``gone`` are told of links."""

    def __init__(
        self, server_id: str, reports: Reports, account: Callable[[int], Awaitable[Account]],
        register: Callable[[LinkPeer], None], gone: Callable[[LinkPeer], None],
    ) -> None:  # fmt: skip
        self._server_id = server_id
        self._reports = reports
        self._account = account
        self._register = register
        self._gone = gone

    async def hello(self, connection: ControlConnection, hello: Any) -> None:
        if hello.version != messages.VERSION:
            raise ProtocolError(f"version {hello.version} of the protocol is not spoken here")
        if connection.session_id and getattr(hello, "session", {}).get("id") != connection.session_id:
            raise ProtocolError(f"this weblink is session {connection.session_id}'s, and no other's")
        present = self._reports.peer(connection.session_id) if connection.session_id else None
        if present is not None and not present.session_id:  # its token is not needed, so who has it is somebody else
            raise ProtocolError(f"session {connection.session_id} is connected on this host")
        account = connection.account or await self._account(connection.uid)
        if isinstance(hello, messages.SessionHello):
            await self._reports.hello(connection, account, hello)
            return
        link = LinkPeer(account, hello, connection)
        connection.on_message = self._unexpected
        connection.on_close.append(lambda: self._gone(link))
        connection.send(messages.Welcome(self._server_id))
        log.info("link", user=account.name, pid=connection.pid, started_by=hello.started_by)
        self._register(link)

    def _unexpected(self, message: Any, descriptors: list[int]) -> None:
        for descriptor in descriptors:
            os.close(descriptor)
        raise ProtocolError(f"a link does not send {type(message).__name__}")
