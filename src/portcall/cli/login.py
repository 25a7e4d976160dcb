"""portcall login, portcall logout."""

from __future__ import annotations

import contextlib
import getpass
import os
import socket
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import click

from portcall.cli import output
from portcall.cli.ask import answers, confirmed, need_person, one
from portcall.cli.command import command, json_option, server_options
from portcall.cli.reach import current
from portcall.client import trust
from portcall.client.address import Address, parse
from portcall.client.credentials import Credential, Credentials
from portcall.clock import Clock
from portcall.errors import InvalidValue, LoginFailed, NotLoggedIn, PortcallError, ServerUnreachable

if TYPE_CHECKING:
    from portcall.cli.keys import Key
    from portcall.client.api import Client


@command("login", examples=[
    ("portcall login --url https://viz.example.org", "with name and password, as the server asks"),
    ("portcall login viz.example.org --user ann --key ~/.ssh/id_ed25519", "with a key, through the server's sshd"),
    ("portcall login 'http://127.0.0.1:3300/#token=…'", "with the link of a server that runs for one person"),
])  # fmt: skip
@click.argument("where", metavar="[URL]", required=False)
@click.option("--user", "-u", help="The account on the server; else yours here.")
@click.option("--method", help="The way to log in, such as pam or ssh; else the server's first.")
@click.option("--key", metavar="FILE", help="A private key, or the public half (.pub) of one in the agent.")
@click.option("--agent", is_flag=True, help="The keys of the SSH agent, in their order.")
@click.option("--fingerprint", metavar="SHA256", help="Trust the server's certificate if this is its fingerprint.")
@click.option(
    "--keep", is_flag=True, help="Keep the token in your configuration, where it outlives your desktop's login."
)
@json_option
@server_options
def login(where: str | None, user: str | None, method: str | None, key: str | None, agent: bool,
          fingerprint: str | None, keep: bool, as_json: bool) -> None:  # fmt: skip
    """Log in to a server and keep the token.

    On a server's own host this is not needed: the server knows you by your account. A certificate that no authority
    vouches for is shown by its fingerprint; once you agree, it alone is believed at that address.
    """
    reach = current()
    token = ""
    if where:
        parts = urlsplit(where if "://" in where else f"https://{where}")
        token = parse_qs(parts.fragment).get("token", [""])[0]
        reach.url = reach.url or parts._replace(fragment="").geturl()
    from portcall.client import api

    client = api.open_client(reach.url, reach.ca, anonymous=True)
    closing = click.get_current_context().call_on_close
    closing(client.close)
    if client.address.socket and not user and not method:
        _already(client, as_json)
        return
    client, pinned = _reached(client, reach.ca, fingerprint or "")
    closing(client.close)
    if token:
        stage = client.login(method="token", token=token, name=_name())
    else:
        stage = _by_method(client, method, user or getpass.getuser(), key, agent)
    _kept(client.address, stage, pinned, keep, as_json)


def _already(client: Client, as_json: bool) -> None:
    document = client.whoami()
    if as_json:
        output.document(document)
        return
    who = output.neutral(document["login"]["sub"])
    output.line(
        f"The server on this host knows you as {who}; there is nothing to log in to. Another server: --url URL."
    )


def _reached(client: Client, ca: str, fingerprint: str) -> tuple[Client, str]:
    """A client that the server answers, and the certificate that was agreed to for it, if one had to be."""
    from portcall.client.api import Client

    try:
        client.server()
    except ServerUnreachable as error:
        if not error.extra.get("certificate") or ca:
            raise
    else:
        return client, client.http.pinned
    pem = trust.fetch(client.address.url)
    shown = trust.fingerprint(pem)
    if fingerprint:
        if not trust.same_fingerprint(fingerprint, shown):
            raise PortcallError(f"{client.address.url} shows a certificate with another fingerprint: {shown}")
    else:
        old = " It is NOT the one that was agreed to before." if client.http.pinned else ""
        click.echo(
            f"No authority known here vouches for {client.address.url}.{old}\n"
            f"Its certificate has the SHA-256 fingerprint\n  {shown}", err=True,
        )  # fmt: skip
        if not confirmed("Is this what its administrator says?"):
            raise PortcallError("Not logged in: the certificate was not agreed to.")
    agreed = Client(client.address, pinned=pem)
    agreed.server()
    return agreed, pem


