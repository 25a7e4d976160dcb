"""Shapes of requests and answers in the OpenAPI document, made from the dataclasses of ``model`` where there is one."""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, create_model

from portcall.model import codec, lifecycle
from portcall.model.profile import Profile
from portcall.model.session import Session
from portcall.model.user import Login


def shape(cls: type, *, strict: bool = False, without: tuple[str, ...] = (), forbid: bool = False) -> type[BaseModel]:
    """The pydantic model of a dataclass, in camelCase. Answers have every member; a ``strict`` one has the dataclass's
    defaults, and with ``forbid`` takes no others."""
    hints = get_type_hints(cls)
    members: dict[str, Any] = {}
    for field in fields(cls):
        if field.name == "unknown" or field.name in without:
            continue
        required = not strict or (field.default is MISSING and field.default_factory is MISSING)
        default: Any = ...
        if not required:
            made = field.default_factory
            default = Field(default_factory=made) if made is not MISSING else field.default
        members[codec.camel(field.name)] = (_nested(hints[field.name]), default)
    config = ConfigDict(extra="forbid" if forbid else "ignore", allow_inf_nan=False)
    name = f"{cls.__name__}Body" if without else cls.__name__
    model: type[BaseModel] = create_model(name, __config__=config, **members)
    model.__doc__ = cls.__doc__
    return model


def _nested(hint: Any) -> Any:
    """A dataclass within another is a shape too."""
    if is_dataclass(hint):
        return shape(hint)  # type: ignore[arg-type]
    if get_origin(hint) is Union:
        return Union[tuple(map(_nested, get_args(hint)))]  # noqa: UP007 - made, not written
    return hint


def kept(model: type[BaseModel]) -> type[BaseModel]:
    """A document as it is kept: with ``revision`` and the file that fixes it, if one does."""
    made: type[BaseModel] = create_model(
        f"Kept{model.__name__}", __base__=model, revision=(int, ...), fixed=(str | None, ...)
    )
    return made


def listing(name: str, model: type[BaseModel]) -> type[BaseModel]:
    made: type[BaseModel] = create_model(f"{model.__name__}List", **{name: (list[model], ...)})  # type: ignore[valid-type,call-overload]
    return made


SessionShape = shape(Session)
LoginShape = shape(Login)
ProfileShape = shape(Profile)
State = lifecycle.STATES


class Problem(BaseModel):
    """RFC 9457. ``code`` is stable; ``instance`` is an id to quote."""

    model_config = ConfigDict(extra="allow")
    type: str
    title: str
    status: int
    code: str
    detail: str
    instance: str


class StartBody(BaseModel):
    """What to start. Only ``command`` is needed."""

    model_config = ConfigDict(extra="forbid")
    command: str = Field("", examples=["xterm"], description="needed, unless a bookmark is named")
    geometry: str = Field("", description="WxH in pixels, or rootless; empty: the profile's")
    name: str = ""
    params: dict[str, Any] = Field(default_factory=dict)
    profile: str = "default"
    keyboardLayout: str = Field("", description="empty: the bookmark's, or us")
    id: str = Field("", description="of the session; better left to the server")
    bookmarkId: str = ""
    userdata: str | None = None
    userid: str | None = None
    answered: list[str] = Field(default_factory=list, description="ids of forms that were shown")
    notices: bool = Field(False, description="stage form comes also for forms that ask nothing, once each")
    review: bool = Field(False, description="start nothing; stage is form, or review where nothing remains to be asked")
    launcher: str = Field("", description="for administrators, who try one; else it is chosen by what they have set")
    launcherOptions: dict[str, Any] = Field(default_factory=dict, description="of that launcher, over all others")
    key: str = Field("", max_length=256, description="the same key is the same session; header Idempotency-Key wins")


class ConnectShape(BaseModel):
    ticket: str
    url: str
    expires: float
    session: SessionShape  # type: ignore[valid-type]


class StepShape(BaseModel):
    model_config = ConfigDict(extra="allow")
    step: str
    at: float
    took: float
    result: str


class TraceShape(BaseModel):
    id: str
    login: str
    at: float
    outcome: str
    steps: list[StepShape]


class PromptShape(BaseModel):
    text: str
    echo: bool


class StartAnswer(BaseModel):
    """``result`` once there is a session; ``stage`` ``auth`` or ``form`` where something is to be answered first."""

    result: SessionShape | None = None  # type: ignore[valid-type]
    trace: list[StepShape] | None = None
    connect: ConnectShape | None = None
    stage: str | None = None
    text: str | None = None
    attempt: str | None = None
    title: str | None = None
    instructions: str | None = None
    prompts: list[PromptShape] | None = None
    session: str | None = None
    form: dict[str, Any] | None = None


class AnswersBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    answers: list[str] = Field(max_length=32)


class ChangeBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str | None = None
    params: dict[str, Any] = Field(default_factory=dict)


class SessionsShape(BaseModel):
    sessions: list[SessionShape]  # type: ignore[valid-type]
    event: int


class LogShape(BaseModel):
    log: str
    size: int


class ProcessShape(BaseModel):
    pid: int
    ppid: int
    command: str
    cpuPercentage: float
    memory: int
    started: float


class ProcessesShape(BaseModel):
    processes: list[ProcessShape]


class ConnectionShape(BaseModel):
    id: str
    login: str
    address: str
    since: float
    viewOnly: bool
    bytesIn: int
    bytesOut: int


class ConnectionsShape(BaseModel):
    connections: list[ConnectionShape]


class SettingShape(BaseModel):
    name: str
    value: Any
    default: Any
    help: str
    scope: str
    live: bool
    kind: str
    unit: str
    choices: list[str]
    fixed: str | None
    problem: str | None = Field(None, description="why starts are refused for it, such as a launcher that is not here")


class ExtendBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    by: float = Field(
        0.0, ge=0, le=366 * 86400, description="seconds; 0: by what the profile says, its most in any case"
    )


class SettingBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    value: Any


PROBLEMS: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "RFC 9457 problem",
        "model": Problem,
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}
