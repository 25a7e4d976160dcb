"""portcall log."""

from __future__ import annotations

import sys
from typing import Any

import click

from portcall.cli import output
from portcall.cli.command import command, json_option, local_option, server_options
from portcall.cli.complete import sessions
from portcall.cli.reach import current, resolve

LEVELS = ("debug", "info", "warning", "error", "critical")


@command("log", examples=[
    ("portcall log 3f2a", "the end of what a session's programs wrote"),
    ("portcall log -f --level warning", "the server's log as it is written, from warnings up (for administrators)"),
])  # fmt: skip
@click.argument("session", required=False, shell_complete=sessions)
@click.option(
    "--bytes", "size", type=click.IntRange(1, 1_048_576), default=None, help="How much of the end; else 64 KiB."
)
@click.option("--follow", "-f", is_flag=True, help="Stay and follow the server's log; only without SESSION.")
@click.option(
    "--lines",
    "-n",
    type=click.IntRange(0, 2000),
    default=None,
    help="How many of the last lines of the server's log; else 100.",
)
@click.option(
    "--level", type=click.Choice(LEVELS), default=None, help="The least severe lines of the server's log to show."
)
@click.option("--raw", is_flag=True, help="Pass control characters on to the terminal as they are.")
@json_option
@local_option
@server_options
def log(session: str | None, size: int | None, follow: bool, lines: int | None, level: str | None, raw: bool,
        as_json: bool) -> None:  # fmt: skip
    """Show a session's log, or follow the server's.

    Without SESSION it is the server's log.
    """
    if session is None:
        _server(100 if lines is None else lines, follow, level or "debug", as_json)
        return
    if follow or level or lines is not None:
        raise click.UsageError("--follow, --lines and --level are for the server's log: leave SESSION out.")
    source = current().sessions()
    document = source.log(resolve(source, session).id, size)
    if as_json:
        output.document(document)
        return
    text = str(document["log"])
    safe = text if raw or not output.terminal() else output.neutral(text.replace("\r\n", "\n"), lines=True)
    sys.stdout.write(safe if safe.endswith("\n") or not safe else f"{safe}\n")


def _server(lines: int, follow: bool, level: str, as_json: bool) -> None:
    for event in current().client().server_log(lines, follow):
        if event.kind == "lost":
            click.echo(f"portcall: {event.document['detail']} Trying again.", err=True)
        if event.kind != "line" or _below(event.document.get("level"), level):
            continue
        if as_json:
            output.document(event.document, indent=None)
        else:
            output.line(_text(event.document))
        sys.stdout.flush()


def _below(level: object, least: str) -> bool:
    return level in LEVELS and LEVELS.index(str(level)) < LEVELS.index(least)


def _text(line: dict[str, Any]) -> str:
    """A line of the structured log: when, how severe, what, and the rest as names with values."""
    first = ("timestamp", "level", "event")
    rest = " ".join(f"{name}={value}" for name, value in line.items() if name not in first)
    when, level, what = (str(line.get(name, "")) for name in first)
    return output.neutral(f"{when} {level:<8} {what} {rest}".strip())
