"""portcall suspend, portcall terminate, portcall purge."""

from __future__ import annotations

import click

from portcall.cli import output
from portcall.cli.ask import confirmed
from portcall.cli.command import command, json_option, local_option, server_options
from portcall.cli.complete import sessions
from portcall.cli.reach import current, resolve
from portcall.model.session import Session

_sessions = click.argument("wanted", metavar="SESSION...", nargs=-1, required=True, shell_complete=sessions)


@command("suspend", examples=[("portcall suspend 3f2a", "send the viewers of a session away; it goes on")])
@_sessions
@json_option
@server_options
def suspend(wanted: tuple[str, ...], as_json: bool) -> None:
    """Make all viewers leave; the session goes on."""
    client = current().client()
    _report([client.suspend(resolve(client, text).id) for text in wanted], as_json)


@command("terminate", examples=[
    ("portcall terminate 3f2a", "end one session"),
    ("portcall terminate 3f2a 77c0 --json", "end two, and print what became of them"),
])  # fmt: skip
@_sessions
@json_option
@local_option
@server_options
def terminate(wanted: tuple[str, ...], as_json: bool) -> None:
    """End a session.

    Its programs are told to end, and after a while made to. Without a word when it worked.
    """
    source = current().sessions()
    _report([source.terminate(resolve(source, text).id) for text in wanted], as_json)


@command("purge", examples=[("portcall purge 3f2a --yes", "remove whatever is left of a session, without asking")])
@_sessions
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@local_option
@server_options
def purge(wanted: tuple[str, ...], yes: bool) -> None:
    """Remove a session's record, leftovers and processes.

    For what terminate cannot reach: a session that is lost, or one that does not end.
    """
    source = current().sessions()
    for one in [resolve(source, text) for text in wanted]:
        name = output.neutral(one.name or one.command)
        if yes or confirmed(f"Purge {one.id} ({name}, {one.state})? Its programs are killed and its record removed."):
            source.purge(one.id)


def _report(sessions: list[Session], as_json: bool) -> None:
    if as_json:
        output.document(sessions[0] if len(sessions) == 1 else sessions)
