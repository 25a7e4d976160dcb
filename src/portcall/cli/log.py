"""portcall log."""

from __future__ import annotations

import sys

import click

from portcall.cli import output
from portcall.cli.command import command, json_option, local_option, server_options
from portcall.cli.complete import sessions
from portcall.cli.reach import current, resolve


@command("log", examples=[
    ("portcall log 3f2a", "the end of what a session's programs wrote"),
    ("portcall log -f", "the server's log as it is written (for administrators)"),
])  # fmt: skip
@click.argument("session", required=False, shell_complete=sessions)
@click.option("--bytes", "size", type=click.IntRange(min=1), default=None, help="How much of the end; else 64 KiB.")
@click.option("--follow", "-f", is_flag=True, help="Follow the server's log; only without SESSION.")
@click.option("--level", type=click.Choice(["debug", "info", "warning", "error"]), default=None,
              help="The least severe lines of the server's log to show.")  # fmt: skip
@click.option("--raw", is_flag=True, help="Pass control characters on to the terminal as they are.")
@json_option
@local_option
@server_options
def log(session: str | None, size: int | None, follow: bool, level: str | None, raw: bool, as_json: bool) -> None:
    """Show a session's log, or follow the server's.

    Without SESSION it is the server's log, from now on, until interrupted.
    """
    if session is None:
        _server(level or "", as_json, raw)
        return
    if follow or level:
        raise click.UsageError("--follow and --level are for the server's log: leave SESSION out.")
    source = current().sessions()
    document = source.log(resolve(source, session).id, size)
    if as_json:
        output.document(document)
        return
    text = str(document["log"])
    safe = text if raw or not output.terminal() else output.neutral(text.replace("\r\n", "\n"), lines=True)
    sys.stdout.write(safe if safe.endswith("\n") or not safe else f"{safe}\n")


def _server(level: str, as_json: bool, raw: bool) -> None:
    for event in current().client().server_log(level):
        if event.kind in ("lost", "hello"):
            if event.kind == "lost":
                click.echo(f"portcall: {event.document['detail']} Trying again.", err=True)
            continue
        if as_json:
            output.document(event.document, indent=None)
        else:
            text = str(event.document.get("text") or event.document.get("line") or event.document)
            output.line(text if raw else output.neutral(text))
        sys.stdout.flush()
