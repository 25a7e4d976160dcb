"""portcall token."""

from __future__ import annotations

import click

from portcall.cli import output
from portcall.cli.command import group, json_option, server_options
from portcall.cli.logins import chosen
from portcall.cli.logins import show as show_logins
from portcall.cli.reach import current


@group("token", examples=[("portcall token create nightly --days 30", "a token for a script, good for 30 days")])
def token() -> None:
    """Create, list and revoke API tokens for scripts.

    A script gives its token in the environment variable PORTCALL_TOKEN.
    """


@token.command("create", examples=[("portcall token create nightly --days 30", "print a token; it is shown this once")])
@click.argument("name")
@click.option("--days", type=click.FloatRange(min=0, min_open=True), default=None,
              help="How long it is good for; the server has a limit.")  # fmt: skip
@json_option
@server_options
def create(name: str, days: float | None, as_json: bool) -> None:
    """Create a token and print it; it is shown this once."""
    made = current().client().create_token(name, days)
    if as_json:
        output.document(made)
    else:
        output.line(output.neutral(made["token"]))


@token.command("ls", examples=[("portcall token ls", "your tokens")])
@json_option
@server_options
def ls(as_json: bool) -> None:
    """List your tokens."""
    found = [one for one in current().client().logins() if one.get("aud") == "api"]
    if as_json:
        output.document(found)
    else:
        show_logins(found)


@token.command("rm", examples=[("portcall token rm nightly", "the token named nightly is good no longer")])
@click.argument("which", metavar="NAME|ID")
@server_options
def rm(which: str) -> None:
    """Revoke a token."""
    client = current().client()
    client.revoke(chosen([one for one in client.logins() if one.get("aud") == "api"], which))
