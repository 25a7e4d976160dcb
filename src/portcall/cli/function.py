"""portcall function."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import click

from portcall.cli import output
from portcall.cli.command import group, json_option
from portcall.errors import FunctionFailed, FunctionInvalid, FunctionThrew, InvalidValue, PortcallError


@group("function", examples=[
    ("portcall function kinds", "what there is to write functions for"),
    ("portcall function run --kind start-balance gpu.js", "try one without a server"),
])  # fmt: skip
def function() -> None:
    """Try administrators' functions, and show what each kind is given and may return."""


def _kinds(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from portcall.model.function import KINDS

    return [kind.name for kind in KINDS if kind.name.startswith(incomplete)]


@function.command("kinds", examples=[("portcall function kinds --json", "every field and every kind of return")])
@json_option
def kinds(as_json: bool) -> None:
    """List the kinds of functions."""
    from portcall.model import codec
    from portcall.model.function import KINDS

    if as_json:
        output.document([{**codec.to_document(kind), "servers": kind.servers} for kind in KINDS])
        return
    rows = (
        (kind.name, ", ".join(kind.names), ", ".join(row.when for row in kind.returns), kind.help) for kind in KINDS
    )
    output.table(("KIND", "INPUT", "MAY RETURN", "WHAT IT DOES"), rows)


@function.command("run", examples=[
    ("portcall function run --kind schedule bsub.js", "on a made-up input"),
    ("portcall function run --kind start-balance gpu.js --input input.json", "on an input of your own"),
    ("portcall function run --kind metric /etc/portcall/licences --engine executable", "a program"),
])  # fmt: skip
@click.option("--kind", "kind_name", metavar="KIND", required=True, shell_complete=_kinds,
              help="What it is a function for; portcall function kinds lists them.")  # fmt: skip
@click.option("--input", "input_file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, allow_dash=True),
              help="JSON that it is given (- for standard input); else a made-up one.")  # fmt: skip
@click.option("--engine", type=click.Choice(("javascript", "python", "executable")),
              help="Else by the file: .js, .py, or executable.")  # fmt: skip
@click.option("--seed", type=int, default=0, help="For random numbers: the same seed, the same numbers.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
def run(kind_name: str, input_file: str | None, engine: str | None, seed: int, file: str) -> int:
    """Run a function without a server and print what it returns as JSON.

    What it prints goes to standard error. An error, with line and column, goes there too and gives exit code 1.
    """
    from portcall.functions.base import Source
    from portcall.model.function import find, read_result

    kind = find(kind_name)
    given = _given(input_file, kind)
    name = engine or _engine(Path(file))
    try:
        source = Source(Path(file).name, _text(file) if name == "javascript" else str(Path(file).resolve()), name)
        value, log = asyncio.run(_run(source, kind, given, seed))
        for line in log:
            click.echo(output.neutral(line), err=True)
        read_result(kind, value)
    except (FunctionThrew, FunctionInvalid, FunctionFailed) as error:
        for line in str(error.extra.get("log") or "").splitlines():
            click.echo(output.neutral(line), err=True)
        raise _placed(file, error) from error
    output.document(value)
    return 0


async def _run(source: Any, kind: Any, given: dict[str, Any], seed: int) -> tuple[Any, tuple[str, ...]]:
    from portcall import plugins
    from portcall.functions.base import Call, Engine

    engine: Engine = plugins.find("functions", source.engine)()
    try:
        await engine.check(source, kind)
        result = await engine.run(source, Call(kind, given, seed=seed))
        return result.value, result.log
    finally:
        await engine.close()


def _text(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise FunctionInvalid(f"not text in UTF-8 (byte {error.start})", line=line, column=1) from error


def _given(file: str | None, kind: Any) -> dict[str, Any]:
    from portcall.model.function_sample import sample

    if file is None:
        return sample(kind)
    with click.open_file(file, encoding="utf-8") as stream:
        try:
            given = json.load(stream)
        except ValueError as error:
            raise InvalidValue(f"{file}: not JSON: {error}") from error
    if not isinstance(given, dict):
        raise InvalidValue(f"{file}: an input is a JSON object, such as {json.dumps(sample(kind))[:60]}…")
    return given


def _engine(path: Path) -> str:
    by_suffix = {".js": "javascript", ".mjs": "javascript", ".py": "python"}.get(path.suffix)
    if by_suffix:
        return by_suffix
    if os.access(path, os.X_OK):
        return "executable"
    raise InvalidValue(f"{path}: neither .js nor .py nor executable; name the engine with --engine")


def _placed(file: str, error: PortcallError) -> PortcallError:
    """The same error with its place in front, as compilers say it."""
    line, column = error.extra.get("line"), error.extra.get("column")
    name = str(error.extra.get("function") or Path(file).name)
    text = (
        error.detail.removeprefix(f"{name}, line {line}, column {column}: ")
        .removeprefix(f"{name}: ")
        .removeprefix(f"{name} ")
    )
    place = f"{file}:{line}:{column}: line {line}, column {column}" if line else file
    return type(error)(f"{place}: {text}")
