"""Who makes a request, and whether they may: every route states its action here and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from fastapi import Depends, Request

from portcall.errors import Forbidden, NoSuchSession
from portcall.model.session import Session
from portcall.model.user import Login
from portcall.web.caller import address, caller

if TYPE_CHECKING:
    from portcall.app import Services


def services(request: Request) -> Services:
    return cast("Services", request.app.state.portcall)


class May:
    """A dependency that gives the login, once it may take ``action`` (on its own things at least)."""

    def __init__(self, action: str) -> None:
        self.action = action

    async def __call__(self, request: Request) -> Login:
        who = await caller(request)
        here = services(request)
        try:
            here.permissions.check(who, self.action)
        except Forbidden as error:
            here.audit.write(who.sub, self.action, "forbidden", address=address(request), detail=str(error))
            raise
        return who


def may(action: str) -> Any:
    return Depends(May(action))


class Mine:
    """A dependency that gives login and session, once the login may take ``action`` on that session.

    A session of another is as if it did not exist for whoever may not even list it.
    """

    def __init__(self, action: str) -> None:
        self.action = action

    async def __call__(self, request: Request, session_id: str) -> tuple[Login, Session]:
        who = await caller(request)
        here = services(request)
        here.permissions.check(who, self.action)
        session = here.registry.find(session_id)
        if session is None:
            raise NoSuchSession(f"there is no session {session_id}")
        if session.login != who.sub and here.permissions.scope(who, "session/list") != "any":
            here.audit.write(who.sub, self.action, "forbidden", session_id, address(request))
            raise NoSuchSession(f"there is no session {session_id}")
        try:
            here.permissions.check(who, self.action, session.login)
        except Forbidden as error:
            here.audit.write(who.sub, self.action, "forbidden", session_id, address(request), str(error))
            raise
        return who, session


def mine(action: str) -> Any:
    return Depends(Mine(action))
