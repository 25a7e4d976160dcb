"""portcall servers, portcall audit."""

from __future__ import annotations

from typing import Any

import click

from portcall.cli import output
from portcall.cli.command import command, json_option, server_options
from portcall.cli.reach import current


@command("servers", examples=[("portcall servers", "every server with its sessions, load and free memory")])
@json_option
@server_options
def servers(as_json: bool) -> None:
    """List the servers."""
    found = current().client().servers()
    if as_json:
        output.document(found)
        return
    columns = ("SERVER", "HOST", "SESSIONS", "LOGINS", "LOAD", "FREE", "UPTIME", "STARTS", "VERSION")
    output.table(columns, (_server(one) for one in found))


def _server(one: dict[str, Any]) -> list[object]:
    load = one.get("loadavg") or []
    return [
        one.get("serverId", ""),
        one.get("hostname", ""),
        one.get("sessions", ""),
        one.get("logins", ""),
        f"{load[0]:.2f}" if load else "",
        output.size(one["freemem"]) if "freemem" in one else "",
        output.span(one["uptime"]) if "uptime" in one else "",
        {True: "on", False: "off"}.get(one.get("startsEnabled"), ""),  # type: ignore[arg-type]
        one.get("version", ""),
    ]


@command("audit", examples=[
    ("portcall audit --limit 20", "the last twenty entries"),
    ("portcall audit --json", "as JSON, for a program"),
])  # fmt: skip
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="How many entries.")
@json_option
@server_options
def audit(limit: int, as_json: bool) -> None:
    """Show who did what, to which session, from where."""
    entries = current().client().audit(limit)
    if as_json:
        output.document(entries)
        return
    rows = (
        (
            output.moment(one.get("at")), one.get("login", ""), one.get("action", ""), one.get("session") or "",
            one.get("address") or "", one.get("outcome", ""), one.get("detail") or "",
        )
        for one in entries
    )  # fmt: skip
    columns = ("TIME", "LOGIN", "ACTION", "SESSION", "FROM", "OUTCOME", "DETAIL")
    output.table(columns, rows, empty="The audit log is empty.", cut=False)
