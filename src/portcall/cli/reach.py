"""How a command reaches sessions: through a server, or without one through the session daemons of this host."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from portcall.errors import Forbidden, InvalidValue, NoSuchSession, NotFound, ServerUnreachable

if TYPE_CHECKING:
    from portcall.cli.local import Local
    from portcall.client.api import Client
    from portcall.model.session import Session


@dataclass
class Reach:
    """What the options said."""

    url: str = ""
    ca: str = ""
    local: bool = False

    def client(self) -> Client:
        """The server's client; InvalidValue where the person wanted none."""
        if self.local:
            raise InvalidValue("--local asks no server, but this needs one")
        from portcall.client.api import open_client

        client = open_client(self.url, self.ca)
        if context := click.get_current_context(silent=True):
            context.find_root().call_on_close(client.close)
        return client

    def sessions(self) -> Client | Local:
        """The server, or the session daemons of this host where no server was named and none answers here."""
        from portcall.cli.local import Local

        if self.local:
            return Local()
        client = self.client()
        if client.address.given or client.address.socket or not client.address.on_this_host:
            return client
        try:
            client.server()
        except ServerUnreachable as error:
            if not error.extra.get("refused"):
                raise
            client.close()
            if sys.stderr.isatty():
                click.echo("portcall: no server runs here; this is about your sessions on this host", err=True)
            return Local()
        return client


def current() -> Reach:
    """The one of the command that runs."""
    return click.get_current_context().ensure_object(Reach)


def resolve(source: Client | Local, text: str) -> Session:
    """The session that a person means: its id, the beginning of it, or its name if it is the only one so named."""
    from portcall.model.ids import is_session_id

    if is_session_id(text) and len(text) >= 20:
        try:
            return source.session(text)
        except (NotFound, NoSuchSession):
            pass
    own = source.sessions()
    found = _matching(own, text)
    if not found:
        try:
            found = _matching(source.sessions(everybody=True), text)
        except Forbidden:
            found = []
    if not found:
        raise NoSuchSession(f"There is no session {text!r}. portcall ls lists them.")
    if len(found) > 1:
        from portcall.cli.output import neutral

        which = ", ".join(f"{session.id} ({neutral(session.name) or 'no name'})" for session in found[:8])
        raise InvalidValue(f"{text!r} is more than one session: {which}. Write more of the id.")
    return found[0]


def _matching(sessions: Sequence[Session], text: str) -> list[Session]:
    """The most exact kind of match that there is."""
    from portcall.model import lifecycle

    kinds: list[Callable[[Session], bool]] = [
        lambda session: session.id == text,
        lambda session: session.name == text and session.state in lifecycle.LIVE,
        lambda session: session.name == text,
        lambda session: bool(text) and session.id.startswith(text),
    ]
    for matches in kinds:
        if found := [session for session in sessions if matches(session)]:
            return found
    return []
