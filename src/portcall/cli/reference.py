"""The reference page of the command line, made from the command table and the commands' own help."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from portcall.cli.command import Command, Group
from portcall.cli.commands import COMMANDS, SECTIONS
from portcall.cli.main import portcall
from portcall.config import BY_NAME

_EVERYWHERE = frozenset({"--help", "--url", "--ca"})
_HEAD = """# Command line

Made by `scripts/make-cli-reference` from the commands themselves; change those. How to do things with it:
[The command line](../howto/command-line.md).

SESSION is the id of a session, the beginning of one, or a name that only one session has. Commands that print take
`--json`. Text is for people: on a terminal it is fitted and coloured (not with `NO_COLOR`), elsewhere it is plain,
whole and in columns in which an empty cell is `-`.

Every command that asks a server takes `--url URL` (the server; else `PORTCALL_URL`, the one on this host, or that of
the last login) and `--ca FILE` (certificates that vouch for it).

| exit code | |
|---|---|
| 0 | done |
| 1 | an error; a line on standard error says what, why and what to do |
| 2 | the command line is wrong |
| 3 | there is no such thing |
| 4 | not logged in, or not permitted |
| 130 | interrupted |

`portcall start --cli` ends with the code of the session's command.

| environment | |
|---|---|
| `PORTCALL_URL` | the server, as `--url` |
| `PORTCALL_TOKEN` | the token, instead of the one kept by `portcall login` |
| `PORTCALL_CA` | certificates that vouch for the server, as `--ca` |
| `PORTCALL_RUNTIME_DIR` | where the sockets of this host's server are |
| `PORTCALL_DEBUG` | show where a fault in Portcall itself is |
"""


def page() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *_sections()]).rstrip() + "\n"


def _sections() -> Iterator[str]:
    root = click.Context(portcall, info_name="portcall", help_option_names=["-h", "--help"])
    for section in SECTIONS:
        yield f"## {section}\n"
        for row in COMMANDS:
            command = portcall.get_command(root, row.name)
            if row.section == section and command is not None:
                yield from _command(command, click.Context(command, parent=root, info_name=row.name))


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"### {context.command_path}\n"
    yield f"    {context.command_path} {' '.join(command.collect_usage_pieces(context))}\n"
    yield f"{inspect.cleandoc(command.help or '')}\n"
    if command.name == "server":
        yield "Besides, every [setting](settings.md) is an option: `start_timeout` is `--start-timeout`.\n"
    if rows := list(_options(command, context)):
        yield "| option | |\n|---|---|"
        yield from rows
        yield ""
    for line, what in command.examples if isinstance(command, Command | Group) else ():
        yield f"    {line}\n\n{what[0].upper()}{what[1:]}.\n"
    if isinstance(command, Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                yield from _command(inner, click.Context(inner, parent=context, info_name=name))


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    for parameter in command.get_params(context):
        if (
            isinstance(parameter, click.Option)
            and not _EVERYWHERE.intersection(parameter.opts)
            and (command.name != "server" or parameter.name not in BY_NAME)
        ):
            record = parameter.get_help_record(context)
            if record is not None:
                names, help_ = (text.replace("|", "\\|") for text in record)
                yield f"| `{names}` | {help_} |"
