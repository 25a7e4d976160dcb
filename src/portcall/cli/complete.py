"""Completion of what only the server knows: sessions by id and name. Quick, and silent where it cannot tell."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from portcall.cli.reach import Reach
from portcall.errors import PortcallError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_PLAIN = re.compile(r"[\w.@%+=:,/-]{1,64}\Z")  # what a shell takes for one word, without quotes


def bookmarks(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids of bookmarks that one may start."""
    from click.shell_completion import CompletionItem

    from portcall.cli.output import neutral

    try:
        found = (ctx.find_object(Reach) or Reach()).client().documents("bookmarks")
    except PortcallError:
        return []
    return [CompletionItem(one["id"], help=neutral(one["name"])) for one in found if one["id"].startswith(incomplete)]


def profiles(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of profiles that one may choose."""
    from click.shell_completion import CompletionItem

    from portcall.cli.output import neutral

    try:
        found = (ctx.find_object(Reach) or Reach()).client().profiles()
    except PortcallError:
        return []
    return [
        CompletionItem(one["name"], help=neutral(one["description"]))
        for one in found
        if one["name"].startswith(incomplete)
    ]


def sessions(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids that begin so, with the name beside them where the shell shows one, and plain names."""
    from click.shell_completion import CompletionItem

    from portcall.cli.output import neutral

    reach = ctx.find_object(Reach) or Reach()
    try:
        found = reach.sessions().sessions()
    except PortcallError:
        return []
    ids = [
        CompletionItem(one.id, help=neutral(f"{one.name or one.command} ({one.state})"))
        for one in found
        if one.id.startswith(incomplete)
    ]
    names = {one.name: one for one in found if one.name.startswith(incomplete) and _PLAIN.match(one.name)}
    return ids + [CompletionItem(name, help=neutral(f"{one.command} ({one.state})")) for name, one in names.items()]
