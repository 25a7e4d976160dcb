"""portcall link, portcall session: the user side's processes under one name; servers and links start them."""

from __future__ import annotations

import importlib

import click

from portcall.cli.command import command

# everything is the daemon's own to read, --help too
_RAW = {"ignore_unknown_options": True, "help_option_names": [], "allow_interspersed_args": False}


@command(
    "link",
    context_settings=_RAW,
    hidden=True,
    add_help_option=False,
    examples=[("portcall link --help", "the link's own options")],
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def link(arguments: tuple[str, ...]) -> int:
    """Run a user's link (servers start it)."""
    return _run("portcall.linkd.main", arguments)


@command(
    "session",
    context_settings=_RAW,
    hidden=True,
    add_help_option=False,
    examples=[("portcall session --help", "its own options")],
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def session(arguments: tuple[str, ...]) -> int:
    """Run a session daemon (links start it)."""
    return _run("portcall.sessiond.main", arguments)


def _run(module: str, arguments: tuple[str, ...]) -> int:
    return int(importlib.import_module(module).main(list(arguments)) or 0)
