"""A form of a start, asked in the terminal an input at a time; the server says what it asks, and reads the answers."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Mapping
from typing import Any

import click

from portcall.cli import ask, markup
from portcall.cli.output import neutral
from portcall.errors import InvalidValue

Input = dict[str, Any]
_YES, _NO = ("true", "yes", "on", "1", "y"), ("false", "no", "off", "0", "n", "")


def fill(form: dict[str, Any], given: Mapping[str, Any], wrong: str = "") -> dict[str, Any]:
    """The params that a person answers with, as text; ``given`` are those there are, which become the defaults.

    ``wrong`` asks for this input alone, again. InvalidValue names what to give where there is nobody to ask. A form
    without inputs is told, whoever is there, and nothing is asked.
    """
    inputs = inputs_of(form)
    if not inputs:
        _tell(form, markup.text(form.get("html") or ""))
        return {}
    if not ask.person():
        raise InvalidValue(_missing(form, inputs, given), field="params")
    again = [one for one in inputs if one["name"] == wrong]
    if not again:
        _tell(form)
    answers: dict[str, Any] = {}
    for one in again or inputs:
        answer = _ask(one, given.get(one["name"], one.get("value", "")))
        if answer is not None:
            answers[one["name"]] = answer
    return answers


def inputs_of(form: dict[str, Any]) -> list[Input]:
    return [one for one in form.get("inputs") or [] if one.get("name")]


def _tell(form: dict[str, Any], *more: str) -> None:
    click.echo(neutral(form.get("name") or "A form"), err=True)
    for words in filter(None, (form.get("description"), *more)):
        click.echo(neutral(words, lines=True), err=True)


def _missing(form: dict[str, Any], inputs: list[Input], given: Mapping[str, Any]) -> str:
    left = [one for one in inputs if given.get(one["name"]) in (None, "")]
    required = [one for one in left if one.get("required")]
    name = neutral(form.get("name") or form.get("id"))
    lines = [f"The start asks for the form {name!r}, and there is nobody to ask."]
    if required:
        lines.append(f"Missing: {', '.join(neutral(one['name']) for one in required)}.")
    pairs = [f"{neutral(one['name'])}={_hint(one)}" for one in required or left]
    lines.append(f"Give: {' '.join(f'--param {shlex.quote(pair)}' for pair in pairs)}")
    for one in left:
        if choices := one.get("choices"):
            values = ", ".join(neutral(choice["value"]) for choice in choices[:30])
            lines.append(f"  {neutral(one['name'])} is {'some' if one.get('multiple') else 'one'} of: {values}")
    return "\n".join(lines)


def _hint(one: Input) -> str:
    if one.get("value"):
        return neutral(one["value"])
    return {"number": "NUMBER", "boolean": "true", "json": "JSON"}.get(str(one.get("dataType")), "VALUE")


def _ask(one: Input, default: Any) -> Any:
    """None: leave it out, as a browser does with a box that is not checked."""
    kind, choices = one.get("kind"), one.get("choices") or []
    if kind == "hidden":
        return one.get("value", "")
    if kind == "checkbox":
        return _box(one)
    label = str(one.get("label") or one["name"])
    for choice in choices:
        text = "" if choice.get("label") == choice["value"] else choice.get("label", "")
        click.echo(f"  {neutral(choice['value'])}  {neutral(text)}".rstrip(), err=True)
    hint = " (several: commas between)" if one.get("multiple") else ""
    if not isinstance(default, str):
        default = ",".join(map(str, default)) if isinstance(default, list) else json.dumps(default)
    while True:
        text = ask.one(label + hint, echo=kind != "password", default=default)
        problem = _problem(one, text)
        if not problem:
            return _several(text) if one.get("multiple") else text
        click.echo(f"  {neutral(problem)}", err=True)


def _box(one: Input) -> str | None:
    """``true`` or ``false`` for a boolean, else the box's value or nothing."""
    while True:
        word = ask.one(f"{one.get('label') or one['name']} (yes or no)", default="no").lower()
        if word in _NO and one.get("required"):
            click.echo("  This must be agreed to.", err=True)
        elif word in _YES:
            return "true" if one.get("dataType") == "boolean" else str(one.get("value") or "on")
        elif word in _NO:
            return "false" if one.get("dataType") == "boolean" else None


def _several(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _problem(one: Input, text: str) -> str:
    """What is wrong with an answer, as far as it can be told here; the server has the last word."""
    if not text:
        return "This is needed." if one.get("required") else ""
    offered = {choice["value"] for choice in one.get("choices") or []}
    given = _several(text) if one.get("multiple") else [text]
    if offered and not offered.issuperset(given):
        return f"One of: {', '.join(sorted(offered))}"
    try:
        if one.get("dataType") == "number" and not math.isfinite(float(text)):
            raise ValueError
        if one.get("dataType") == "json":
            json.loads(text)
    except ValueError:
        return f"That is no {'number' if one['dataType'] == 'number' else 'JSON'}."
    return "true or false" if one.get("dataType") == "boolean" and text.lower() not in _YES + _NO[:-1] else ""
