"""Logging in and out: the conversation of a login, stage by stage."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from portcall.errors import PortcallError
from portcall.jobs import extending
from portcall.login.service import Stage
from portcall.model import codec
from portcall.model.user import Login
from portcall.web.caller import address, drop_cookie, no_other_site, set_cookie
from portcall.web.shapes import PROBLEMS, AnswersBody, LoginShape, PromptShape
from portcall.web.who import may, services

router = APIRouter(tags=["login"])
Text = Annotated[str, Field(max_length=16_384)]


class LoginBody(BaseModel):
    """``method`` is one of those that GET / lists. ``api``: the answer has the token, and there is no cookie."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    method: Text
    user: Text = ""
    password: Text | None = None
    token: Text | None = None
    public_key: Text | None = Field(None, alias="publicKey")
    api: bool = False
    name: Text = ""


class StageShape(BaseModel):
    """``success`` has ``login`` (and ``token`` for an API login), ``prompt`` has ``prompts``, ``sign`` has ``data``."""

    stage: str
    attempt: str = ""
    title: str = ""
    instructions: str = ""
    prompts: list[PromptShape] = []
    data: str = ""
    login: LoginShape | None = None  # type: ignore[valid-type]
    token: str = ""


class UserShape(BaseModel):
    name: str
    uid: int
    groups: list[str]


class SelfShape(BaseModel):
    login: LoginShape  # type: ignore[valid-type]
    user: UserShape
    level: str
    permissions: dict[str, str]
    notice: str
    title: str
    server_id: str = Field(alias="serverId")
    one_person: bool = Field(alias="onePerson")
    extendable: list[str] = Field(description="launchers whose jobs can be given more time by POST …/extend")


async def begin(body: LoginBody, request: Request, response: Response) -> dict[str, Any]:
    """Log in: the first stage."""
    given = body.model_dump(by_alias=True, exclude_none=True, include={"user", "password", "token", "public_key"})
    logins = services(request).logins
    try:
        stage = await logins.begin(body.method, given, address(request), body.api, body.name)
    except PortcallError as error:
        _audit(request, body.user, error.code)
        raise
    return _stage(request, response, stage)


async def answer(attempt: str, body: AnswersBody, request: Request, response: Response) -> dict[str, Any]:
    """Answer a stage's prompts, in their order, or give the signature that it asks for."""
    try:
        stage = await services(request).logins.answer(attempt, body.answers, address(request))
    except PortcallError as error:
        _audit(request, "", error.code)
        raise
    return _stage(request, response, stage)


async def abandon(attempt: str, request: Request) -> None:
    """Give an unfinished login up."""
    await services(request).logins.abandon(attempt, address(request))


async def whoami(request: Request, login: Login = may("login/self")) -> dict[str, Any]:
    """Who one is here, and what one may do."""
    here = services(request)
    account = await here.logins.accounts.lookup(login.sub)
    return {
        "login": codec.to_document(login),
        "user": {"name": account.name, "uid": account.uid, "groups": account.groups},
        "level": login.level,
        "permissions": here.permissions.scopes(login),
        "notice": here.config["notice"],
        "title": here.config["title"],
        "serverId": here.config.server_id,
        "onePerson": here.config.one_person,
        "extendable": extending.offered(here.launchers),
    }


async def log_out(request: Request, response: Response, login: Login = may("login/self")) -> None:
    """End this login."""
    here = services(request)
    await here.logins.revoke(login.jti)
    _audit(request, login.sub, "ok", "logout")
    drop_cookie(request, response)


def _stage(request: Request, response: Response, stage: Stage) -> dict[str, Any]:
    if stage.login is None:
        return stage.document(with_token=False)
    _audit(request, stage.login.sub, "ok", detail=stage.login.method)
    api = stage.login.aud == "api"
    if not api:
        set_cookie(request, response, stage.token, stage.login.exp - stage.login.iat)
    return stage.document(with_token=api)


def _audit(request: Request, user: str, outcome: str, action: str = "login", detail: str = "") -> None:
    services(request).audit.write(user[:128], action, outcome, address=address(request), detail=detail)


_stage_answers: dict[int | str, dict[str, Any]] = {200: {"model": StageShape}, **PROBLEMS}
_from_here = [Depends(no_other_site)]
router.post("/login", responses=_stage_answers, response_model=None, dependencies=_from_here)(begin)
router.post("/login/{attempt}", responses=_stage_answers, response_model=None, dependencies=_from_here)(answer)
router.delete("/login/{attempt}", status_code=204, responses=PROBLEMS)(abandon)
router.get("/login", responses={200: {"model": SelfShape}, **PROBLEMS}, response_model=None)(whoami)
router.delete("/login", status_code=204, responses=PROBLEMS)(log_out)
