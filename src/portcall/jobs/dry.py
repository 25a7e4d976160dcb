"""What a launcher would run for a start: shown, never run, and without a server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from portcall.errors import InvalidValue
from portcall.jobs.launchers import Launchers
from portcall.jobs.refused import as_launch_failed
from portcall.model import codec
from portcall.model.profile import DEFAULT
from portcall.model.start import ROOTLESS, StartOrder, StartRequest, check
from portcall.model.user import Account

MEMBERS = ("command", "geometry", "name", "params", "profile", "keyboardLayout", "id")
_OTHERS = ("options", "launcherOptions", "login", "bookmarkId", "userdata", "userid", "key")
_MADE = ("launcher", "signature", "windowMode", "limits", "startTimeout")  # what a server has added for a script
SIGNATURE, TOKEN = "SIGNATURE", "TOKEN"  # in the place of what only a server can make


def order_of(start: Mapping[str, Any], name: str, account: Account, launchers: Launchers) -> StartOrder:
    """The order that a server would make of it; ``start`` is a start's document, as of the API or of a script's stdin.

    InvalidValue for the first member that cannot be right.
    """
    start = start_in(start)
    for member in ("bookmarkId", "key"):
        if start.get(member):
            raise InvalidValue(f"{member}: only a server knows what it means: portcall launcher run", field=member)
    known = {member: start[member] for member in MEMBERS if start.get(member) is not None}
    request = check(codec.from_document(StartRequest, {"command": "xterm", **known}))
    chosen = start.get("options") or start.get("launcherOptions") or {}
    if not isinstance(chosen, dict):
        raise InvalidValue("options: an object is needed", field="options")
    geometry = request.geometry or DEFAULT.geometry
    return StartOrder(
        request.id or "dry-run", account.name, account.name, request.command, geometry,
        ROOTLESS if geometry == ROOTLESS else "desktop", request.name, request.params, request.profile,
        request.keyboard_layout, name, codec.to_document(DEFAULT), signature=SIGNATURE,
        options=launchers.options(name, request.params, chosen),
    )  # fmt: skip


def start_in(document: Mapping[str, Any]) -> dict[str, Any]:
    """The start of a file: as the API and ``portcall start`` have it, or the stdin of a script. InvalidValue for a
    member that nobody would look at: it is misspelt."""
    start = dict(document)
    if isinstance(start.get("start"), dict):  # the whole of a script's stdin
        start = {"options": start.get("options", {}), **start["start"]}
    for member in start:
        if member not in (*MEMBERS, *_OTHERS, *_MADE):
            known = ", ".join((*MEMBERS, *_OTHERS))
            raise InvalidValue(f"there is no member {member!r} of a start; there are: {known}", field=member)
    return start


def dry(launchers: Launchers, order: StartOrder, account: Account, service_user: str) -> dict[str, Any]:
    """``argv stdin env user asService``. An empty argv: the user's link starts the session itself."""
    launcher, host = launchers.get(order.launcher), launchers.host(order, account)
    if host.weblink is not None:
        host = replace(host, weblink=replace(host.weblink, primary=TOKEN))
    with as_launch_failed():
        made = launcher.invocation(order, host)
    return {
        "argv": list(made.argv), "stdin": made.stdin, "env": dict(made.environment),
        "user": service_user if made.as_service else account.name, "asService": made.as_service,
    }  # fmt: skip
