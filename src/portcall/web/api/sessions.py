"""Sessions: list, start, look into, change, connect, end."""

from __future__ import annotations

import contextlib
import secrets
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse

from portcall.errors import Forbidden, PortcallError
from portcall.model import codec
from portcall.model.session import Session
from portcall.model.start import NeedAuth, NeedForm, Outcome, Scheduled, StartRequest
from portcall.model.user import Login
from portcall.start.people import Person
from portcall.web import shapes
from portcall.web.caller import address
from portcall.web.who import may, mine, services

router = APIRouter(tags=["sessions"])
_State = Literal["pending", "running", "suspended", "ending", "ended", "lost"]
Owned = tuple[Login, Session]
_AS_THE_PROFILE_SAYS = shapes.ExtendBody(by=0.0)


@router.get("/sessions", response_model=shapes.SessionsShape)
async def list_sessions(
    request: Request, login: Login = may("session/list"), all: bool = False, state: _State | None = None
) -> Response:
    """Own sessions, newest first; ``all`` for those who may. ``event`` is where a stream of events goes on."""
    here = services(request)
    if all and here.permissions.scope(login, "session/list") != "any":
        raise Forbidden("You may list your own sessions only.")
    chosen = here.registry.all() if all else here.registry.of(login.sub)
    found = sorted((item for item in chosen if state in (None, item.state)), key=lambda item: -item.created)
    return JSONResponse({"sessions": [codec.to_document(item) for item in found], "event": here.bus.last})


@router.post("/sessions", response_model=shapes.StartAnswer)
async def start(
    request: Request,
    body: shapes.StartBody,
    login: Login = may("session/start"),
    wait: bool = True,
    connect: bool = False,
    idempotency_key: Annotated[str | None, Header(max_length=256)] = None,
) -> Response:
    """Start a session. The same ``Idempotency-Key`` gives the same session, however often it is sent."""
    here = services(request)
    document = body.model_dump()
    document["key"] = idempotency_key or document["key"] or secrets.token_hex(16)
    asked = codec.from_document(StartRequest, document)
    # with connect, who asks comes by the viewer's WebSocket in a moment
    seen = {"clientIP": address(request), "clientTransport": "Web" if login.aud == "web" or connect else "API"}
    session_id = here.pipeline.session_id(login, asked)
    try:
        session_id, outcome = await here.pipeline.start(login, asked, seen, wait)
    except Exception as error:
        _audit_start(request, login, session_id, error, str(error))
        raise
    _audit_start(request, login, session_id, outcome, asked.command[:200])
    return await _answer(request, login, session_id, outcome, connect)


@router.post("/starts/{attempt}", response_model=shapes.StartAnswer)
async def answer_start(
    request: Request, attempt: str, body: shapes.AnswersBody, login: Login = may("session/start"),
    wait: bool = True, connect: bool = False,
) -> Response:  # fmt: skip
    """Answer what a start asked (``stage`` of its answer)."""
    here = services(request)
    session_id = here.attempts.get(attempt, login.sub).session_id
    try:
        session_id, outcome = await here.pipeline.answer(login, attempt, body.answers, wait)
    except Exception as error:
        _audit_start(request, login, session_id, error, str(error))
        raise
    _audit_start(request, login, session_id, outcome, "")
    return await _answer(request, login, session_id, outcome, connect)


@router.delete("/starts/{attempt}", status_code=204)
async def abandon_start(request: Request, attempt: str, login: Login = may("session/start")) -> Response:
    """Give a start up that asks something."""
    services(request).attempts.abandon(attempt, login.sub)
    return Response(status_code=204)


@router.get("/sessions/{session_id}", response_model=shapes.SessionShape)
async def info(request: Request, session_id: str, owned: Owned = mine("session/info")) -> Response:
    return JSONResponse(codec.to_document(owned[1]))


@router.patch("/sessions/{session_id}", response_model=shapes.SessionShape)
async def change(
    request: Request, session_id: str, body: shapes.ChangeBody, owned: Owned = mine("session/params")
) -> Response:
    """Rename; set params, or delete them with null."""
    data = await _before(request, owned, "session/params", {"name": body.name, "params": body.params})
    name, params = data.get("name"), data.get("params")
    session = await services(request).actions.change(
        session_id, name if isinstance(name, str) else None, params if isinstance(params, dict) else {}
    )
    _audit(request, owned, "session/params")
    return JSONResponse(codec.to_document(session))


