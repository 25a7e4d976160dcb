"""What administrators' functions are given, field by field, as the seeds' documents have it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple


@dataclass(frozen=True)
class Field:
    """``type``: string, number, boolean, object, array of string, array of object, or any of them with ``?``."""

    name: str
    type: str
    help: str
    fields: Tuple[Field, ...] = ()


def _fields(*rows: Tuple[str, str, str]) -> Tuple[Field, ...]:
    return tuple(Field(*row) for row in rows)


SERVER = _fields(
    ("serverId", "string", "the server's id: what balancing returns"),
    ("hostname", "string", "its host name"),
    ("urls", "array of string", "addresses that clients may use: public_url, else where it listens"),
    ("sessions", "number", "running sessions, counting those placed a moment ago"),
    ("pending", "number", "sessions that were asked for and do not run yet"),
    ("uniqueSessionUsers", "number", "different users with sessions"),
    ("logins", "number", "logins, daemons' left out"),
    ("uniqueLogins", "number", "different users among them"),
    ("loggedInUsers", "array of string", "their names"),
    ("uptime", "number", "seconds since it started"),
    ("cpu", "number", "per cent of all cores in use"),
    ("loadavg", "array of number", "load of the last 1, 5 and 15 minutes"),
    ("cpus", "number", "processor cores"),
    ("totalmem", "number", "bytes of memory"),
    ("freemem", "number", "bytes of memory that are free, less what was just placed"),
    ("version", "string", "its release"),
    ("staticData", "object", "what the administrator says about it, such as gpu, group, users, login"),
    ("metrics", "object", "values of the metrics, by their names"),
    ("external", "boolean", "it cannot dial other members"),
    ("reservations", "boolean", "one person at a time"),
    ("reserved", "boolean", "somebody has it"),
    ("loginsEnabled", "boolean", "it takes logins"),
    ("startsEnabled", "boolean", "it takes new sessions"),
    ("draining", "boolean", "it takes no new sessions for a while"),
    ("updated", "number", "when this was so, in seconds since 1970"),
    ("lastPlaced", "number", "when a session was last placed on it, 0 for never"),
)

SESSION = _fields(
    ("id", "string", "its id"), ("serverId", "string", "the server it is on"),
    ("login", "string", "whose it is"), ("user", "string", "the Linux user it runs as"),
    ("hostname", "string", "its host"), ("display", "string", "its X display"),
    ("geometry", "string", "WIDTHxHEIGHT or rootless"), ("windowMode", "string", "desktop or rootless"),
    ("command", "string", "what runs in it"), ("name", "string", "its name"),
    ("params", "object", "values that its user may change"), ("profile", "string", "its profile"),
    ("state", "string", "pending, running, suspended, ending, ended or lost"),
    ("started", "number?", "when it came up; none while it is pending"),
    ("lastConnect", "number?", "when somebody last connected"),
    ("lastDisconnect", "number?", "when somebody last left"),
    ("clients", "number", "viewers"), ("launcher", "string", "what started it"), ("job", "object?", "its job"),
    ("cpuPercentage", "number", "processor use"), ("memory", "number", "bytes"),
)  # fmt: skip

LOGIN_CLAIMS = _fields(
    ("sub", "string", "the login name"), ("iss", "string", "the server that let it in"),
    ("iat", "number", "since when, in seconds since 1970"), ("exp", "number", "until when"),
    ("aud", "string", "web, api or link"), ("jti", "string", "its id"), ("login", "string", "the login name"),
    ("serverId", "string", "the server that the user logged in on"),
    ("fastx/daemon", "boolean?", "it is a link's"),
)  # fmt: skip

_SESSIONS = Field("sessions", "array of object", "sessions of this login name", SESSION)
LOGIN = (*LOGIN_CLAIMS, _SESSIONS)
# before anybody is let in: the clustering guide, "Login Script"
CLAIMANT = (
    Field("login", "string", "the name that was passed during the authentication"),
    Field("serverId", "string", "the server that was asked for; may be empty"),
    _SESSIONS,
)

START = _fields(
    ("command", "string", "what is to run"), ("geometry", "string", "WIDTHxHEIGHT or rootless"),
    ("name", "string", "the session's name"), ("params", "object", "answers of forms and other values"),
    ("profile", "string", "the profile"), ("keyboardLayout", "string", "the keyboard's layout"),
    ("id", "string?", "an id that was asked for"), ("bookmarkId", "string?", "the bookmark used"),
    ("userdata", "string?", "historical"), ("userid", "string?", "historical"),
)  # fmt: skip

FORM = _fields(
    ("id", "string", "its id"),
    ("name", "string", "its name"),
    ("html", "string", "its inputs in HTML"),
    ("data", "object", "the administrator's own values for this function"),
)

_USER = Field("user", "object", "the login that asks", LOGIN)
_DATA = Field("data", "object", "what was sent from the API call", START)
_ADMIN = Field("isAdmin", "boolean", "is the user an administrator")
_MANAGER = Field("isManager", "boolean", "is the user a manager")
_GROUPS = Field("userGroups", "array of string", "the user's Linux groups")
_SERVERS = Field("servers", "array of object", "the servers to choose from", SERVER)
_ACTION = Field("action", "string", "the action that will be executed")
_LOCAL = Field("local", "object", "the server that runs this function",
               (Field("serverId", "string", "its id"),))  # fmt: skip

FORM_FILTER = (
    _DATA, _USER, _ADMIN, _MANAGER, _GROUPS, Field("forms", "array of object", "forms not answered yet, in order", FORM)
)  # fmt: skip
SERVER_LIST = (_DATA, _USER, _SERVERS, _ADMIN, _MANAGER, _GROUPS)
SCHEDULE = (
    _USER,
    Field("admin", "boolean", "is the user an administrator"),
    Field("start", "object", "what was passed to the start API call", START),
)
START_EVENT = (_ACTION, Field("login", "object", "the login that asks", LOGIN), _DATA)
EVENT = (
    _ACTION, Field("login", "object", "the login that asks", LOGIN),
    Field("data", "object", "what was sent from the API call"),
    Field("session", "object?", "the session that it is about", SESSION),
)  # fmt: skip
START_BALANCE = (_ACTION, _USER, _GROUPS, _MANAGER, _ADMIN, _LOCAL, _SERVERS, _DATA)
LOGIN_BALANCE = (
    _ACTION, Field("user", "object", "who wants to log in; nobody has checked it yet", CLAIMANT), _GROUPS, _MANAGER,
    _ADMIN, _LOCAL, _SERVERS, Field("data", "object", "what was sent from the API call"),
)  # fmt: skip
METRIC = (
    Field("name", "string", "the metric's name"), _LOCAL,
    Field("previous", "any", "what it returned the last time, or null"),
)  # fmt: skip
