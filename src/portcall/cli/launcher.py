"""portcall launcher."""

from __future__ import annotations

import json
import os
import pwd
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from portcall.cli import output
from portcall.cli.command import group, json_option, server_options
from portcall.cli.reach import current
from portcall.errors import InvalidValue, PortcallError

if TYPE_CHECKING:
    from portcall.config import Config
    from portcall.jobs.launchers import Launchers

_SYSTEM = Path("/etc/portcall")


@group("launcher", examples=[
    ("portcall launcher list", "what may start sessions on this host"),
    ("portcall launcher dry custom --start start.json", "the command, stdin and environment, without running it"),
])  # fmt: skip
def launcher() -> None:
    """Show launchers, and what they would run, without a server; or try one.

    The configuration directory is $FX_CONFIG_DIR, else /etc/portcall where there is one, else one's own.
    """


def _names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in _launchers(_config()).names() if name.startswith(incomplete)]


@launcher.command("list", examples=[("portcall launcher list --json", "with their options")])
@json_option
def list_launchers(as_json: bool) -> None:
    """List the launchers: those that are shipped and the site's own."""
    from portcall.model import codec

    config = _config()
    launchers = _launchers(config)
    found: list[dict[str, Any]] = []
    for name in launchers.names():
        row: dict[str, Any] = {"name": name, "own": launchers.is_own(name), "default": name == config["launcher"]}
        try:
            one = launchers.get(name)
            row.update(title=one.title, help=one.help, options=[codec.to_document(option) for option in one.options])
        except PortcallError as error:
            row.update(title=name, help="", options=[], problem=error.detail)
        found.append(row)
    if as_json:
        output.document(found)
        return
    rows = (
        (
            row["name"] + (" (default)" if row["default"] else ""), row["title"],
            "your own" if row["own"] else "shipped",
            ", ".join(option["name"] for option in row["options"]), row.get("problem") or row["help"],
        )
        for row in found
    )  # fmt: skip
    output.table(("LAUNCHER", "TITLE", "IS", "OPTIONS", "WHAT IT DOES"), rows)


@launcher.command("dry", examples=[
    ("portcall launcher dry custom", "for a made-up start"),
    ("portcall launcher dry slurm --start start.json", 'such as {"command": "xterm", "options": {"time": "2:00:00"}}'),
    ("portcall launcher dry mine --start -", "the start on standard input"),
])  # fmt: skip
@click.option("--start", "start_file", metavar="FILE",
              help="A start as JSON: command, geometry, name, params, options (- for standard input).")  # fmt: skip
@click.argument("name", shell_complete=_names)
def dry(name: str, start_file: str | None) -> None:
    """Print what a launcher would run for a start, as JSON: argv, stdin, env, user. Nothing is run.

    SIGNATURE and TOKEN stand for what only a server can make. What was set on the admin pages is not known here.
    """
    from portcall.jobs.dry import dry as show
    from portcall.jobs.dry import order_of
    from portcall.login.accounts import read_account

    config = _config()
    launchers = _launchers(config)
    launchers.get(name)
    start = _start(start_file)
    login = str(start.get("login") or "") or pwd.getpwuid(os.getuid()).pw_name
    try:
        account = read_account(login)
    except KeyError:
        raise InvalidValue(f"login: there is no account {login!r} on this host", field="login") from None
    order = order_of(start, name, account, launchers)
    output.document(show(launchers, order, account, _service_user(config)))


@launcher.command("run", examples=[("portcall launcher run custom", "a terminal, by the custom launcher")])
@click.option("--start", "start_file", metavar="FILE",
              help="A start as JSON: command, geometry, name, params (- for standard input).")  # fmt: skip
@click.argument("name", shell_complete=_names)
@server_options
def run(name: str, start_file: str | None) -> None:
    """Start a session by this launcher, whatever else would be chosen; for administrators.

    Prints the session as JSON; of one that is scheduled, with what the launcher said as text.
    """
    from portcall.cli.start import request, through_server
    from portcall.jobs.dry import MEMBERS

    given = _start(start_file)
    asked = request({member: given[member] for member in MEMBERS if member in given})
    output.document(through_server(current(), replace(asked, launcher=name), False))


def _start(file: str | None) -> dict[str, Any]:
    if file is None:
        return {"command": "xterm", "name": "A terminal"}
    try:
        with click.open_file(file, encoding="utf-8") as stream:
            document = json.load(stream)
    except OSError as error:
        raise InvalidValue(f"{file}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidValue(f"{file}: not JSON: {error}") from error
    if not isinstance(document, dict):
        raise InvalidValue(f'{file}: a start is a JSON object, such as {{"command": "xterm"}}')
    return document


def _config() -> Config:
    from portcall import config

    return config.load(one_person=os.geteuid() != 0 and not _SYSTEM.is_dir())


def _launchers(config: Config) -> Launchers:
    from portcall import plugins, userside
    from portcall.jobs.launchers import Launchers
    from portcall.jobs.settings import site_settings
    from portcall.model.launch import Weblink

    def settings() -> dict[str, str]:
        return site_settings(config.directories.config, os.environ)

    def weblink(order: Any, account: Any) -> Weblink | None:
        given = settings()
        if not given.get("WEBLINK_PORT"):
            return None
        url = given.get("WEBLINK_URL") or f"http://127.0.0.1:{given['WEBLINK_PORT']}"
        return Weblink(url, "", order.login, given.get("WEBLINK_URI") or "/weblink")

    target, python = config.directories.runtime / "lib", str(config["user_python"])
    return Launchers(
        config, lambda name: plugins.find("launchers", name), lambda: plugins.names("launchers"),
        lambda: userside.installed() or userside.root_of(target, python), weblink, settings,
    )  # fmt: skip


def _service_user(config: Config) -> str:
    """Whose the server's data is; before the first start, who asks."""
    try:
        uid = config.directories.var.stat().st_uid
    except OSError:
        uid = os.geteuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
