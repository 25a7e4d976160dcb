"""What every command has: examples in its help, and the options that say which server and which output."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from portcall.cli.commands import BY_NAME, COMMANDS, SECTIONS
from portcall.cli.reach import Reach

F = TypeVar("F", bound=Callable[..., Any])
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class Command(click.Command):
    """A command whose help ends with examples: pairs of a command line and what it does."""

    def __init__(self, *args: Any, examples: Sequence[tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples(self.examples, formatter)


class Group(click.Group):
    """A command with commands of its own, such as ``param``."""

    command_class = Command

    def __init__(self, *args: Any, examples: Sequence[tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples(self.examples, formatter)


class Root(click.Group):
    """``portcall``: its commands are those of the table, imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [row.name for row in COMMANDS if row.section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        row = BY_NAME.get(cmd_name)
        if row is None:
            return None
        module, _, attribute = row.where.partition(":")
        loaded: click.Command = getattr(importlib.import_module(module), attribute)
        return loaded

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in BY_NAME and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], self.list_commands(ctx), 1)
            meant = f" Did you mean {near[0]}?" if near else ""
            ctx.fail(f"There is no command {args[0]!r}.{meant}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for section in SECTIONS:
            with formatter.section(section):
                formatter.write_dl([(row.name, row.summary) for row in COMMANDS if row.section == section])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        from click.shell_completion import CompletionItem

        rows = [row for row in COMMANDS if row.section and row.name.startswith(incomplete)]
        return [CompletionItem(row.name, help=row.summary) for row in rows]


def write_examples(examples: Sequence[tuple[str, str]], formatter: click.HelpFormatter) -> None:
    if examples:
        with formatter.section("Examples"):
            for line, what in examples:
                formatter.write(f"{'':{formatter.current_indent}}{line}\n{'':{formatter.current_indent + 4}}{what}\n")


def command(name: str, examples: Sequence[tuple[str, str]], **kwargs: Any) -> Callable[[Callable[..., Any]], Command]:
    """Declare a command of ours."""
    settings = CONTEXT | kwargs.pop("context_settings", {})
    return click.command(name, cls=Command, examples=examples, context_settings=settings, **kwargs)


def group(name: str, examples: Sequence[tuple[str, str]], **kwargs: Any) -> Callable[[Callable[..., Any]], Group]:
    return click.group(name, cls=Group, examples=examples, context_settings=CONTEXT, **kwargs)


def server_options(function: F) -> F:
    """``--url`` and ``--ca``: which server; kept in the context for ``reach.current``."""
    for option in (
        click.option("--ca", metavar="FILE", expose_value=False, callback=_remember,
                     help="Certificates (PEM) that vouch for the server; else those of this host, or of the login."),
        click.option("--url", metavar="URL", expose_value=False, callback=_remember,
                     help="The server; else PORTCALL_URL, the one on this host, or that of the last login."),
    ):  # fmt: skip
        function = option(function)
    return function


def local_option(function: F) -> F:
    """``--local``: without a server, by the session daemons of this host."""
    return click.option(
        "--local", is_flag=True, expose_value=False, callback=_remember,
        help="Ask this host's session daemons and no server (what happens anyway when none runs).",
    )(function)  # fmt: skip


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


def session_argument(function: F) -> F:
    """SESSION: an id, the beginning of one, or a name that only one session has."""
    from portcall.cli.complete import sessions

    return click.argument("session", shell_complete=sessions)(function)


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    reach = ctx.ensure_object(Reach)
    if value:
        setattr(reach, str(param.name), value)
