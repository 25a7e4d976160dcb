"""Every command of the table: its help, its examples and its place in the reference."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from portcall.cli.command import Command, Group
from portcall.cli.commands import COMMANDS, SECTIONS
from portcall.cli.main import portcall as root
from tests.cli.conftest import Portcall


def walk(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from walk(inner, (*path, name))


ALL = [pair for row in COMMANDS for pair in walk(root.get_command(click.Context(root), row.name), (row.name,))]  # type: ignore[arg-type]
NAMES = [" ".join(path) for path, _ in ALL]


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.name)
def test_the_tables_summary_is_the_first_line_of_the_help(row: object) -> None:
    command = root.get_command(click.Context(root), row.name)  # type: ignore[attr-defined]
    assert command is not None
    assert (command.help or "").splitlines()[0] == row.summary  # type: ignore[attr-defined]
    assert row.section in ("", *SECTIONS)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("path", "command"), ALL, ids=NAMES)
def test_every_option_is_described_and_every_command_has_an_example(
    path: tuple[str, ...], command: click.Command
) -> None:
    assert isinstance(command, Command | Group)
    assert command.examples
    for line, what in command.examples:
        assert line
        assert what
    context = click.Context(command)
    for parameter in command.get_params(context):
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{path}: {parameter.opts}"


@pytest.mark.parametrize(
    "line",
    [pytest.param(line, id=line) for _, command in ALL for line, _ in command.examples if line.startswith("portcall")],
)
def test_examples_are_command_lines_that_are_understood(line: str) -> None:
    words = shlex.split(line.partition(" > ")[0])[1:]
    command: click.Command = root
    while isinstance(command, click.Group) and words:
        inner = command.get_command(click.Context(command), words[0])
        if inner is None:
            break
        command, words = inner, words[1:]
    if "--help" not in words:
        try:
            command.make_context("portcall", words)
        except click.BadParameter as error:
            if "does not exist" not in error.message:  # a file that an example speaks of need not be here
                raise


def test_the_help_of_every_command_fits_a_terminal(portcall: Portcall) -> None:
    for path, _ in ALL:
        if path[0] in ("link", "session"):
            continue
        shown = portcall(*path, "--help")
        assert shown.code == 0
        assert "Examples:" in shown.out
        assert not [line for line in shown.out.splitlines() if len(line) > 100 and "portcall" not in line]


def test_the_help_lists_every_command_that_is_for_people(portcall: Portcall) -> None:
    shown = portcall("--help").out
    for row in COMMANDS:
        assert (f"  {row.name} " in shown) == bool(row.section)


def test_the_help_imports_no_command() -> None:
    program = (
        "import sys; from portcall.cli.main import run; run(['--help']); "
        "print(sorted(name for name in sys.modules if name in ('httpx', 'rich', 'asyncio', 'portcall.cli.start')))"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.splitlines()[-1] == "[]"


def test_a_command_that_is_not_there_is_a_usage_error_with_the_nearest(portcall: Portcall) -> None:
    shown = portcall("lst")
    assert shown.code == 2
    assert "Did you mean ls?" in shown.err
