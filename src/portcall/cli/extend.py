"""portcall extend."""

from __future__ import annotations

from typing import Any

import click

from portcall.cli import output
from portcall.cli.command import command, json_option, server_options, session_argument
from portcall.cli.reach import current, resolve
from portcall.errors import InvalidValue
from portcall.model.option import TIME, read


def _seconds(ctx: click.Context, param: click.Parameter, value: str | None) -> int:
    if value is None:
        return 0
    try:
        seconds = int(read(TIME, value))
    except InvalidValue as error:
        raise click.BadParameter(error.detail.removeprefix("time: ")) from error
    if not seconds:
        raise click.BadParameter("more than nothing is needed")
    return seconds


@command("extend", examples=[
    ("portcall extend 3f2a", "as much later as the session's profile says"),
    ("portcall extend wing --by 2:00:00", "two hours more of its job's time, where the scheduler gives them"),
])  # fmt: skip
@session_argument
@click.option("--by", metavar="TIME", callback=_seconds, help="How much later: MINUTES, H:MM:SS or D-H:MM:SS.")
@json_option
@server_options
def extend(session: str, by: int, as_json: bool) -> None:
    """Ask for more time before a session's announced end.

    The end may be that of its job, whose scheduler decides, or that of its profile for sessions that nobody looks at,
    which is moved by what the profile says at most. Prints when it ends now.
    """
    client = current().client()
    one = client.extend(resolve(client, session).id, by)
    if as_json:
        output.document(one)
        return
    ends: list[tuple[str, Any]] = [("its job", one.job.ends_at if one.job is not None else None)]
    ends.append(("its profile, while nobody looks at it", one.ends_at))
    told = [f"It ends {output.moment(at)}, by {whose}." for whose, at in ends if at]
    output.line("\n".join(told) or "No end of it is announced: there was nothing to extend.")
