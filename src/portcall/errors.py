"""Every error that a person may read: a stable code, an HTTP status, a sentence.

An implementation catches its library's errors and raises one of these, ``from`` the cause. Only ``web``, ``cli`` and
the daemons turn them into answers. ``detail`` is for a person; ``extra`` travels as members of the RFC 9457 document.
"""

from __future__ import annotations

from typing import Any, Dict, Optional, Type


class PortcallError(Exception):
    """Base of all errors that a person may read."""

    code = "error"
    status = 500
    title = "Something went wrong."

    def __init__(self, detail: str = "", **extra: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.extra = extra

    def problem(self) -> Dict[str, Any]:
        """The RFC 9457 document, without the instance's id."""
        return {
            **self.extra,
            "type": f"urn:portcall:error:{self.code}",
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }


class BadRequest(PortcallError):
    code, status, title = "bad-request", 400, "The request cannot be understood."


class InvalidValue(PortcallError):
    """``extra['field']`` names the field at fault."""

    code, status, title = "invalid-value", 422, "A value is not valid."


class NotLoggedIn(PortcallError):
    code, status, title = "not-logged-in", 401, "Log in first."


class LoginFailed(PortcallError):
    code, status, title = "login-failed", 401, "The login was not accepted."


class LoginExpired(PortcallError):
    code, status, title = "login-expired", 401, "The login has expired; log in again."


class TooManyAttempts(PortcallError):
    """``extra['retry_after']`` seconds."""

    code, status, title = "too-many-attempts", 429, "Too many failed attempts; wait before the next."


class Forbidden(PortcallError):
    code, status, title = "forbidden", 403, "This is not permitted for your login."


class MissingHeader(PortcallError):
    code, status, title = "missing-header", 403, "A change needs the header X-Portcall."


class NotFound(PortcallError):
    code, status, title = "not-found", 404, "There is no such thing here."


class NoSuchSession(PortcallError):
    code, status, title = "no-such-session", 404, "There is no such session."


class Conflict(PortcallError):
    code, status, title = "conflict", 409, "The state of the session does not allow this."


class RevisionConflict(PortcallError):
    code, status, title = "revision-conflict", 409, "The document was changed by another in between."


class InUse(PortcallError):
    """``extra['usedBy']``: ``{kind, id}`` of each that uses it."""

    code, status, title = "in-use", 409, "It is in use."


class UnknownProfile(PortcallError):
    code, status, title = "unknown-profile", 422, "There is no such profile."


class ProfileForbidden(PortcallError):
    """``extra['profiles']``: the names of those that one may choose instead."""

    code, status, title = "profile-forbidden", 403, "This profile is not for you."


class SeatsTaken(PortcallError):
    code, status, title = "seats-taken", 409, "The limit of sessions at once is reached."


class StartsDisabled(PortcallError):
    code, status, title = "starts-disabled", 409, "This server does not take new sessions."


class StartFailed(PortcallError):
    """The session did not come up; ``extra['log']`` has the last lines of what it said."""

    code, status, title = "start-failed", 502, "The session did not start."


class LaunchFailed(StartFailed):
    """The launcher refused, or its program did; nothing of the session itself was run."""

    code, title = "launch-failed", "The launcher did not start the session."


class CommandNotRun(StartFailed):
    code, title = "command-not-run", "The command cannot be run."


class NoWindow(StartFailed):
    code, title = "no-window", "The command ended without having opened a window."


class NoWindowManager(StartFailed):
    code, title = "no-window-manager", "The window manager that the session needs cannot be started."


class NotInTime(StartFailed):
    code, title = "not-in-time", "The session did not come up in time."


class Terminated(StartFailed):
    """Somebody did not want it any more: no failure."""

    code, status, title = "terminated", 409, "Its end was asked for before it ran."


class SchedulerSilent(PortcallError):
    code, status, title = "scheduler-silent", 502, "The job scheduler does not answer."


class NoLink(PortcallError):
    """No way to run anything as the user; the detail names each attempt."""

    code, status, title = "no-link", 502, "No process could be started as the user."


class DisplayUnavailable(PortcallError):
    code, status, title = "display-unavailable", 502, "The session's display does not answer."


class TicketRefused(PortcallError):
    code, status, title = "ticket-refused", 403, "The ticket is not valid: wrong, used or expired."


class WeblinkRefused(PortcallError):
    code, status, title = "weblink-refused", 403, "The weblink's token is not accepted."


class WeblinkOver(PortcallError):
    """The session was purged, or is long over: it may end itself."""

    code, status, title = "weblink-over", 410, "The session is over."


class StoreUnavailable(PortcallError):
    code, status, title = "store-unavailable", 503, "The store cannot be written or read."


class SettingRefused(PortcallError):
    code, status, title = "setting-refused", 422, "The setting was not accepted."


class UnknownPlugin(PortcallError):
    code, status, title = "unknown-plugin", 422, "There is no such implementation."


class FunctionInvalid(PortcallError):
    """``extra``: function, line, column, hint."""

    code, status, title = "function-invalid", 422, "The function cannot be read."


class FunctionThrew(PortcallError):
    """An administrator's function refused; the detail is what it threw, for the user to read.

    ``extra``: function, name, line, column, stack, log.
    """

    code, status, title = "function-threw", 409, "A function of the administrator's refused this."


class FunctionFailed(PortcallError):
    """An administrator's function did not end well; ``extra``: function, cause, log.

    ``cause``: time, memory, crash, unsettled, result, output, missing.
    """

    code, status, title = "function-failed", 502, "A function of the administrator's did not work."


class FunctionsBusy(PortcallError):
    code, status, title = "functions-busy", 503, "Too many functions are waiting to run; try again."


class NoServerFits(PortcallError):
    """``extra['servers']``: for each server what dropped it."""

    code, status, title = "no-server-fits", 409, "No server fits."


class ServerUnreachable(PortcallError):
    code, status, title = "server-unreachable", 503, "The server cannot be reached."


class ProtocolError(PortcallError):
    """The other side broke the protocol."""

    code, status, title = "protocol-error", 502, "The other side said something that the protocol does not allow."


def by_code(code: str) -> Optional[Type[PortcallError]]:
    """The class with this stable code, or None."""
    pending = [PortcallError]
    while pending:
        cls = pending.pop()
        if cls.code == code:
            return cls
        pending.extend(cls.__subclasses__())
    return None


def start_failure(code: Optional[str]) -> Type[StartFailed]:
    """What kind of failed start this is; whoever says it may be wrong, or newer than we are."""
    found = by_code(code or "")
    return found if found is not None and issubclass(found, StartFailed) else StartFailed


def from_problem(document: Dict[str, Any]) -> PortcallError:
    """The error that a problem document was made from; an unknown code gives the base with that code."""
    known = ("type", "title", "status", "code", "detail")
    extra = {key: value for key, value in document.items() if key not in known}
    cls = by_code(str(document.get("code", "")))
    error = (cls or PortcallError)(str(document.get("detail") or document.get("title") or ""), **extra)
    if cls is None and "code" in document:
        error.code = str(document["code"])
        error.status = int(document.get("status", 500))
    return error
