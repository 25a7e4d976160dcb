"""StartRequest → StartOrder → Invocation → Output → Outcome: the values that a start passes through.

StartRequest is what the user asked, StartOrder what one server does, Invocation a command, Output what it printed,
Outcome one of NeedForm, NeedAuth, Scheduled, Started.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Tuple, Union

from portcall.errors import InvalidValue
from portcall.model import codec
from portcall.model.ids import is_session_id
from portcall.model.job import Job

ROOTLESS = "rootless"
ORDER_VARIABLE = "PORTCALL_ORDER"  # in a scheduled command's environment: the start object, as JSON
ORDER_VALID = 92 * 86400.0  # seconds that a scheduled job may wait for its turn; ended ones are refused as long
RESERVED_PARAMS = ("name", "icon", "bookmarkId", "clientVersion", "clientId", "clientIP", "clientTransport")
_GEOMETRY = re.compile(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})\Z")
_LAYOUT = re.compile(r"[a-z0-9]{2,16}(?:\([a-z0-9_-]{1,32}\))?(?:-[a-z0-9_]{1,32})?\Z", re.IGNORECASE)
MAX_COMMAND, MAX_NAME, MAX_PARAMS = 32_768, 256, 65_536  # bytes of UTF-8
MAX_DEPTH = 32  # of params within params
SCRIPTS = ("start", "connect", "disconnect", "params", "terminate")  # events; a profile's script is on_start, …
MAX_SCRIPT = 4096  # bytes of each: they travel with the order, also in one variable of a job's environment
FAREWELL = 30.0  # seconds that the end of a session waits for its last script


@dataclass(frozen=True)
class StartRequest:
    """What the user asked. ``key`` repeats: the same key from the same login is the same session. ``answered`` are
    the forms that the client has shown. ``notices``: it shows those that ask nothing, too. ``review``: only ask what
    remains to be asked; start nothing. ``launcher``: an administrator tries this one, whatever else would be chosen,
    with these ``launcher_options``.
    """

    command: str
    geometry: str = ""
    name: str = ""
    params: Dict[str, Any] = field(default_factory=dict)
    profile: str = "default"
    keyboard_layout: str = "us"
    id: str = ""
    bookmark_id: str = ""
    userdata: Optional[str] = None
    userid: Optional[str] = None
    key: str = ""
    answered: List[str] = field(default_factory=list)
    notices: bool = False
    review: bool = False
    launcher: str = ""
    launcher_options: Dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StartOrder:
    """What one server does. ``signature`` lets the session prove that it came through the pipeline.

    ``limits`` are the figures of the profile that the user side needs: ``display open_gl window_manager geometry``,
    and its event scripts, ``on_start`` and so on.
    ``patience``: for so many seconds the command waits while other displays come up.
    """

    id: str
    login: str
    user: str
    command: str
    geometry: str
    window_mode: str
    name: str = ""
    params: Dict[str, Any] = field(default_factory=dict)
    profile: str = "default"
    keyboard_layout: str = "us"
    launcher: str = "direct"
    limits: Dict[str, Any] = field(default_factory=dict)
    start_timeout: float = 60.0
    signature: str = ""
    options: Dict[str, Any] = field(default_factory=dict)
    patience: float = 0.0


@dataclass(frozen=True)
class Invocation:
    """A command for a link to run as the user, in their home; ``as_service``: for the server to run as itself.
    ``argv`` empty: the link starts the session itself. ``timeout``: seconds after which it is killed."""

    argv: Tuple[str, ...] = ()
    stdin: str = ""
    environment: Dict[str, str] = field(default_factory=dict)
    as_service: bool = False
    timeout: float = 60.0


@dataclass(frozen=True)
class Output:
    """What an invocation printed. ``at`` is when, in seconds since 1970, where somebody looked at the clock."""

    code: int
    stdout: str = ""
    stderr: str = ""
    at: float = 0.0


@dataclass(frozen=True)
class NeedForm:
    """An empty ``form``: nothing remains to be asked, and the client wanted to know just that."""

    form: Dict[str, Any]


@dataclass(frozen=True)
class NeedAuth:
    attempt: str
    prompts: List[Dict[str, Any]]
    title: str = ""
    instructions: str = ""


@dataclass(frozen=True)
class Scheduled:
    """It comes up later, by itself. ``text`` is what the launcher said, ``job`` what it submitted, where it knows."""

    session_id: str
    text: str = ""
    job: Optional[Job] = None


@dataclass(frozen=True)
class Started:
    session_id: str


Outcome = Union[NeedForm, NeedAuth, Scheduled, Started]


def start_object(order: StartOrder) -> Dict[str, Any]:
    """What a start script is given: what the user asked, and what lets the session prove whose it is."""
    names = ("id", "login", "command", "geometry", "windowMode", "name", "params", "profile", "keyboardLayout",
             "launcher", "limits", "startTimeout", "signature")  # fmt: skip
    document: Dict[str, Any] = codec.to_document(order)
    return {name: document[name] for name in names}


def parse_geometry(text: str) -> Tuple[int, int]:
    """``WxH`` in pixels; InvalidValue names what is allowed."""
    match = _GEOMETRY.match(text)
    if not match:
        raise InvalidValue(
            f"geometry {text!r}: write WIDTHxHEIGHT in pixels, such as 1280x800, or {ROOTLESS}", field="geometry"
        )
    width, height = int(match.group(1)), int(match.group(2))
    if not (64 <= width <= 16384 and 64 <= height <= 16384):
        raise InvalidValue(f"geometry {text!r}: each side is 64 to 16384 pixels", field="geometry")
    return width, height


def check_given(request: StartRequest) -> None:
    """What must be right before anything else is looked at: it names the trace, or could not even be written down."""
    if request.id and not is_session_id(request.id):
        raise InvalidValue("id: letters, digits, - and _, 64 at most", field="id")
    check_params(request.params)
    check_params(request.launcher_options, name="launcherOptions")


def check(request: StartRequest) -> StartRequest:
    """The request itself, or InvalidValue for the first field that cannot be right."""
    check_text("command", request.command, MAX_COMMAND, required=True)
    check_name(request.name)
    if request.geometry not in ("", ROOTLESS):
        parse_geometry(request.geometry)
    if not _LAYOUT.match(request.keyboard_layout):
        raise InvalidValue(
            f"keyboardLayout {request.keyboard_layout!r}: such as us, de or us-intl", field="keyboardLayout"
        )
    check_text("profile", request.profile, MAX_NAME)
    check_text("bookmarkId", request.bookmark_id, MAX_NAME)
    check_text("userdata", request.userdata or "", MAX_PARAMS)
    check_text("userid", request.userid or "", MAX_NAME)
    if request.launcher_options and not request.launcher:
        raise InvalidValue("launcherOptions: they go with a launcher: name it, too", field="launcherOptions")
    check_given(request)
    return request


def check_name(name: str) -> None:
    check_text("name", name, MAX_NAME)
    if any(character in name for character in "\n\r"):
        raise InvalidValue("name: one line only", field="name")


def check_params(params: Dict[str, Any], limit: int = MAX_PARAMS, name: str = "params") -> None:
    """Keys are non-empty text; the whole stays small enough to list."""
    for key in params:
        if not key or "\0" in key or len(key) > 128:
            raise InvalidValue(f"{name}: a key is 1 to 128 characters", field=name)
    if not _shallow(params, MAX_DEPTH):
        raise InvalidValue(f"{name}: nested {MAX_DEPTH} deep at most", field=name)
    try:
        size = len(json.dumps(params, ensure_ascii=False, allow_nan=False).encode())
    except (ValueError, RecursionError):  # NaN, half of a surrogate pair, or nested without end
        raise InvalidValue(f"{name}: not JSON text", field=name) from None
    if size > limit:
        raise InvalidValue(f"{name}: {limit} bytes at most in all", field=name)


def _shallow(value: Any, depth: int) -> bool:
    if not isinstance(value, (dict, list)):
        return True
    members = value.values() if isinstance(value, dict) else value
    return depth > 0 and all(_shallow(member, depth - 1) for member in members)


def check_text(field_name: str, value: str, limit: int, required: bool = False) -> None:
    if required and not value.strip():
        raise InvalidValue(f"{field_name}: it is needed", field=field_name)
    if "\0" in value:
        raise InvalidValue(f"{field_name}: no NUL characters", field=field_name)
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise InvalidValue(f"{field_name}: not valid text", field=field_name) from None
    if size > limit:
        raise InvalidValue(f"{field_name}: {limit} bytes at most", field=field_name)
