"""portcall rename, portcall param."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import click

from portcall.cli import output
from portcall.cli.command import command, group, json_option, local_option, server_options, session_argument
from portcall.cli.reach import current, resolve
from portcall.errors import InvalidValue
from portcall.model.session import Session
from portcall.model.start import RESERVED_PARAMS


@command("rename", examples=[("portcall rename 3f2a 'Wing, run 12'", "name the session whose id begins with 3f2a")])
@session_argument
@click.argument("name")
@json_option
@local_option
@server_options
def rename(session: str, name: str, as_json: bool) -> None:
    """Give a session another name."""
    source = current().sessions()
    changed = source.change(resolve(source, session).id, name=name)
    if as_json:
        output.document(changed)


@group("param", examples=[("portcall param set 3f2a project=wing", "set the param project of a session")])
def param() -> None:
    """List, set and remove a session's params.

    Params are keys with values that go with a session. They inform; nothing is decided by them after the start.
    """


@param.command("ls", examples=[("portcall param ls 3f2a", "a session's params, a line each")])
@session_argument
@json_option
@local_option
@server_options
def param_ls(session: str, as_json: bool) -> None:
    """List a session's params."""
    _show(resolve(current().sessions(), session), as_json)


@param.command("set", examples=[
    ("portcall param set 3f2a project=wing run=12", "both values are text"),
    ("portcall param set 3f2a --typed run=12 final=true", "a number and a boolean"),
])  # fmt: skip
@session_argument
@click.argument("pairs", metavar="KEY=VALUE...", nargs=-1, required=True)
@click.option("--typed", is_flag=True, help="Read values as JSON: numbers, true, false, null, objects.")
@json_option
@local_option
@server_options
def param_set(session: str, pairs: tuple[str, ...], typed: bool, as_json: bool) -> None:
    """Set params of a session."""
    params = dict(pair(text, typed) for text in pairs)
    _free(params)
    source = current().sessions()
    changed = source.change(resolve(source, session).id, params=params)
    if as_json:
        _show(changed, as_json)


@param.command("rm", examples=[("portcall param rm 3f2a project run", "remove two params")])
@session_argument
@click.argument("keys", metavar="KEY...", nargs=-1, required=True)
@json_option
@local_option
@server_options
def param_rm(session: str, keys: tuple[str, ...], as_json: bool) -> None:
    """Remove params from a session."""
    _free(keys)
    source = current().sessions()
    changed = source.change(resolve(source, session).id, params=dict.fromkeys(keys))
    if as_json:
        _show(changed, as_json)


def pair(text: str, typed: bool = False) -> tuple[str, Any]:
    """KEY=VALUE as a person wrote it."""
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise click.UsageError(f"{text!r} is not KEY=VALUE.")
    if not typed:
        return key, value
    try:
        return key, json.loads(value)
    except ValueError as error:
        raise click.UsageError(f"{text!r}: the value is not JSON: {error}.") from error


def _free(keys: Iterable[str]) -> None:
    """The server sets these itself, and would leave them as they are without a word."""
    for key in keys:
        if key == "name":
            raise InvalidValue("The param name is the session's name: portcall rename changes it.", field=key)
        if key in RESERVED_PARAMS:
            raise InvalidValue(f"The param {key} is the server's: it cannot be changed.", field=key)


def _show(session: Session, as_json: bool) -> None:
    if as_json:
        output.document(session.params)
        return
    rows = [(key, value if isinstance(value, str) else json.dumps(value)) for key, value in session.params.items()]
    output.table(("KEY", "VALUE"), rows, empty="This session has no params.", cut=False)
