"""portcall whoami, portcall logins."""

from __future__ import annotations

import click

from portcall.cli import output
from portcall.cli.command import command, json_option, server_options
from portcall.cli.reach import current


@command("whoami", examples=[("portcall whoami", "the login, its level, the server and how it is reached")])
@json_option
@server_options
def whoami(as_json: bool) -> None:
    """Show who the server takes you for, and what you may do."""
    client = current().client()
    document = client.whoami()
    if as_json:
        output.document(document)
        return
    login = document.get("login") or {}
    user = document.get("user") or {}
    permissions = document.get("permissions") or {}
    output.facts([
        ("login", login.get("sub")),
        ("user", f"{user.get('name', '')} (uid {user.get('uid', '?')})"),
        ("level", document.get("level")),
        ("method", login.get("method")),
        ("expires", "" if client.address.socket else output.moment(login.get("exp"))),
        ("server", document.get("serverId")),
        ("address", client.address),
        ("may", ", ".join(action for action, scope in permissions.items() if scope == "own")),
        ("may for all", ", ".join(action for action, scope in permissions.items() if scope == "any")),
        ("notice", document.get("notice")),
    ])  # fmt: skip


@command("logins", examples=[
    ("portcall logins", "where you are logged in"),
    ("portcall logins --revoke 5b1f", "log that one out"),
])  # fmt: skip
@click.option("--all", "-a", "everybody", is_flag=True, help="Everybody's logins, if you may see them.")
@click.option("--revoke", metavar="ID", default="", help="Log out the login whose id begins so.")
@json_option
@server_options
def logins(everybody: bool, revoke: str, as_json: bool) -> None:
    """List logins, or revoke one."""
    client = current().client()
    found = client.logins(everybody)
    if revoke:
        client.revoke(chosen(found, revoke))
    elif as_json:
        output.document(found)
    else:
        show(found)


def chosen(found: list[dict[str, object]], text: str) -> str:
    """The id of the one login or token meant by the beginning of its id, or by its name."""
    from portcall.errors import InvalidValue, NotFound

    exact = [one for one in found if text in (one["jti"], one.get("name"))]
    matching = exact or [one for one in found if text and str(one["jti"]).startswith(text)]
    if not matching:
        raise NotFound(f"There is no login or token {text!r}.")
    if len(matching) > 1:
        raise InvalidValue(f"{text!r} is more than one: {', '.join(str(one['jti']) for one in matching)}.")
    return str(matching[0]["jti"])


def show(found: list[dict[str, object]]) -> None:
    rows = (
        (
            one["jti"], one.get("sub"), one.get("aud"), one.get("method"), one.get("level"), one.get("address"),
            output.moment(_time(one.get("lastSeen"))), output.moment(_time(one.get("exp"))),
            "this one" if one.get("current") else one.get("name"),
        )
        for one in found
    )  # fmt: skip
    columns = ("ID", "LOGIN", "KIND", "METHOD", "LEVEL", "FROM", "LAST SEEN", "EXPIRES", "NAME")
    output.table(columns, rows, empty="No logins.")


def _time(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None
