"""portcall explain."""

from __future__ import annotations

from typing import Any

import click

from portcall.cli import output
from portcall.cli.command import command, json_option, server_options
from portcall.cli.complete import sessions
from portcall.cli.reach import current, resolve
from portcall.errors import NotFound, PortcallError


@command("explain", examples=[
    ("portcall explain 3f2a", "how a session's start went, step by step"),
    ("portcall explain", "the last starts, refused ones too"),
])  # fmt: skip
@click.argument("session", required=False, shell_complete=sessions)
@click.option(
    "--all", "-a", "everybody", is_flag=True, help="Without SESSION: everybody's starts, if you may see them."
)
@json_option
@server_options
def explain(session: str | None, everybody: bool, as_json: bool) -> None:
    """Show each step of a start: what was decided, and why.

    SESSION may also be the id of a start that was refused.
    """
    client = current().client()
    if session is None:
        traces = client.traces(everybody)
        if as_json:
            output.document(traces)
        else:
            rows = (
                (output.moment(one.get("at")), one["id"], one.get("login"), one.get("outcome"), _last(one))
                for one in traces
            )
            output.table(("TIME", "ID", "LOGIN", "OUTCOME", "LAST STEP"), rows, empty="No starts yet.")
        return
    try:
        trace = client.session_trace(resolve(client, session).id)
    except PortcallError as error:
        if error.status != NotFound.status:
            raise
        trace = client.trace(session)
    if as_json:
        output.document(trace)
    else:
        show(trace)


def _last(trace: dict[str, Any]) -> str:
    steps = trace.get("steps") or [{}]
    return str(steps[-1].get("step", ""))


def show(trace: dict[str, Any]) -> None:
    """A step each: when, how long, what came of it; servers below with what kept or dropped them."""
    steps = trace.get("steps") or []
    first = steps[0].get("at", 0.0) if steps else 0.0
    output.line(f"start {output.neutral(trace.get('id', ''))}: {output.neutral(trace.get('outcome') or 'under way')}")
    widest = max((len(output.neutral(step.get("step", ""))) for step in steps), default=0)
    for step in steps:
        at = float(step.get("at") or first) - first
        took = float(step.get("took") or 0.0)
        words = [output.neutral(step.get("result") or "")]
        if step.get("detail"):
            words.append(output.neutral(step["detail"]))
        text = ": ".join(word for word in words if word)
        name = output.neutral(step.get("step", ""))
        output.line(f"  {at * 1000:8.1f} ms  {took * 1000:8.1f} ms  {name:<{widest}}  {text}".rstrip())
        _chain(step)
        for server in _servers(step.get("servers")):
            output.line(f"{'':6}{server}")


def _chain(step: dict[str, Any]) -> None:
    """The steps of load balancing: how many servers went in and came out, what was said, what a function printed."""
    chain = [one for one in step.get("chain") or [] if isinstance(one, dict)]
    for number, one in enumerate(chain, 1):
        name = one.get("name") or "before the chain"
        took = float(one.get("took") or 0.0) * 1000
        rule = f"; rule: {one['rule']}" if one.get("rule") and one.get("rule") != name else ""
        said = (
            f"{name}: {one.get('result', '')} ({one.get('before', 0)} to {one.get('after', 0)} servers, {took:.1f} ms)"
        )
        output.line(output.neutral(f"      {number}. {said}{rule}"))
        for printed in one.get("log") or []:
            output.line(output.neutral(f"         | {printed}"))


def _table(rows: list[dict[str, Any]]) -> list[str]:
    """Every server with what kept or dropped it, in columns; the chosen ones first."""
    cells = [("", "SERVER", "RULE", "FIGURE", "STEP")]
    for one in sorted(rows, key=lambda row: not row.get("kept")):
        figure = one.get("figure")
        cells.append((
            "*" if one.get("kept") else "", str(one.get("serverId", "")), str(one.get("rule") or ""),
            "" if figure is None else str(figure), str(one.get("step") or ""),
        ))  # fmt: skip
    safe = [[output.neutral(cell) or "-" for cell in row] for row in cells]
    safe = [[" " if cell == "-" and not column else cell for column, cell in enumerate(row)] for row in safe]
    widths = [max(map(output.width, column)) for column in zip(*safe, strict=True)]
    return [
        "  ".join(cell + " " * (wide - output.width(cell)) for cell, wide in zip(row, widths, strict=True)).rstrip()
        for row in safe
    ]


def _servers(found: Any) -> list[str]:
    """A server each, with the rule and the figure that kept or dropped it."""
    if isinstance(found, dict):
        found = [{"serverId": name, **(value if isinstance(value, dict) else {"detail": value})}
                 for name, value in found.items()]  # fmt: skip
    if isinstance(found, list) and found and all(isinstance(one, dict) and "kept" in one for one in found):
        return _table(found)
    lines = []
    for one in found if isinstance(found, list) else []:
        if isinstance(one, dict):
            name = one.get("serverId") or one.get("server") or ""
            rest = ", ".join(f"{key}: {value}" for key, value in one.items() if key not in ("serverId", "server"))
            lines.append(output.neutral(f"{name}  {rest}".rstrip()))
        else:
            lines.append(output.neutral(one))
    return lines
