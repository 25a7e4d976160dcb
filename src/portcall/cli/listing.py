"""portcall ls, portcall info."""

from __future__ import annotations

from collections.abc import Sequence

import click

from portcall.cli import output
from portcall.cli.command import command, json_option, local_option, server_options, session_argument
from portcall.cli.queue import words
from portcall.cli.reach import current, resolve
from portcall.clock import Clock
from portcall.model import codec, lifecycle
from portcall.model.session import Session

COLUMNS = ("ID", "NAME", "STATE", "SERVER", "GEOMETRY", "AGE", "VIEWERS", "CPU", "MEMORY", "COMMAND")


@command("ls", examples=[
    ("portcall ls", "your sessions that live, as a table"),
    ("portcall ls --ended --json", "those that have ended too, as JSON"),
    ("portcall ls --watch", "the table, drawn again whenever something changes"),
])  # fmt: skip
@click.option("--all", "-a", "everybody", is_flag=True, help="Everybody's sessions, if you may see them.")
@click.option("--ended", "-e", is_flag=True, help="Also sessions that have ended.")
@click.option("--state", type=click.Choice(lifecycle.STATES), default=None, help="Only sessions in this state.")
@click.option("--watch", "-w", is_flag=True, help="Stay and show changes as they happen.")
@json_option
@local_option
@server_options
def ls(everybody: bool, ended: bool, state: str | None, watch: bool, as_json: bool) -> None:
    """List sessions."""

    def wanted(sessions: Sequence[Session]) -> list[Session]:
        chosen = [one for one in sessions if state or ended or one.state in lifecycle.LIVE]
        return sorted(chosen, key=lambda one: (one.created, one.id))

    if watch:
        from portcall.cli.watch import watch as follow

        follow(current().client(), everybody, state or "", wanted, as_json)
        return
    sessions = wanted(current().sessions().sessions(everybody, state or ""))
    if as_json:
        output.document(sessions)
    else:
        show(sessions, everybody)


def show(sessions: Sequence[Session], everybody: bool = False) -> None:
    columns = (*COLUMNS[:2], "LOGIN", *COLUMNS[2:]) if everybody else COLUMNS
    rows = [row(one, everybody, output.terminal()) for one in sessions]
    if any(one.job is not None for one in sessions):
        columns = (*columns[:-1], "JOB", columns[-1])
        rows = [[*cells[:-1], words(one), cells[-1]] for one, cells in zip(sessions, rows, strict=True)]
    output.table(columns, rows, empty="No sessions. Start one: portcall start xterm")


def row(one: Session, everybody: bool, short: bool) -> list[object]:
    """A session's cells; ``short`` shortens the id as far as it is still one person's to tell apart."""
    begun = one.started or one.created
    measured = one.memory > 0  # nothing that runs uses none: it has just begun, or it is over
    return [
        one.id[:10] if short else one.id,
        one.name,
        *([one.login] if everybody else []),
        one.state,
        one.server_id,
        "rootless" if one.window_mode == "rootless" else one.geometry,
        output.span((one.ended or Clock().now()) - begun) if begun else "",
        one.clients,
        f"{one.cpu_percentage:.0f}%" if measured else "",
        output.size(one.memory) if measured else "",
        one.command,
    ]


@command("info", examples=[
    ("portcall info 3f2a", "the session whose id begins with 3f2a"),
    ("portcall info simulation --json", "the session named simulation, as JSON"),
])  # fmt: skip
@session_argument
@json_option
@local_option
@server_options
def info(session: str, as_json: bool) -> None:
    """Show everything about a session.

    SESSION is an id, the beginning of one, or a name that only one session has.
    """
    one = resolve(current().sessions(), session)
    if as_json:
        output.document(one)
        return
    output.facts(_facts(one))


def _facts(one: Session) -> list[tuple[str, object]]:
    of_jobs = {"startsFrom", "startsTo", "started", "endsAt", "submitted", "seen"}
    times = {"created", "started", "ended", "lastConnect", "lastDisconnect", "endsAt"}
    sizes = {"memory", "bytesOut"}
    pairs: list[tuple[str, object]] = []
    for name, value in codec.to_document(one).items():
        if name in times:
            value = output.moment(value)
        elif name in ("cpuPercentage", "memory") and not one.memory:
            value = None  # not measured
        elif name in sizes:
            value = output.size(value)
        elif name == "cpuPercentage":
            value = f"{value:.1f} %"
        if isinstance(value, dict):
            moments = of_jobs if name == "job" else set()
            pairs += [(f"{name}.{key}", output.moment(item) if key in moments else item) for key, item in value.items()]
        else:
            pairs.append((name, value))
    return [(output.neutral(name), value) for name, value in pairs]
