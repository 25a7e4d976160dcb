"""Functions beside their documents: kinds, recorded inputs, trying one before it goes live; and permissions."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from portcall.errors import InvalidValue, PortcallError
from portcall.functions.base import Call, Source
from portcall.login.permissions import ACTIONS, LEVELS, rules_of
from portcall.model import codec, function
from portcall.model.administered import ENGINES, JAVASCRIPT, FunctionDocument
from portcall.model.roster import Picked
from portcall.model.user import Login
from portcall.web.caller import address
from portcall.web.who import may, services

router = APIRouter(tags=["administration"])


class KindsShape(BaseModel):
    kinds: list[dict[str, Any]]
    engines: list[str]
    policies: list[dict[str, Any]]


class TryBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: str
    engine: str = JAVASCRIPT
    source: str = Field("", max_length=262_144)
    name: str = "function"
    id: str = Field("", description="of the function that this is a new version of")
    input: dict[str, Any] | None = None
    recorded: str = ""
    seed: int = Field(0, ge=0)


class TriedShape(BaseModel):
    model_config = ConfigDict(extra="allow")
    value: Any = None
    outcome: str | None = None
    log: list[str] = []
    took: float = 0.0
    error: dict[str, Any] | None = None


class RecordedShape(BaseModel):
    recorded: list[dict[str, Any]]


class MeasuredShape(BaseModel):
    metrics: list[dict[str, Any]]


class PermissionsBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    default: str = "full"
    users: dict[str, str] = Field(default_factory=dict)
    groups: dict[str, str] = Field(default_factory=dict)
    boxes: list[str] = Field(default_factory=list)


class PermissionsShape(BaseModel):
    model_config = ConfigDict(extra="allow")
    default: str
    users: dict[str, str]
    groups: dict[str, str]
    boxes: list[str]
    fixed: str | None
    revision: int
    actions: list[dict[str, Any]]
    levels: list[str]


@router.get("/function-kinds", response_model=KindsShape)
async def kinds(request: Request, login: Login = may("admin/functions")) -> Response:
    """The table of kinds: what each is given and may return; the engines; the shipped policies with their source."""
    found = [{**codec.to_document(row), "servers": row.servers} for row in function.KINDS]
    return JSONResponse({"kinds": found, "engines": list(ENGINES), "policies": services(request).placement.shipped()})


@router.get("/functions-recorded", response_model=RecordedShape)
async def recorded(request: Request, kind: str, login: Login = may("admin/functions")) -> Response:
    """Inputs of the last starts, secrets left out."""
    return JSONResponse({"recorded": services(request).recorded.list(function.find(kind).name)})


@router.get("/functions-measured", response_model=MeasuredShape)
async def measured(request: Request, login: Login = may("admin/functions")) -> Response:
    """What the metrics of this server measured last, and why the last run of one failed."""
    return JSONResponse({"metrics": services(request).measured.report()})


@router.post("/functions-try", response_model=TriedShape)
async def try_function(request: Request, body: TryBody, login: Login = may("admin/functions")) -> Response:
    """Run a function on a recorded or made-up input, beside the version in force; nothing is started."""
    here = services(request)
    kind = function.find(body.kind)
    if body.engine != JAVASCRIPT:
        known = here.documents.functions.find(body.id)
        if known is None or known.engine != body.engine:
            raise InvalidValue(f"{body.engine} functions are files on the server", field="engine")
        body.source = known.source
    given = here.recorded.get(kind.name, body.recorded) if body.recorded else (body.input or {})
    given = dict(given)
    servers = _servers(here, given) if kind.servers else None
    new = await _run(here, Source(body.name, body.source, body.engine), kind, given, servers, body.seed)
    enabled = next(iter(here.documents.enabled(kind.name)), None)
    in_force = here.documents.functions.find(body.id) if body.id else enabled
    if in_force is not None and in_force.source != body.source:
        live = Source(in_force.name, in_force.source, in_force.engine)
        new["live"] = await _run(here, live, kind, given, servers, body.seed)
    if kind.name.endswith("-balance"):
        chain = kind.name.removesuffix("-balance")
        tried = FunctionDocument(body.id, kind.name, body.name, body.source, body.engine) if body.id else None
        new["chain"] = await here.placement.preview(chain, given, body.seed, tried)
        if "live" in new:
            new["live"]["chain"] = await here.placement.preview(chain, given, body.seed)
    here.audit.write(login.sub, "admin/functions", "ok", address=address(request), detail=f"tried {body.name[:100]}")
    return JSONResponse(new)


@router.get("/permissions", response_model=PermissionsShape)
async def permissions(request: Request, login: Login = may("admin/permissions")) -> Response:
    """Who may do what."""
    return JSONResponse(await _permissions(services(request)))


@router.put("/permissions", response_model=PermissionsShape)
async def set_permissions(
    request: Request, body: PermissionsBody, login: Login = may("admin/permissions"),
    revision: Annotated[int | None, Query(ge=0)] = None,
) -> Response:  # fmt: skip
    """In force at once. Nobody can take the last way in from themselves: the caller must stay an administrator."""
    here = services(request)
    rules = rules_of(body.model_dump())
    account = await here.start_account(login.sub)
    named = [rules.users.get(login.sub), *(rules.groups.get(group) for group in account.groups)]
    stays = rules.users.get(login.sub) != "disabled" and (
        "admin" in named or (rules.default == "admin" and not any(named))
    )
    if not here.config.one_person and not stays:
        raise InvalidValue("With these you would no longer be an administrator yourself.", field="users")
    await here.rules.change(rules, revision)
    here.audit.write(login.sub, "admin/permissions", "ok", address=address(request))
    return JSONResponse(await _permissions(here))


async def _permissions(here: Any) -> dict[str, Any]:
    rules = here.permissions.rules
    rows = [
        {
            "name": row.name,
            "help": row.help,
            "limited": row.limited,
            "full": row.full,
            "admin": row.admin,
            "box": row.box,
        }
        for row in ACTIONS.values()
    ]
    return {
        "default": rules.default, "users": rules.users, "groups": rules.groups, "boxes": sorted(rules.boxes),
        "fixed": here.permissions.fixed, "revision": here.rules.revision,
        "actions": rows, "levels": list(LEVELS),
    }  # fmt: skip


def _servers(here: Any, given: dict[str, Any]) -> Picked | None:
    """A made-up input may bring its own servers; without them it is this cluster's."""
    own = given.pop("servers", None)
    return Picked(own) if isinstance(own, list) else None


async def _run(
    here: Any, source: Source, kind: function.Kind, given: dict[str, Any], servers: Picked | None, seed: int
) -> dict[str, Any]:
    roster = here.roster if kind.servers else None
    try:
        engine = here.functions.engine(source.engine)
        await engine.check(source, kind)
        result = await engine.run(source, Call(kind, given, roster, servers, seed))
        outcome = function.read_result(kind, result.value)
    except PortcallError as error:
        extra = {name: value for name, value in error.extra.items() if name != "log"}
        printed = str(error.extra.get("log") or "")
        return {
            "value": None, "outcome": None, "log": printed.splitlines(), "took": 0.0,
            "error": {"code": error.code, "detail": error.detail, **codec.to_document(extra)},
        }  # fmt: skip
    value = result.value
    if isinstance(value, Picked) and roster is not None:
        value = [roster.document(item) if isinstance(item, int) else item for item in value]
    return {
        "value": value, "outcome": type(outcome).__name__, "log": list(result.log), "took": result.took, "error": None,
    }  # fmt: skip
