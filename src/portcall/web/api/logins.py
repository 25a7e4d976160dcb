"""The logins that there are, and API tokens."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from portcall.errors import Forbidden
from portcall.login.permissions import ANY
from portcall.model import codec
from portcall.model.user import Login
from portcall.web.caller import address
from portcall.web.shapes import PROBLEMS, LoginShape
from portcall.web.who import may, services

router = APIRouter(tags=["login"])


class ListedLoginShape(LoginShape):  # type: ignore[valid-type, misc]
    """``current``: the login that asks."""

    current: bool


class LoginsShape(BaseModel):
    logins: list[ListedLoginShape]


class TokenBody(BaseModel):
    name: Annotated[str, Field(max_length=128)]
    days: float | None = None


class TokenShape(BaseModel):
    """The token is shown this once."""

    token: str
    login: LoginShape  # type: ignore[valid-type]


async def list_logins(request: Request, all: bool = False, login: Login = may("login/list")) -> dict[str, Any]:
    """One's own logins, or everybody's for those who may see them."""
    here = services(request)
    if all and here.permissions.scope(login, "login/list") != ANY:
        raise Forbidden(f"your level ({login.level}) lets you list your own logins only", action="login/list")
    logins = await here.logins.list(None if all else login.sub)
    return {"logins": [{**codec.to_document(one), "current": one.jti == login.jti} for one in logins]}


async def revoke(jti: str, request: Request, login: Login = may("login/revoke")) -> None:
    """End a login: its token is worth nothing from now on."""
    here = services(request)
    found = await here.logins.find(jti)
    here.permissions.check(login, "login/revoke", found.sub)
    await here.logins.revoke(jti)
    here.audit.write(login.sub, "login/revoke", "ok", address=address(request), detail=f"{found.sub} {jti}")


async def create_token(body: TokenBody, request: Request, login: Login = may("token/create")) -> dict[str, Any]:
    """Make an API token for oneself, for the command line or a script."""
    here = services(request)
    token, made = await here.logins.create_token(login, body.name, body.days, address(request))
    here.audit.write(login.sub, "token/create", "ok", address=address(request), detail=body.name)
    return {"token": token, "login": codec.to_document(made)}


router.get("/logins", responses={200: {"model": LoginsShape}, **PROBLEMS}, response_model=None)(list_logins)
router.delete("/logins/{jti}", status_code=204, responses=PROBLEMS)(revoke)
router.post("/tokens", responses={200: {"model": TokenShape}, **PROBLEMS}, response_model=None)(create_token)
