"""portcall launcher."""

from __future__ import annotations

import json
import os
import pwd
import shlex
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
    return [name for name in _launchers(_config(asked=False)).names() if name.startswith(incomplete)]


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
    for ignored in launchers.ignored():
        click.echo(f"portcall: {output.neutral(ignored)}", err=True)
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
    ("portcall launcher dry mine --start - --text", "the start on standard input; the invocation as lines to read"),
])  # fmt: skip
@click.option("--start", "start_file", metavar="FILE",
              help="A start as JSON: command, geometry, name, params, options (- for standard input).")  # fmt: skip
@click.option("--text", is_flag=True, help="As lines to read, instead of JSON.")
@click.argument("name", shell_complete=_names)
def dry(name: str, start_file: str | None, text: bool) -> None:
    """Print what a launcher would run for a start, as JSON: argv, stdin, env, user. Nothing is run.

    SIGNATURE and TOKEN stand for what only a server can make. What was set on the admin pages counts where the server
    of this configuration runs and may tell you.
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
    made = show(launchers, order, account, _service_user(config))
    if not text:
        output.document(made)
        return
    output.line(f"Runs as: {output.neutral(made['user'])}")
    command = shlex.join(made["argv"]) or "none: the user's link starts the session itself"
    output.line(f"Command: {output.neutral(command, lines=True)}")
    for title, lines in (
        ("Environment", "\n".join(f"{key}={value}" for key, value in made["env"].items())),
        ("Standard input", made["stdin"]),
    ):
        if lines:
            output.line(f"{title}:\n{output.neutral(lines.rstrip(), lines=True)}")


@launcher.command("run", examples=[("portcall launcher run custom", "a terminal, by the custom launcher")])
@click.option("--start", "start_file", metavar="FILE",
              help="A start as JSON: command, geometry, name, params, options (- for standard input).")  # fmt: skip
@click.argument("name", shell_complete=_names)
@server_options
def run(name: str, start_file: str | None) -> None:
    """Start a session by this launcher, whatever else would be chosen; for administrators.

    Prints the session as JSON; of one that is scheduled, what the launcher said goes to standard error.
    """
    from portcall.cli.start import request, scheduled, through_server
    from portcall.jobs.dry import start_in

    given = start_in(_start(start_file))
    given = {member: value for member, value in given.items() if member not in ("login", "signature")}
    session, _ = scheduled(through_server(current(), request({**given, "launcher": name}), False))
    output.document(session)


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


def _config(asked: bool = True) -> Config:
    """As the server of this configuration has it: ``asked`` for what was set on the pages, where it runs and tells."""
    from portcall import config
    from portcall.jobs.administered import DEFAULT, OPTIONS

    found = config.load(one_person=os.geteuid() != 0 and not _SYSTEM.is_dir())
    wanted = [name for name in (DEFAULT, OPTIONS) if asked and name not in found.fixed]
    if wanted and (told := _settings_of(found.directories.runtime)) is not None:
        found.values.update({name: told[name] for name in wanted if name in told})
    return found


def _settings_of(runtime: Path) -> dict[str, Any] | None:
    """Of the server that listens there; None, which is told a person, where it cannot be asked."""
    from portcall.client.address import Address, listens, prefix, trusted
    from portcall.client.api import Client

    socket = runtime / "api.sock"
    if not trusted(runtime, os.getuid()) or not listens(socket):
        said = "no server of this configuration runs here"
    else:
        try:
            with Client(Address(f"http://localhost{prefix(runtime)}", str(socket))) as client:
                return {row["name"]: row["value"] for row in client.settings()}
        except PortcallError as error:
            said = output.neutral(error.detail)
    click.echo(f"portcall: what was set on the admin pages is not known: {said}", err=True)
    return None


def _launchers(config: Config) -> Launchers:
    from portcall import plugins, userside
    from portcall.client.address import public_url
    from portcall.jobs.launchers import Launchers
    from portcall.jobs.settings import site_settings, weblink_port
    from portcall.model.launch import Weblink

    def settings() -> dict[str, str]:
        return site_settings(config.directories.config, os.environ)

    def weblink(order: Any, account: Any) -> Weblink:
        """As a server would say it: on a port of its own, or where it listens anyway."""
        given = settings()
        port, host = weblink_port(given), given.get("WEBLINK_HOST", "").strip() or config["host"]
        scheme = "http" if config["tls"] == "off" else "https"
        here = f"{scheme}://{host}:{config['port']}{str(config['url_prefix']).rstrip('/')}"
        said = str(config["public_url"]).rstrip("/") or public_url(config.directories.runtime)
        url = f"{scheme}://{host}:{port}" if port else said or here
        uri = "/" + (given.get("WEBLINK_URI", "").strip().strip("/") or "weblink")
        return Weblink(given.get("WEBLINK_URL", "").rstrip("/") or url, "", order.login, uri)

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
