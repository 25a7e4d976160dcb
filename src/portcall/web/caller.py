"""Who makes a request: the token of its header or cookie, and from where it comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request, Response

from portcall.errors import Forbidden, MissingHeader, NotLoggedIn
from portcall.model.user import Login

if TYPE_CHECKING:
    from portcall.app import Services

COOKIE = "portcall"
CHANGE_HEADER = "X-Portcall"
_READING = ("GET", "HEAD")
_PEER_SECONDS = 60.0


async def caller(request: Request) -> Login:
    """The login of the request: by bearer token, by cookie, or by the kernel's word on the unix socket.

    NotLoggedIn or LoginExpired; MissingHeader for a change by cookie without the header that another site's page
    cannot set.
    """
    here: Services = request.app.state.portcall
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return await here.logins.authenticate(bearer.strip())
    cookie = request.cookies.get(COOKIE)
    if cookie:
        if request.method not in _READING and request.headers.get(CHANGE_HEADER) != "1":
            raise MissingHeader()
        return await here.logins.authenticate(cookie)
    uid = request.scope.get("state", {}).get("peer_uid")
    if uid is not None:
        return await _peer(here, uid)
    raise NotLoggedIn()


Caller = Annotated[Login, Depends(caller)]


def address(request: Request) -> str:
    """The client's address, as the server believes it (trusted proxies are looked through before)."""
    return request.client.host if request.client else "local"


def no_other_site(request: Request) -> None:
    """Another site's page must not log its visitors in as somebody else."""
    if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin", "same-site"):
        raise Forbidden("another site's page sent this request")


def set_cookie(request: Request, response: Response, token: str, seconds: float) -> None:
    response.set_cookie(COOKIE, token, max_age=max(1, int(seconds)), **_attributes(request))


def drop_cookie(request: Request, response: Response) -> None:
    response.delete_cookie(COOKIE, **_attributes(request))


async def _peer(here: Services, uid: int) -> Login:
    """A process of this host, known by its uid: its person has logged in to the host already."""
    account = await here.accounts.by_uid(uid)
    level = here.permissions.level(account.name, account.groups)
    if level == "disabled":
        raise Forbidden("This account may not use this server.")
    now = here.clock.now()
    return Login(
        account.name, here.config.server_id, now, now + _PEER_SECONDS, "api", f"peer-{uid}", "peer", level, "local"
    )  # fmt: skip


def _attributes(request: Request) -> dict[str, Any]:
    here: Services = request.app.state.portcall
    path = "/" + str(here.config["url_prefix"]).strip("/")
    return {"path": path, "httponly": True, "samesite": "strict", "secure": request.url.scheme == "https"}
