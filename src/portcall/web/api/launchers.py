"""Launchers: which there are, what they are set to, and trying one."""

from __future__ import annotations

import asyncio
import shutil
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from portcall.errors import PortcallError
from portcall.jobs import administered, extending
from portcall.jobs import dry as dry_run
from portcall.jobs.administered import DEFAULT, OPTIONS
from portcall.launchers.base import Scheduler
from portcall.model import codec, lifecycle
from portcall.model.job import Job
from portcall.model.start import StartRequest
from portcall.model.user import Login
from portcall.web import shapes
from portcall.web.caller import address
from portcall.web.who import may, services

router = APIRouter(tags=["administration"])
_FIRST = ("direct", "docker", "podman", "custom", "template")  # in this order, then the schedulers


class OptionShape(BaseModel):
    name: str
    help: str
    kind: str
    form: bool
    choices: list[str]


class LauncherShape(BaseModel):
    """``problem``: why it could not start anything now, by a dry run, and by a question to its scheduler.
    ``pending``: sessions that wait in it."""

    name: str
    title: str
    help: str
    own: bool
    scheduler: bool
    options: list[OptionShape]
    set: dict[str, Any]
    maximum: dict[str, Any]
    people: list[str]
    extend: bool | None = Field(description="the service gives jobs more time when their users ask; null: none can")
    pending: int
    problem: str | None


class LaunchersShape(BaseModel):
    """``ignored``: what lies beside the site's own, but is none, with the reason."""

    default: str
    ignored: list[str]
    fixed: str | None
    launchers: list[LauncherShape]


class LauncherBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    set: dict[str, Any] = Field(default_factory=dict)
    maximum: dict[str, Any] = Field(default_factory=dict)
    people: list[str] | None = Field(None, description="options that forms may set; null: all that they may at most")
    extend: bool | None = Field(None, description="as the service, which must be a manager there; null: as it was")


class DefaultBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    default: str


class InvocationShape(BaseModel):
    """An empty ``argv``: the user's link starts the session itself. ``user``: whom it would run as."""

    argv: list[str]
    stdin: str
    env: dict[str, str]
    user: str
    asService: bool


@router.get("/launchers", response_model=LaunchersShape)
async def list_launchers(request: Request, login: Login = may("admin/launchers")) -> Response:
    """All of them, with what they are set to."""
    return JSONResponse(await _all(request, login))


@router.put("/launchers", response_model=LaunchersShape)
async def set_default(request: Request, body: DefaultBody, login: Login = may("admin/launchers")) -> Response:
    """Which one starts sessions where neither a schedule function nor a bookmark says so."""
    await _change(request, login, DEFAULT, body.default)
    return JSONResponse(await _all(request, login))


@router.put("/launchers/{name}", response_model=LaunchersShape)
async def set_options(
    request: Request, name: str, body: LauncherBody, login: Login = may("admin/launchers")
) -> Response:
    """Its options: what they are set to, their maximum, and which of them people may set in forms."""
    here = services(request)
    launcher = here.launchers.get(name)
    given = {key: value for key, value in body.set.items() if value not in ("", None, [])}
    highest = {key: value for key, value in body.maximum.items() if value not in ("", None)}
    own: dict[str, Any] = {"set": given, "maximum": highest}
    before = here.config[OPTIONS].get(name, {})
    extend = before.get("extend") if body.extend is None else body.extend
    if isinstance(extend, bool):
        own["extend"] = extend
    if body.people is not None:
        own["people"] = body.people
    administered.read_member(launcher, own)
    await _change(request, login, OPTIONS, {**here.config[OPTIONS], name: own})
    return JSONResponse(await _all(request, login))


@router.post("/launchers/{name}/dry", response_model=InvocationShape)
async def dry(request: Request, name: str, body: shapes.StartBody, login: Login = may("admin/launchers")) -> Response:
    """What this launcher would run for a start of one's own; nothing is run."""
    here = services(request)
    asked = codec.from_document(StartRequest, {**body.model_dump(), "launcher": name})
    order, account = await here.pipeline.preview(login, asked)
    return JSONResponse(dry_run.dry(here.launchers, order, account, here.service_user))


async def _change(request: Request, login: Login, name: str, value: Any) -> None:
    here = services(request)
    await here.settings.change(name, value)
    here.apply_settings()
    here.audit.write(
        login.sub, "admin/launchers", "ok", address=address(request), detail=f"{name}={value!r}"[:500]
    )  # fmt: skip


async def _all(request: Request, login: Login) -> dict[str, Any]:
    here = services(request)
    names = sorted(
        here.launchers.names(), key=lambda name: (_FIRST.index(name) if name in _FIRST else len(_FIRST), name)
    )
    found = await asyncio.gather(*(_one(here, login, name) for name in names))
    return {
        "default": here.config[DEFAULT], "fixed": here.config.fixed.get(DEFAULT) or here.config.fixed.get(OPTIONS),
        "ignored": here.launchers.ignored(), "launchers": found,
    }  # fmt: skip


async def problem(here: Any, login: Login, name: str) -> str | None:
    """Why it could not start anything now."""
    found: str | None = (await _one(here, login, name))["problem"]
    return found


async def _one(here: Any, login: Login, name: str) -> dict[str, Any]:
    pending = sum(item.launcher == name and item.state == lifecycle.PENDING for item in here.registry.live())
    row: dict[str, Any] = {
        "name": name, "title": name, "help": "", "own": here.launchers.is_own(name), "scheduler": False, "options": [],
        "set": {}, "maximum": {}, "people": [], "extend": None, "pending": pending, "problem": None,
    }  # fmt: skip
    try:
        launcher = here.launchers.get(name)
        administered = here.launchers.administered(name)
        offered = [option.name for option in launcher.options if option.form]
        row.update(
            title=launcher.title, help=launcher.help, scheduler=isinstance(launcher, Scheduler),
            options=[codec.to_document(option) for option in launcher.options], set=administered.get("set", {}),
            maximum=administered.get("maximum", {}), people=administered.get("people", offered),
            extend=bool(administered.get("extend")) if extending.can(launcher) else None,
        )  # fmt: skip
        order, account = await here.pipeline.preview(login, StartRequest("xterm", launcher=name))
        made = dry_run.dry(here.launchers, order, account, here.service_user)
        argv = made["argv"]
        if argv[:1] == ["/bin/sh"] and isinstance(launcher, Scheduler):  # what it runs is the scheduler's all the same
            argv = launcher.cancel(Job(name, "1")).argv
        if argv and shutil.which(argv[0], path=made["env"].get("PATH")) is None:
            row["problem"] = f"{argv[0]}: there is no such program on this server."
        elif isinstance(launcher, Scheduler) and (not launcher.sees_all or name in here.launchers.configured()):
            # an engine that nobody has set up is not asked: it would make a storage of the service's own
            row["problem"] = await here.jobs.ready.problem(launcher) or None
    except PortcallError as error:
        row["problem"] = str(error)
    return row
