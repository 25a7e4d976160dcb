"""portcall server: runs it, or asks the one that runs. Its flags are the rows of the settings table."""

from __future__ import annotations

import os
import signal
import socket
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from portcall import config
from portcall.cli import output
from portcall.cli.command import CONTEXT, Command, Group, json_option, server_options
from portcall.cli.reach import current
from portcall.errors import InvalidValue, PortcallError, ServerUnreachable

if TYPE_CHECKING:
    import pwd

    from portcall.client.address import Address


def _flags() -> list[click.Parameter]:
    """An option for each setting."""
    flags: list[click.Parameter] = []
    for row in config.SETTINGS:
        default = "" if row.default in ("", {}) else f" [{_shown(row.default)}]"
        unit = f", in {row.unit}" if row.unit else ""
        flags.append(
            click.Option(
                [f"--{row.name.replace('_', '-')}", row.name],
                help=f"{row.help}{unit}{default}",
                metavar="|".join(row.choices)
                or {bool: "yes|no", dict: "NAME=N,…"}.get(row.kind, row.kind.__name__.upper()),
            )
        )
    return flags


def _shown(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


class _Server(Group):
    """Without a command of its own it runs the server, with the settings' flags."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        return [*super().get_params(ctx)[:-1], *_flags(), super().get_params(ctx)[-1]]


@click.group("server", cls=_Server, invoke_without_command=True, context_settings=CONTEXT, examples=[
    ("portcall server", "for you alone; prints the link that lets you in"),
    ("portcall server --service --host 0.0.0.0 --tls auto", "for all who have an account (by a service manager)"),
    ("portcall server --user ann --port 0", "as root: for ann alone, on any free port"),
    ("portcall server link", "a fresh link to one's own server"),
])  # fmt: skip
@click.option(
    "--one-person", "mode", flag_value="one-person", help="For you alone: the link's token lets in, no password."
)
@click.option(
    "--service", "mode", flag_value="service", help="For everybody with an account; what root gets by default."
)
@click.option("--user", metavar="NAME", help="As root: run for this person alone, as that account.")
def server(mode: str | None, user: str | None, **flags: Any) -> int:
    """Run a server, or ask the one that runs.

    Each option is a setting; in portcall.toml it has the same name, in the environment PORTCALL_ before it.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    if (invoked := click.get_current_context().invoked_subcommand) is not None:
        if given or mode or user:
            raise click.UsageError(f"Options of the server do not go with {invoked}.")
        return 0
    if user and mode == "service":
        raise click.UsageError("--user is for one person; a service runs as it is started.")
    if user:
        become(user)
    one_person = mode == "one-person" or bool(user) or (mode is None and os.geteuid() != 0)
    if one_person and os.geteuid() == 0:
        click.echo(
            "portcall: running as root for one person: sessions are root's. --user NAME runs it for NAME.", err=True
        )
    made = config.load(given, one_person=one_person)
    from portcall import app

    return int(app.run(made) or 0)


def become(name: str) -> None:
    """Be that account from now on, for good: groups, ids, home and the names in the environment."""
    import pwd

    try:
        account = pwd.getpwnam(name)
    except KeyError:
        raise InvalidValue(f"There is no account {name!r} on this host.", field="user") from None
    if account.pw_uid == os.geteuid():
        return
    if os.geteuid() != 0:
        raise InvalidValue("--user is for root: another account cannot be taken on.", field="user")
    os.initgroups(account.pw_name, account.pw_gid)
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    _take_environment(account)


def _take_environment(account: pwd.struct_passwd) -> None:
    for variable in [name for name in os.environ if name.startswith(("XDG_", "SUDO_", "DBUS_", "SSH_"))]:
        del os.environ[variable]
    os.environ.update(
        HOME=account.pw_dir, USER=account.pw_name, LOGNAME=account.pw_name, SHELL=account.pw_shell or "/bin/sh"
    )
    for variable in ("XAUTHORITY", "MAIL", "PORTCALL_TOKEN"):
        os.environ.pop(variable, None)
    os.chdir(account.pw_dir if Path(account.pw_dir).is_dir() else "/")


def _running() -> Address:
    """The server of this host, by its socket."""
    address = current().client().address
    if not address.socket:
        raise ServerUnreachable("No server of yours, and no service, runs on this host.")
    return address


def _pid(address: Address) -> int:
    """The process that listens on the server's socket, as the kernel says (SO_PEERCRED)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.connect(address.socket)
        pid, _, _ = struct.unpack("3i", probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return int(pid)


@server.command("link", cls=Command, context_settings=CONTEXT, examples=[
    ("portcall server link", "print it; it lets in whoever opens it first"),
])  # fmt: skip
@json_option
def link(as_json: bool) -> None:
    """Print a fresh link to your own one-person server."""
    from portcall.client.address import local
    from portcall.client.api import Client

    for address in local(os.environ):
        with Client(address) as client:
            if client.server().get("onePerson"):
                document = client.fresh_link()
                break
    else:
        raise ServerUnreachable("No one-person server of yours runs on this host. portcall server starts one.")
    if as_json:
        output.document(document)
    else:
        output.line(output.neutral(document["url"]))


@server.command("status", cls=Command, context_settings=CONTEXT, examples=[
    ("portcall server status", "version, address, sessions and process of the server"),
])  # fmt: skip
@json_option
@server_options
def status(as_json: bool) -> None:
    """Show whether the server runs, and how it is."""
    client = current().client()
    about = client.server()
    sessions = client.sessions()
    found: dict[str, Any] = {
        "serverId": about.get("serverId"),
        "version": about.get("version"),
        "address": str(client.address),
        "pid": _pid(client.address) if client.address.socket else None,
        "onePerson": about.get("onePerson"),
        "methods": [row["name"] for row in about.get("methods", [])],
        "ownSessions": len(sessions),
    }
    if as_json:
        output.document(found)
        return
    found["onePerson"] = "one person" if found["onePerson"] else "everybody with an account"
    names = {"serverId": "server", "onePerson": "for", "ownSessions": "your sessions", "methods": "logins by"}
    output.facts((names.get(name, name), ", ".join(value) if isinstance(value, list) else value)
                 for name, value in found.items())  # fmt: skip


@server.command("reload", cls=Command, context_settings=CONTEXT, examples=[
    ("portcall server reload", "read portcall.toml and the files beside it again"),
])  # fmt: skip
def reload() -> None:
    """Make the server of this host read its configuration again."""
    pid = _pid(_running())
    try:
        os.kill(pid, signal.SIGHUP)
    except PermissionError as error:
        raise PortcallError(
            f"The server is process {pid} of another account: ask its administrator.", pid=pid
        ) from error
