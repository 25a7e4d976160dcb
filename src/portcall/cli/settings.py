"""portcall settings."""

from __future__ import annotations

import json
from typing import Any

import click

from portcall.cli import output
from portcall.cli.command import group, json_option, server_options
from portcall.cli.reach import Reach, current
from portcall.errors import NotFound, PortcallError


def _names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    try:
        found = (ctx.find_object(Reach) or Reach()).client().settings()
    except PortcallError:
        return []
    return [row["name"] for row in found if row["name"].startswith(incomplete)]


_name = click.argument("name", shell_complete=_names)


@group("settings", examples=[("portcall settings set start_timeout 90", "change a setting while the server runs")])
def settings() -> None:
    """List, read and change settings.

    A setting that flag, environment or file decides is fixed: it is changed there.
    """


@settings.command("ls", examples=[("portcall settings ls", "every setting with its value and what it is for")])
@click.option("--changed", is_flag=True, help="Only those that differ from their default.")
@json_option
@server_options
def ls(changed: bool, as_json: bool) -> None:
    """List all settings."""
    rows = [row for row in current().client().settings() if not changed or row["value"] != row["default"]]
    if as_json:
        output.document(rows)
        return
    cells = ((row["name"], text(row["value"]), row.get("unit"), _fixed(row), row["help"]) for row in rows)
    columns = ("SETTING", "VALUE", "UNIT", "DECIDED BY", "HELP")
    output.table(columns, cells, cut=False)
    _tell(rows)


@settings.command("get", examples=[("portcall settings get start_timeout", "the value alone, for a script")])
@_name
@json_option
@server_options
def get(name: str, as_json: bool) -> None:
    """Print the value of one setting."""
    row = next((row for row in current().client().settings() if row["name"] == name), None)
    if row is None:
        raise NotFound(f"There is no setting {name!r}. portcall settings ls lists them.")
    if as_json:
        output.document(row)
    else:
        output.line(output.neutral(text(row["value"])))
        _tell([row])


@settings.command("set", examples=[
    ("portcall settings set start_timeout 90", "a number"),
    ("portcall settings set seats_groups students=20,staff=50", "limits by group"),
])  # fmt: skip
@_name
@click.argument("value")
@json_option
@server_options
def set_(name: str, value: str, as_json: bool) -> None:
    """Change a setting; the server checks the value."""
    row = current().client().set_setting(name, value)
    if as_json:
        output.document(row)
    else:
        _tell([row])


def _tell(rows: list[dict[str, Any]]) -> None:
    """Of settings for which every start is refused."""
    for row in rows:
        if row.get("problem"):
            click.echo(f"portcall: {output.neutral(row['problem'])} ({_fixed(row) or 'settings set'})", err=True)


def text(value: Any) -> str:
    """A value as it would be typed."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ",".join(f"{key}={item}" for key, item in value.items())
    return value if isinstance(value, str) else json.dumps(value)


def _fixed(row: dict[str, Any]) -> str:
    return str(row.get("fixed") or ("" if row.get("live") else "portcall.toml, at a start"))