@router.post("/sessions/{session_id}/connect", response_model=shapes.ConnectShape)
async def connect(request: Request, session_id: str, owned: Owned = mine("session/connect")) -> Response:
    """A ticket for one viewer: single use, short."""
    await _before(request, owned, "session/connect")
    made = _ticket(request, owned[0], owned[1])
    if owned[0].sub == owned[1].login:
        _audit(request, owned, "session/connect")
    await _looked(request, owned, "session/connect")
    return JSONResponse(made)


@router.post("/sessions/{session_id}/suspend", response_model=shapes.SessionShape)
async def suspend(request: Request, session_id: str, owned: Owned = mine("session/disconnect")) -> Response:
    """All viewers leave; the session goes on."""
    await _before(request, owned, "session/disconnect")
    session = await services(request).actions.suspend(session_id, owned[0].sub)
    _audit(request, owned, "session/disconnect")
    return JSONResponse(codec.to_document(session))


@router.post("/sessions/{session_id}/terminate", response_model=shapes.SessionShape)
async def terminate(request: Request, session_id: str, owned: Owned = mine("session/terminate")) -> Response:
    """End it."""
    await _before(request, owned, "session/terminate")
    session = await services(request).actions.terminate(session_id, f"It was ended by {owned[0].sub}.")
    _audit(request, owned, "session/terminate")
    return JSONResponse(codec.to_document(session))


@router.post("/sessions/{session_id}/purge", status_code=204)
async def purge(request: Request, session_id: str, owned: Owned = mine("session/purge")) -> Response:
    """Remove record, processes and files, also where a terminate does not reach."""
    await _before(request, owned, "session/purge")
    await services(request).actions.purge(session_id, f"It was purged by {owned[0].sub}.")
    _audit(request, owned, "session/purge")
    return Response(status_code=204)


@router.post("/sessions/{session_id}/extend", response_model=shapes.SessionShape)
async def extend(
    request: Request,
    session_id: str,
    owned: Owned = mine("session/connect"),
    body: shapes.ExtendBody = _AS_THE_PROFILE_SAYS,
) -> Response:  # fmt: skip
    """Push an announced end back."""
    session = await services(request).sweep.extend(session_id, by=body.by)
    _audit(request, owned, "session/connect", "more time")
    return JSONResponse(codec.to_document(session))


@router.get("/sessions/{session_id}/log", response_model=shapes.LogShape)
async def log(
    request: Request, session_id: str, owned: Owned = mine("session/log"),
    size: Annotated[int, Query(alias="bytes", ge=1, le=1_048_576)] = 65_536,
) -> Response:  # fmt: skip
    """The end of what the command printed."""
    await _before(request, owned, "session/log")
    await _looked(request, owned, "session/log")
    return JSONResponse(await services(request).actions.log(session_id, size))


_PICTURES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/png": {}, "image/webp": {}}}, 304: {"description": "unchanged"},
}  # fmt: skip


@router.get("/sessions/{session_id}/screenshot", response_class=Response, responses=_PICTURES)
async def screenshot(
    request: Request, session_id: str, owned: Owned = mine("session/screenshot"),
    width: Annotated[int | None, Query(ge=16, le=16384)] = None,
    format: Literal["png", "webp"] = "png",
) -> Response:  # fmt: skip
    """The screen as it is now."""
    await _before(request, owned, "session/screenshot")
    await _looked(request, owned, "session/screenshot")
    picture = await services(request).actions.screenshot(session_id, width, format)
    headers = {"etag": f'"{picture.etag}"', "cache-control": "private, no-cache"}
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    return Response(picture.data, media_type=picture.media_type, headers=headers)


@router.get("/sessions/{session_id}/processes", response_model=shapes.ProcessesShape)
async def processes(request: Request, session_id: str, owned: Owned = mine("session/processes")) -> Response:
    return JSONResponse({"processes": await services(request).actions.processes(session_id)})


