"""portcall screenshot, portcall processes."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from portcall.cli import output
from portcall.cli.command import command, json_option, local_option, server_options, session_argument
from portcall.cli.reach import current, resolve
from portcall.clock import Clock
from portcall.errors import PortcallError


@command("screenshot", examples=[
    ("portcall screenshot 3f2a -o wing.png", "save the screen as wing.png"),
    ("portcall screenshot 3f2a --width 320 -o - > small.png", "a small one, on standard output"),
])  # fmt: skip
@session_argument
@click.option("--output", "-o", "target", metavar="FILE", default="",
              help="Where to; else ID.png in this directory. - is standard output; .webp gives WebP.")  # fmt: skip
@click.option("--width", type=click.IntRange(16, 16384), default=None, help="Scale to this width.")
@server_options
def screenshot(session: str, target: str, width: int | None) -> None:
    """Save a picture of a session's screen."""
    if target == "-" and output.terminal():
        raise click.UsageError("A picture is not for a terminal: send it to a file.")
    client = current().client()
    one = resolve(client, session)
    picture = client.screenshot(one.id, width, "webp" if target.endswith(".webp") else "png")
    if target == "-":
        sys.stdout.buffer.write(picture)
        return
    path = Path(target or f"{one.id}.png")
    try:
        path.write_bytes(picture)
    except OSError as error:
        raise PortcallError(f"{path} cannot be written: {error.strerror}") from error
    if not target:
        output.line(str(path))


@command("processes", examples=[("portcall processes 3f2a", "what runs in a session, with processor use and memory")])
@session_argument
@json_option
@local_option
@server_options
def processes(session: str, as_json: bool) -> None:
    """List a session's processes."""
    source = current().sessions()
    found = source.processes(resolve(source, session).id)
    if as_json:
        output.document(found)
        return
    now = Clock().now()
    rows = (
        (
            one["pid"], one["ppid"], f"{one['cpuPercentage']:.0f}%", output.size(one["memory"]),
            output.span(now - one["started"]), one["command"],
        )
        for one in found
    )  # fmt: skip
    output.table(("PID", "PARENT", "CPU", "MEMORY", "AGE", "COMMAND"), rows, empty="No processes.")
