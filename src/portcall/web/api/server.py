"""The server itself: what it is, its settings, its logs, and what happens on it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel

from portcall import __version__, logs
from portcall import config as settings
from portcall.errors import NotFound
from portcall.jobs import administered
from portcall.model import codec, event
from portcall.model.user import Login
from portcall.web import shapes, sse
from portcall.web.api import launchers
from portcall.web.caller import address
from portcall.web.keyboards import LAYOUTS
from portcall.web.who import may, services

router = APIRouter(tags=["server"])
log = structlog.get_logger("web")
_NAME_PROFILES = ("admin/profiles", "admin/bookmarks")


class ServersShape(BaseModel):
    servers: list[dict[str, Any]]


class ProfilesShape(BaseModel):
    profiles: list[shapes.ProfileShape]  # type: ignore[valid-type]


class LayoutShape(BaseModel):
    name: str
    title: str


class LayoutsShape(BaseModel):
    layouts: list[LayoutShape]


class SettingsShape(BaseModel):
    settings: list[shapes.SettingShape]


class AuditShape(BaseModel):
    entries: list[dict[str, Any]]


class TracesShape(BaseModel):
    traces: list[shapes.TraceShape]


@router.post("/csp-reports", status_code=204)
async def csp_report(request: Request) -> Response:
    """A browser tells of something that the content security policy stopped; needs no login, so little is believed."""
    text = (await request.body())[:4096].decode("utf-8", "replace")
    services(request).metrics.violations.inc()
    log.warning("content security policy", address=address(request), report=text)
    return Response(status_code=204)


class MethodShape(BaseModel):
    name: str
    title: str
    user: bool
    password: bool


class AboutShape(BaseModel):
    name: str
    version: str
    title: str
    serverId: str
    loginNotice: str
    methods: list[MethodShape]
    onePerson: bool


class LinkShape(BaseModel):
    url: str


@router.get("", response_model=AboutShape)
@router.get("/", response_model=AboutShape, include_in_schema=False)
async def about(request: Request) -> Response:
    """What this is, and how to log in; needs no login."""
    here = services(request)
    return JSONResponse(
        {
            "name": "Portcall", "version": __version__, "title": here.config["title"],
            "serverId": here.config.server_id, "loginNotice": here.config["login_notice"],
            "methods": here.logins.methods(), "onePerson": here.config.one_person,
        }
    )  # fmt: skip


@router.post("/link", response_model=LinkShape)
async def fresh_link(request: Request, login: Login = may("login/self")) -> Response:
    """A link that lets one browser in, once; for the person whose server it is."""
    here = services(request)
    if not here.config.one_person:
        raise NotFound("This server is not one person's: log in.")
    here.audit.write(login.sub, "login/link", "ok", address=address(request))
    return JSONResponse({"url": f"{here.url}/#token={here.logins.one_person_token()}"})


@router.get("/servers", response_model=ServersShape)
async def servers(request: Request, login: Login = may("server/list")) -> Response:
    """The servers and how busy they are."""
    return JSONResponse({"servers": [services(request).members.here()]})


@router.get("/profiles", response_model=ProfilesShape)
async def profiles(request: Request, login: Login = may("session/start"), all: bool = False) -> Response:
    """What one may choose for a session; ``all`` for those who write profiles or bookmarks, which name them.
    ``revision`` and ``fixed`` as other documents have them."""
    here = services(request)
    await here.start_account(login.sub)  # its groups decide
    everything = all and any(here.permissions.scope(login, action) == "any" for action in _NAME_PROFILES)
    kept = here.documents.profiles.all()
    none = {"revision": 0, "fixed": None}  # the default one need not be written
    return JSONResponse({
        "profiles": [
            {**codec.to_document(item), **none}
            if item.name not in kept
            else {**codec.to_document(item), "revision": kept[item.name].revision, "fixed": kept[item.name].fixed}
            for item in (here.profiles.all() if everything else here.profiles.offered(here.within(login)))
        ]
    })  # fmt: skip


class BookmarksShape(BaseModel):
    bookmarks: list[dict[str, Any]]


@router.get("/bookmarks", response_model=BookmarksShape)
async def bookmarks(request: Request, login: Login = may("session/start"), all: bool = False) -> Response:
    """What one may start with a click; ``all`` for those who write them."""
    here = services(request)
    await here.start_account(login.sub)  # its groups decide
    everything = all and here.permissions.scope(login, "admin/bookmarks") == "any"
    found = [
        {**codec.to_document(kept.value), "revision": kept.revision, "fixed": kept.fixed}
        for kept in here.documents.bookmarks.all().values()
        if everything or here.offered(login, kept.value)
    ]
    return JSONResponse({"bookmarks": found})


@router.get("/keyboards", response_model=LayoutsShape)
async def keyboards(request: Request, login: Login = may("session/start")) -> Response:
    """Keyboard layouts that a session may be started with."""
    return JSONResponse({"layouts": [{"name": name, "title": title} for name, title in LAYOUTS]})


@router.get("/settings", response_model=SettingsShape)
async def list_settings(request: Request, login: Login = may("server/settings")) -> Response:
    here = services(request)
    faults = administered.faults(here.launchers, here.config)
    return JSONResponse({"settings": [_row(here.config, setting, faults) for setting in settings.SETTINGS]})


@router.put("/settings/{name}", response_model=shapes.SettingShape)
async def change_setting(
    request: Request, name: str, body: shapes.SettingBody, login: Login = may("server/settings")
) -> Response:
    """Change a live setting; what file, environment or flag decides cannot be changed here."""
    here = services(request)
    if name not in settings.BY_NAME:
        raise NotFound(f"there is no setting {name!r}")
    await here.settings.change(name, body.value)
    here.apply_settings()
    here.audit.write(
        login.sub, "server/settings", "ok", address=address(request), detail=f"{name}={body.value!r}"[:500]
    )
    faults = administered.faults(here.launchers, here.config)
    if (
        name == administered.DEFAULT
        and name not in faults
        and (why := await launchers.problem(here, login, body.value))
    ):
        faults[name] = f"launcher: {body.value} is not ready: {why}"
    return JSONResponse(_row(here.config, settings.BY_NAME[name], faults))


@router.get("/audit", response_model=AuditShape)
async def audit(
    request: Request, login: Login = may("audit/read"), limit: Annotated[int, Query(ge=1, le=10_000)] = 200
) -> Response:
    """Who did what, newest first."""
    return JSONResponse({"entries": services(request).audit.last(limit)})


@router.get("/traces", response_model=TracesShape)
async def traces(request: Request, login: Login = may("session/explain"), all: bool = False) -> Response:
    """The last starts, refused ones included, newest first."""
    here = services(request)
    everybody = all and here.permissions.scope(login, "session/explain") == "any"
    return JSONResponse({"traces": await here.traces.of(None if everybody else login.sub)})


@router.get("/traces/{trace_id}", response_model=shapes.TraceShape)
async def trace(request: Request, trace_id: str, login: Login = may("session/explain")) -> Response:
    here = services(request)
    document = await here.traces.document(trace_id)
    if document["login"] != login.sub and here.permissions.scope(login, "session/explain") != "any":
        raise NotFound(f"there is no trace of a start {trace_id}")
    return JSONResponse(document)


@router.get("/events", response_class=StreamingResponse, responses={200: {"content": {"text/event-stream": {}}}})
async def events(
    request: Request, login: Login = may("session/list"), all: bool = False,
    last_event_id: Annotated[str | None, Header()] = None,
) -> Response:  # fmt: skip
    """What happens, as it happens (server-sent events); ``Last-Event-ID`` resumes."""
    here = services(request)
    everybody = all and here.permissions.scope(login, "session/list") == "any"

    all_logins = all and here.permissions.scope(login, "login/list") == "any"

    def wanted(item: event.Event) -> bool:
        if item.login is None or item.login == login.sub:
            return True
        return all_logins if item.kind in (event.LOGIN, event.LOGIN_GONE) else everybody and item.kind != event.TRACE

    async def numbered() -> AsyncIterator[str]:
        here.reports.watched(+1)
        stream = here.bus.stream()
        try:
            since = int(last_event_id) if last_event_id and last_event_id.isdigit() else None
            missed = here.bus.since(since) if since is not None else []
            if missed is None:
                yield sse.message("reset", {"event": here.bus.last}, here.bus.last)
            else:
                yield sse.message("hello", {"event": here.bus.last}, None)
                for number, item in missed:
                    if wanted(item):
                        yield sse.message(item.kind, item.document, number)
            async for number, item in stream:
                if wanted(item):
                    yield sse.message(item.kind, item.document, number)
        finally:
            here.bus.leave(stream)
            here.reports.watched(-1)

    return sse.response(request, login, numbered())


@router.get("/log", response_class=StreamingResponse, responses={200: {"content": {"text/event-stream": {}}}})
async def follow_log(
    request: Request, login: Login = may("server/log"), follow: bool = True,
    lines: Annotated[int, Query(ge=0, le=2000)] = 100,
) -> Response:  # fmt: skip
    """The server's log: the last lines, then (``follow``) every new one."""

    async def numbered() -> AsyncIterator[str]:
        queue = logs.follow.begin()
        try:
            for line in list(logs.follow.kept)[-lines:] if lines else []:
                yield sse.message("line", line, None)
            while follow:
                yield sse.message("line", await queue.get(), None)
        finally:
            logs.follow.end(queue)

    return sse.response(request, login, numbered())


def _row(config: settings.Config, setting: settings.Setting, faults: dict[str, str]) -> dict[str, Any]:
    value = config[setting.name]
    return {
        "name": setting.name, "value": json.loads(json.dumps(value)), "default": setting.default, "help": setting.help,
        "scope": setting.scope, "live": setting.live, "kind": setting.kind.__name__, "unit": setting.unit,
        "choices": list(setting.choices), "fixed": config.fixed.get(setting.name),
        "problem": faults.get(setting.name),
    }  # fmt: skip