@router.get("/sessions/{session_id}/connections", response_model=shapes.ConnectionsShape)
async def connections(request: Request, session_id: str, owned: Owned = mine("session/info")) -> Response:
    """Who looks at it now."""
    found = [
        {
            "id": item.id, "login": item.login, "address": item.address, "since": item.since,
            "viewOnly": item.view_only, "bytesIn": item.bytes_in, "bytesOut": item.bytes_out,
        }
        for item in services(request).connections.of(session_id)
    ]  # fmt: skip
    return JSONResponse({"connections": found})


@router.get("/sessions/{session_id}/trace", response_model=shapes.TraceShape)
async def session_trace(request: Request, session_id: str, owned: Owned = mine("session/explain")) -> Response:
    """How its start went, step by step."""
    return JSONResponse(await services(request).traces.document(session_id))


async def _answer(request: Request, login: Login, session_id: str, outcome: Outcome | None, connect: bool) -> Response:
    here = services(request)
    if isinstance(outcome, NeedForm):
        return JSONResponse({"stage": "form", "form": outcome.form} if outcome.form else {"stage": "review"})
    if isinstance(outcome, NeedAuth):
        return JSONResponse({"stage": "auth", "session": session_id, **codec.to_document(outcome)})
    if isinstance(outcome, Scheduled) and "json" not in request.headers.get("accept", ""):
        return Response(outcome.text, media_type="text/plain; charset=utf-8")  # as sites' scripts know it
    session = here.registry.get(session_id)
    trace = here.traces.find(session_id)
    answer: dict[str, Any] = {"result": codec.to_document(session), "trace": trace.steps if trace else []}
    if isinstance(outcome, Scheduled):
        answer.update(stage="scheduled", text=outcome.text)
    if connect and here.connections.openable(session):
        here.permissions.check(login, "session/connect", session.login)
        # the session is there, whatever an event function says of looking at it: who asks to connect is told why not
        with contextlib.suppress(PortcallError):
            await _before(request, (login, session), "session/connect")
            answer["connect"] = _ticket(request, login, session)
    return JSONResponse(answer)


def _ticket(request: Request, login: Login, session: Session) -> dict[str, Any]:
    here = services(request)
    ticket, expires = here.connections.ticket(session.id, login.sub, login.jti)
    url = f"{here.config['url_prefix'].rstrip('/')}/view/{session.id}"
    return {"ticket": ticket, "url": url, "expires": expires, "session": codec.to_document(session)}


async def _before(request: Request, owned: Owned, action: str, data: dict[str, Any] | None = None) -> dict[str, Any]:
    """The administrator's event functions see the action first; they may change its data, or refuse."""
    here = services(request)
    if not here.documents.enabled("event"):
        return data or {}
    login, session = owned
    account = await here.start_account(login.sub)
    person = Person(login, tuple(account.groups), tuple(here.registry.documents(login.sub)))
    try:
        return dict(await here.functions.before(action, person, data or {}, session))
    except PortcallError as error:
        here.audit.write(login.sub, action, error.code, session.id, address(request), str(error))
        raise


def _audit(request: Request, owned: Owned, action: str, detail: str = "") -> None:
    services(request).audit.write(owned[0].sub, action, "ok", owned[1].id, address(request), detail)


def _audit_start(request: Request, login: Login, session_id: str, outcome: Any, detail: str) -> None:
    """What came of a start so far: an error's code, what it asks for, or ok."""
    asks = "form" if isinstance(outcome, NeedForm) else "auth" if isinstance(outcome, NeedAuth) else "ok"
    result = getattr(outcome, "code", "error") if isinstance(outcome, Exception) else asks
    services(request).audit.write(login.sub, "session/start", result, session_id, address(request), detail)


async def _looked(request: Request, owned: Owned, action: str) -> None:
    """Looking at another's session is written down, and shown to whom it belongs (one's own is not news)."""
    here = services(request)
    login, session = owned
    if login.sub != session.login:
        _audit(request, owned, action)
        if action != "session/log":
            await here.registry.change(session.id, looked_by=login.sub, looked_at=here.clock.now())
