"""The messages between a server and a user's processes. See docs/design/processes.md for who says what when.

On the wire a message is an object with ``type`` (the class's name in kebab-case) and its fields in camelCase. A request
carries ``seq``; its answer is a ``reply`` with the same ``seq`` and an ``error`` (a problem document) or a ``result``.
A message marked *fd* travels with descriptors (SCM_RIGHTS) attached to its first byte.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Type

from portcall.errors import ProtocolError
from portcall.model import codec

VERSION = 1


@dataclass(frozen=True)
class LinkHello:
    """Link → server, first: who it is. ``sessions`` are the ids alive in the user's runtime directory."""

    version: int
    pid: int
    sessions: List[str] = field(default_factory=list)
    started_by: str = "server"


@dataclass(frozen=True)
class SessionHello:
    """Session → server, first, after every connect: the whole record. ``phase`` is ``display`` until the display is
    alive, then ``running``. ``signature`` is the order's, empty for a start typed by hand. ``scripts`` are the events
    that it has a script for: of ``connect`` and ``disconnect`` the server tells it with ``Viewers``, and with one for
    ``terminate`` its end may take longer."""

    version: int
    pid: int
    session: Dict[str, Any]
    phase: str
    signature: str = ""
    scripts: List[str] = field(default_factory=list)


@dataclass(frozen=True)
class Welcome:
    """Server → link or session: the hello was accepted."""

    server_id: str
    version: int = VERSION


@dataclass(frozen=True)
class StartSession:
    """Server → link, request: start this order. Answered when the session process has been forked."""

    seq: int
    order: Dict[str, Any]


@dataclass(frozen=True)
class RunCommand:
    """Server → link, request: run ``argv`` as the user; answered with ``{code, stdout, stderr}``. ``bound``: it is
    killed when this connection, or the link, goes: who would hear its answer is not there any more."""

    seq: int
    argv: List[str]
    stdin: str = ""
    environment: Dict[str, str] = field(default_factory=dict)
    timeout: float = 60.0
    bound: bool = False


@dataclass(frozen=True)
class Adopt:
    """Server → link, request: look for sessions whose daemon died and give each a new one. Answered with
    ``{"sessions": [ids alive]}`` once each living session has a daemon; what cannot be revived has been cleaned up."""

    seq: int


@dataclass(frozen=True)
class Destroy:
    """Server → link, request: kill what is left of session ``id`` (its daemon included), remove its directory and its
    X sockets. Answered with ``{"found": bool}`` when nothing is left."""

    seq: int
    id: str


@dataclass(frozen=True)
class KeepWarm:
    """Server → link: how many displays to keep warm, and of which kind."""

    count: int
    geometry: str
    limits: Dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DisplayOpened:
    """Session → server, *fd*: one or more descriptors connected to the display, unasked, at the start."""

    id: str


@dataclass(frozen=True)
class SessionReport:
    """Session → server: members of the record that changed (camelCase). ``phase`` as in SessionHello if it changed.
    ``step`` names a step of the start that was taken, for the trace, ``took`` its seconds."""

    id: str
    changes: Dict[str, Any] = field(default_factory=dict)
    phase: str = ""
    step: str = ""
    took: float = 0.0


@dataclass(frozen=True)
class SessionEnded:
    """Session → server, last: why it is over and the end of its log. ``failed`` when it never came up, and then
    ``cause`` is the code of a StartFailed."""

    id: str
    reason: str
    failed: bool = False
    exit_code: Optional[int] = None
    log: str = ""
    cause: str = ""


@dataclass(frozen=True)
class OpenDisplay:
    """Server → session, request: answered with a reply, *fd*, holding descriptors connected to the display, one for
    each of ``count`` viewers that came together; or fewer, but one.

    Over a weblink there are none: the session dials once more with ``token``, which is good once, and answers when that
    connection leads to the display."""

    seq: int
    token: str = ""
    count: int = 1


@dataclass(frozen=True)
class EndSession:
    """Server → session, request: end it; answered at once, SessionEnded follows. ``grace`` seconds of SIGTERM."""

    seq: int
    reason: str
    grace: float = 5.0


@dataclass(frozen=True)
class ChangeSession:
    """Server → session, request: new ``name``, ``params`` (None deletes a key); answered with the record's members."""

    seq: int
    name: Optional[str] = None
    params: Dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ReadLog:
    """Server → session, request: the last ``size`` bytes of the log; answered with ``{"log": text, "size": n}``."""

    seq: int
    size: int = 65_536


@dataclass(frozen=True)
class ListProcesses:
    """Server → session, request: ``{"processes": [{pid, ppid, command, cpuPercentage, memory, started}]}``."""

    seq: int


@dataclass(frozen=True)
class Watched:
    """Server → session: how closely to watch resource use: every ``every`` seconds; 0 is hardly ever (nobody looks)."""

    every: float


@dataclass(frozen=True)
class Viewers:
    """Server → session, to one whose hello asks for it: how many look at it now, whenever that has changed."""

    count: int


@dataclass(frozen=True)
class Proceed:
    """Server → session: no other display is coming up any more; the command need not wait (StartOrder.patience)."""


@dataclass(frozen=True)
class Ping:
    """Both ways, over a weblink: proxies drop what is quiet, and who hears nothing for long has lost the other."""


@dataclass(frozen=True)
class Reply:
    seq: int
    result: Dict[str, Any] = field(default_factory=dict)
    error: Optional[Dict[str, Any]] = None


MESSAGES: Dict[str, Type[Any]] = {
    re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__).lower(): cls
    for cls in (
        LinkHello, SessionHello, Welcome, StartSession, RunCommand, Adopt, Destroy, KeepWarm, DisplayOpened,
        SessionReport, SessionEnded, OpenDisplay, EndSession, ChangeSession, ReadLog, ListProcesses, Watched, Viewers,
        Proceed, Ping, Reply,
    )
}  # fmt: skip
_TYPES = {cls: name for name, cls in MESSAGES.items()}


def to_wire(message: Any) -> Dict[str, Any]:
    document: Dict[str, Any] = codec.to_document(message)
    document["type"] = _TYPES[type(message)]
    return document


def from_wire(document: Dict[str, Any]) -> Any:
    """The message of a document; ProtocolError for a type that is not known or a member that is wrong."""
    cls = MESSAGES.get(str(document.get("type")))
    if cls is None:
        raise ProtocolError(f"unknown message type {document.get('type')!r}")
    try:
        return codec.from_document(cls, document)
    except Exception as error:
        raise ProtocolError(f"{document['type']}: {error}") from error
