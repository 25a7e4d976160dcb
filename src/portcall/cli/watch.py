"""portcall ls --watch: the list, kept right by the server's events."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from portcall.cli import output
from portcall.errors import PortcallError
from portcall.model import codec, event
from portcall.model.session import Session

if TYPE_CHECKING:
    from portcall.client.api import Client

Wanted = Callable[[Sequence[Session]], list[Session]]


def watch(client: Client, everybody: bool, state: str, wanted: Wanted, as_json: bool) -> None:
    """Until interrupted. JSON is a line for the list and for each change after it."""
    login = "" if everybody else str((client.whoami().get("login") or {}).get("sub", ""))
    found, number = _list(client, everybody, state)
    _draw(wanted(list(found.values())), everybody, as_json)
    for came in client.events(number, everybody):
        if came.kind == "reset":
            found, _ = _list(client, everybody, state)
        elif came.kind == event.SESSION:
            one = codec.from_document(Session, came.document)
            if (login and one.login != login) or (state and one.state != state):
                found.pop(one.id, None)
            else:
                found[one.id] = one
        elif came.kind == event.SESSION_GONE:
            found.pop(str(came.document.get("id")), None)
        else:
            continue
        if as_json:
            output.document({"event": came.kind, "document": came.document}, indent=None)
            sys.stdout.flush()
        else:
            _draw(wanted(list(found.values())), everybody, as_json)


def _list(client: Client, everybody: bool, state: str) -> tuple[dict[str, Session], int]:
    sessions, number = client.listing(everybody, state)
    return {one.id: one for one in sessions}, number


def _draw(sessions: list[Session], everybody: bool, as_json: bool) -> None:
    from portcall.cli.listing import show

    if as_json:
        output.document({"event": "list", "sessions": sessions}, indent=None)
    else:
        if output.terminal():
            sys.stdout.write("\x1b[H\x1b[2J")  # home, and clear the screen
        show(sessions, everybody)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise PortcallError(f"standard output: {error.strerror}") from error
