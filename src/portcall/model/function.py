"""Administrators' functions: one table of kinds, what each is given and may return, and how a return is read.

Editor, documentation, checks, tests and the command line read the rows. The names are those of the clustering guide and
of "Starting Sessions"; what is falsy is what JavaScript calls so, in every language.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, Tuple, Union

from portcall.errors import FunctionFailed, NotFound
from portcall.model import function_fields as f
from portcall.model.function_fields import Field
from portcall.model.roster import Picked

MIB = 1024 * 1024
SERVERLIST = "SERVERLIST"


@dataclass(frozen=True)
class Continue:
    """Falsy: go on as if the function were not there."""


@dataclass(frozen=True)
class ShowForm:
    form: Dict[str, Any]


@dataclass(frozen=True)
class ShowServerList:
    """``'SERVERLIST'``: the server list function makes the form."""


@dataclass(frozen=True)
class Template:
    text: str


@dataclass(frozen=True)
class Launch:
    launcher: str
    options: Dict[str, Any]


@dataclass(frozen=True)
class Changed:
    """The new data of the action."""

    data: Dict[str, Any]


@dataclass(frozen=True)
class Chosen:
    server_id: str


@dataclass(frozen=True)
class Candidates:
    """Servers to go on with, in this order; may be empty."""

    servers: Picked


@dataclass(frozen=True)
class Measured:
    value: Any


Outcome = Union[Continue, ShowForm, ShowServerList, Template, Launch, Changed, Chosen, Candidates, Measured]


@dataclass(frozen=True)
class Return:
    """``when``: falsy, string, object, array, value or throw."""

    when: str
    means: str


@dataclass(frozen=True)
class Limits:
    """Seconds and bytes. ``cpu``: of the processor; ``wall``: until it is killed; ``memory``: beside the servers."""

    cpu: float = 0.5
    wall: float = 1.0
    memory: int = 128 * MIB
    output: int = MIB


@dataclass(frozen=True)
class Kind:
    """One row. ``may_run``: the function may run commands. ``actions``: what ``input.action`` may be."""

    name: str
    title: str
    help: str
    input: Tuple[Field, ...]
    returns: Tuple[Return, ...]
    example: str
    limits: Limits = Limits()
    may_run: bool = False
    actions: Tuple[str, ...] = ()

    @property
    def servers(self) -> bool:
        """Whether it is given the server list."""
        return any(field.name == "servers" for field in self.input)

    @property
    def names(self) -> Tuple[str, ...]:
        return tuple(field.name for field in self.input)


_GO_ON = Return("falsy", "continue with the next step")
_REFUSE = Return("throw", "stop; the message is shown to the user")
_EVENT_RETURNS = (
    Return("falsy", "the data stay as they are"),
    Return("object", "with a member data: that is the new data; without one: the object itself is the new data"),
    Return("throw", "the action is refused; the message is shown to the user"),
)
_BALANCE_RETURNS = (
    Return("string", "the serverId to connect to; it must be one of the cluster's"),
    Return("array", "the servers that the next function is given; it is an error when none is left"),
    Return("falsy", "the next function is given the same input"),
    _REFUSE,
)
# as the table of permissions names them; only what there is, since a function that is never asked refuses nothing
OTHER_ACTIONS = tuple(
    f"session/{action}" for action in ("connect", "disconnect", "log", "params", "purge", "screenshot", "terminate")
)

KINDS: Tuple[Kind, ...] = (
    Kind("form-filter", "Form filter", "Decides which form a start shows next, if any.", f.FORM_FILTER, (
        Return("falsy", "no more forms: continue with the start"),
        Return("object", "a form, which is shown to the user"),
        Return("string", "only 'SERVERLIST': a form made of the servers of the server list function"),
        _REFUSE,
    ), "async function(input) {\n  return input.forms[0];\n}\n"),
    Kind("server-list", "Server list", "Chooses the servers that the user may choose from.", f.SERVER_LIST, (
        Return("falsy", "no server form: continue with the start"),
        Return("array", "servers of input.servers; the form sets params.serverId to the one chosen"),
        _REFUSE,
    ), "async function(input) {\n  return input.servers;\n}\n"),
    Kind("schedule", "Schedule", "Decides whether a command runs in place of the start.", f.SCHEDULE, (
        Return("falsy", "start as usual"),
        Return("string", "a template such as bsub … ${ start.command }: filled in, it is run as the user in place of "
               "the start, and what it prints is shown"),
        Return("object", "{launcher, options}: start with that launcher"),
        _REFUSE,
    ), 'function(input) {\n  return "bsub start --command ${ start.command } --name ${ start.name }";\n}\n'),
    Kind("start-event", "Start event", "Sees, changes or refuses a start that happens at once.", f.START_EVENT,
         _EVENT_RETURNS, "function(input) {\n  console.log(input.login.sub, input.data.command);\n}\n",
         actions=("session/start/start",)),
    Kind("schedule-event", "Schedule event", "Sees, changes or refuses a start that is scheduled.", f.START_EVENT,
         _EVENT_RETURNS, "function(input) {\n  console.log(input.login.sub, input.data.command);\n}\n",
         actions=("session/start/schedule",)),
    Kind("login-balance", "Login balancing", "One step in choosing the server that a person logs in on.",
         f.LOGIN_BALANCE, _BALANCE_RETURNS, "function(input) {\n  return input.local.serverId;\n}\n",
         actions=("user/login",)),
    Kind("start-balance", "Start balancing", "One step in choosing the server that a session starts on.",
         f.START_BALANCE, _BALANCE_RETURNS, "function(input) {\n  return input.local.serverId;\n}\n",
         actions=("session/start",)),
    Kind("metric", "Metric", "A value that goes with each update of this server's record.", f.METRIC, (
        Return("value", "a number, boolean, string, object or array, as metrics.NAME of the server"),
        Return("falsy", "the same; undefined and NaN become null"),
        Return("throw", "the metric keeps its last value, and the error is shown with it"),
    ), 'async function(input) {\n  const { stdout } = await exec(["nproc"]);\n  return Number(stdout);\n}\n',
         Limits(wall=10.0, output=65_536), may_run=True),
    Kind("event", "Event", "Sees, changes or refuses any other action on a session.", f.EVENT, _EVENT_RETURNS,
         "function(input) {\n  console.log(input.action, input.login.sub);\n}\n", actions=OTHER_ACTIONS),
)  # fmt: skip

BY_NAME = {kind.name: kind for kind in KINDS}


def find(name: str) -> Kind:
    """The row of this name or title; ``form filter``, ``form_filter`` and ``formFilter`` are ``form-filter`` too."""
    plain = {_letters(text): row for row in KINDS for text in (row.name, row.title)}
    row = plain.get(_letters(name))
    if row is None:
        raise NotFound(f"there is no kind of function {name!r}; there are: {', '.join(BY_NAME)}")
    return row


def _letters(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalpha())


def falsy(value: Any) -> bool:
    """As JavaScript has it: empty lists and objects are not."""
    if isinstance(value, (list, dict)):
        return False
    return not value or value != value


def read_result(kind: Kind, value: Any) -> Outcome:
    """What a returned JSON value means for this kind; FunctionFailed says what was returned and what may be."""
    if kind.name == "metric":
        return Measured(None if value != value else value)
    if falsy(value):
        return Continue()
    return _READERS[kind.name](kind, value)


def _form(kind: Kind, value: Any) -> Outcome:
    if value == SERVERLIST:
        return ShowServerList()
    if isinstance(value, str) and value.strip(" ‘’“”'\"").upper() == SERVERLIST:
        raise _wrong(kind, value, f"write '{SERVERLIST}' exactly so")
    return ShowForm(value) if isinstance(value, dict) else _raise(kind, value)


def _servers(kind: Kind, value: Any) -> Outcome:
    if not isinstance(value, list):
        return _raise(kind, value)
    for number, item in enumerate(value) if not isinstance(value, Picked) else ():
        if not isinstance(item, dict) or not isinstance(item.get("serverId"), str):
            raise _wrong(kind, value, f"element {number} is {_said(item)}, which is no server of input.servers")
    return Candidates(value if isinstance(value, Picked) else Picked(value))


def _schedule(kind: Kind, value: Any) -> Outcome:
    if isinstance(value, str):
        return Template(value)
    if not isinstance(value, dict):
        return _raise(kind, value)
    launcher, options = value.get("launcher"), value.get("options", {})
    if not isinstance(launcher, str) or not launcher or not isinstance(options, dict):
        raise _wrong(kind, value, "the object must have a launcher (text) and may have options (an object)")
    return Launch(launcher, options)


def _event(kind: Kind, value: Any) -> Outcome:
    if not isinstance(value, dict):
        return _raise(kind, value)
    data = value.get("data", value)
    if not isinstance(data, dict):
        raise _wrong(kind, value, f"its member data is {_said(data)}, not an object")
    return Changed(data)


def _balance(kind: Kind, value: Any) -> Outcome:
    return Chosen(value) if isinstance(value, str) else _servers(kind, value)


_READERS: Dict[str, Callable[[Kind, Any], Outcome]] = {
    "form-filter": _form, "server-list": _servers, "schedule": _schedule, "start-event": _event,
    "schedule-event": _event, "login-balance": _balance, "start-balance": _balance, "event": _event,
}  # fmt: skip


def _raise(kind: Kind, value: Any) -> Outcome:
    raise _wrong(kind, value)


def _wrong(kind: Kind, value: Any, why: str = "") -> FunctionFailed:
    allowed = ", ".join(row.when for row in kind.returns if row.when != "throw")
    said = f"The {kind.title.lower()} function returned {_said(value)}; it may return: {allowed}."
    return FunctionFailed(f"{said} {why[0].upper()}{why[1:]}." if why else said, cause="result")


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "null"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the string {value[:60]!r}"
    return "an array" if isinstance(value, list) else "an object"