def _by_method(client: Client, method: str | None, user: str, key: str | None, agent: bool) -> dict[str, Any]:
    offered = client.server()["methods"]
    names = [str(row["name"]) for row in offered]
    if key or agent:
        method = method or "ssh"
    elif method is None:
        method = next((str(row["name"]) for row in offered if row.get("user")), names[0] if names else "")
    row = next((row for row in offered if row["name"] == method), None)
    if row is None:
        raise InvalidValue(f"This server offers no login by {method!r}; it offers: {', '.join(names) or 'none'}.")
    if method == "token":
        raise InvalidValue("This server takes the link that it printed at its start: portcall login 'LINK'.")
    given: dict[str, Any] = {"method": method, "name": _name()}
    if row.get("user"):
        given["user"] = user
    if key or agent:
        return _by_key(client, given, user, key)
    if row.get("password"):
        given["password"] = _password(f"{user} at {client.address.host or 'this host'}")
    return converse(client, client.login(**given), None, user)


def _by_key(client: Client, given: dict[str, Any], user: str, key: str | None) -> dict[str, Any]:
    """With the first key that the server takes."""
    from portcall.cli import keys

    refused: LoginFailed | None = None
    for found in keys.from_file(key) if key else keys.from_agent():
        try:
            return converse(client, client.login(**given, publicKey=found.public), found, user)
        except LoginFailed as error:
            refused = error
    raise refused or LoginFailed("The SSH agent holds no key.")


def converse(client: Client, stage: dict[str, Any], key: Key | None, user: str) -> dict[str, Any]:
    """Answer what the server asks, round by round, until it is content. An unfinished attempt is given up."""
    while stage["stage"] != "success":
        attempt = str(stage["attempt"])
        try:
            if stage["stage"] == "sign" and key is not None:
                replies = [key.sign(str(stage["data"]), user)]
            elif stage["stage"] == "prompt":
                replies = answers(stage)
            else:
                raise PortcallError(f"The server asks for {stage['stage']!r}, which cannot be given here.")
        except BaseException:
            with contextlib.suppress(PortcallError):
                client.give_up_login(attempt)
            raise
        stage = client.answer_login(attempt, replies)
    return stage


def _password(whose: str) -> str:
    if not sys.stdin.isatty():
        # for scripts: a line of standard input, never an argument
        if line := sys.stdin.readline():
            return line.rstrip("\n")
        need_person(f"The password of {whose}")
    return one(f"Password of {whose}", echo=False)


def _kept(address: Address, stage: dict[str, Any], pinned: str, keep: bool, as_json: bool) -> None:
    given = stage["login"]
    made = Credential(address.url, str(stage["token"]), str(given["sub"]), float(given["exp"]), pinned, Clock().now())
    path = Credentials(os.environ).save(made, keep)
    if as_json:
        output.document({"login": given, "url": address.url, "file": str(path)})
        return
    until = output.moment(made.expires)
    output.line(f"Logged in at {address.url} as {output.neutral(made.login)} until {until}. The token is in {path}.")


def _name() -> str:
    return f"portcall on {socket.gethostname()}"


@command(
    "logout", examples=[("portcall logout --url https://viz.example.org", "the token kept for it is good no longer")]
)
@click.argument("where", metavar="[URL]", required=False)
@server_options
def logout(where: str | None) -> None:
    """Log out and forget the token."""
    reach = current()
    reach.url = where or reach.url
    client = reach.client()
    if client.address.socket:
        raise InvalidValue(
            "On this host the server knows you by your account; there is no login to end. One elsewhere: --url URL."
        )
    kept = Credentials(os.environ)
    try:
        if client.http.has_token:
            client.logout()
    except NotLoggedIn:
        pass  # it ended before
    finally:
        kept.forget(parse(client.address.url).url)
