"""What went wrong in a worker, as errors: with line and column of the administrator's source, and nothing of ours."""

from __future__ import annotations

import re
from typing import Any

from portcall.errors import FunctionFailed, FunctionInvalid, FunctionThrew
from portcall.functions._js.advice import hint, invalid, refuse
from portcall.functions._js.source import member, only_throw, prepare
from portcall.functions.base import Source
from portcall.model.function import Limits

_PLACE = re.compile(r"<input>:(\d+):(\d+)")
_READ = re.compile(r"cannot (?:read|set) property '([^']+)' of ")


def over_time(source: Source, seconds: float, log: tuple[str, ...] = ()) -> FunctionFailed:
    return FunctionFailed(
        f"{source.name} took longer than {seconds:g} seconds and was stopped", function=source.name, cause="time",
        log="\n".join(log),
    )  # fmt: skip


def stopped(source: Source, when: str) -> FunctionFailed:
    return FunctionFailed(f"{source.name}: the engine stopped {when}", function=source.name, cause="crash")


def syntax(source: Source, said: str) -> FunctionInvalid:
    refuse(source.name, source.text)  # its words are better than the engine's, where it has any
    message = said.split("\n", 1)[0].removeprefix("SyntaxError: ")
    line, column = _place(said) or (1, 1)
    lines = source.text.count("\n") + 1
    if line > lines:
        return invalid(source.name, "the function is not complete", lines, 1, "a bracket is not closed")
    return invalid(source.name, message, line, column)


def _place(stack: str) -> tuple[int, int] | None:
    match = _PLACE.search(stack)
    # the source begins on the second line of what the engine reads
    return (int(match.group(1)) - 1, int(match.group(2))) if match and match.group(1) != "1" else None


def failure(source: Source, limits: Limits, error: dict[str, Any], log: tuple[str, ...]) -> Exception:
    cause, extra = str(error.get("cause")), {"function": source.name, "log": "\n".join(log)}
    message = str(error.get("message", ""))
    if cause == "threw":
        return _threw(source, error, message, extra)
    if cause == "time":
        return over_time(source, limits.cpu, log)
    if cause == "memory":
        what = f"used more than {limits.memory >> 20} MiB of memory and was stopped"
    elif cause == "unsettled":
        what = "waits for a promise that nothing can settle any more"
    elif cause == "result":
        what = message
    else:
        cause, what = "crash", "the engine stopped while it ran"
    return FunctionFailed(f"{source.name}: {what}", cause=cause, **extra)


def _threw(source: Source, error: dict[str, Any], message: str, extra: dict[str, Any]) -> FunctionThrew:
    text = prepare(source.text).text
    name = str(error.get("name", ""))
    stack = _own_part(str(error.get("stack", "")))
    found = _place(stack) if stack else only_throw(text, message)
    if match := _READ.search(message):
        found = member(text, match.group(1), found) or found
    if advice := hint(name, message):
        message = f"{message} ({advice})"
    if found:
        extra |= {"line": found[0], "column": found[1]}
    # what somebody wrote for users is shown as it is; a slip is shown as one
    said = message if name in ("", "Error") or not name.endswith("Error") else f"{name}: {message}"
    shown = _PLACE.sub(lambda match: "{}:{}:{}".format(source.name, *(_place(match.group()) or (1, 1))), stack)
    return FunctionThrew(said, name=name, stack=shown, **extra)


def _own_part(stack: str) -> str:
    """The stack without our own frames."""
    lines = stack.splitlines()
    while lines and "__host" in lines[0]:
        lines.pop(0)
    ours = next((number for number, line in enumerate(lines) if "__host" in line), len(lines))
    del lines[ours:]
    while lines and "(native)" in lines[-1]:
        lines.pop()
    return "\n".join(lines)
