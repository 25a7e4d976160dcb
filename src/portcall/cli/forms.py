"""A form that administrators wrote in HTML, asked in the terminal a field at a time."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import click

from portcall.cli import ask
from portcall.cli.output import neutral
from portcall.errors import InvalidValue, PortcallError


@dataclass
class Field:
    """``kind`` is the input's type; ``convert`` its data-type; ``options`` value and text."""

    name: str
    kind: str = "text"
    label: str = ""
    value: str = ""
    required: bool = False
    convert: str = ""
    options: list[tuple[str, str]] = field(default_factory=list)


class _Fields(HTMLParser):
    """Reads fields in their order; a label is the text before a field, or that of its ``for``."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Field] = []
        self._text = ""
        self._select: Field | None = None
        self._option: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "option" and self._select is not None:
            self._option, self._text = given.get("value"), ""
            if "selected" in given:
                self._select.value = given.get("value", "")
            return
        if tag not in ("input", "select", "textarea") or not given.get("name"):
            return
        kind = given.get("type", "text").lower() if tag == "input" else tag
        if kind in ("submit", "button", "reset", "image", "file"):
            return
        made = Field(given["name"], kind, " ".join(self._text.split()), given.get("value", ""), "required" in given,
                     given.get("data-type", ""))  # fmt: skip
        self._text = ""
        same = next((one for one in self.found if one.name == made.name), None)
        if kind == "radio":
            made.options.append((made.value, ""))
            if same is not None:
                same.options += made.options
                made = same
            elif "checked" not in given:
                made.value = ""
        if same is None:
            self.found.append(made)
        if tag == "select":
            self._select = made

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "option" and self._select is not None:
            text = " ".join(self._text.split())
            self._select.options.append((text if self._option is None else self._option, text))
        if tag == "select":
            self._select = None
        if tag in ("option", "select"):
            self._text = ""


def fields(form: dict[str, Any]) -> list[Field]:
    """The fields of a form document: of its HTML, or those it lists."""
    reader = _Fields()
    reader.feed(str(form.get("html") or form.get("content") or form.get("form") or ""))
    reader.close()
    return reader.found


def fill(form: dict[str, Any]) -> dict[str, Any]:
    """The params that a person answers with; InvalidValue lists the fields where there is nobody to ask."""
    found = fields(form)
    if not found:
        raise PortcallError(
            f"The start needs the form {form.get('name') or form.get('id')!r}, which cannot be asked here."
        )
    if not ask.person():
        names = ", ".join(f"--param {one.name}={one.value or 'VALUE'}" for one in found)
        raise InvalidValue(f"The start needs a form to be filled in: give {neutral(names)}")
    if title := form.get("title") or form.get("name"):
        click.echo(neutral(title), err=True)
    return {one.name: _ask(one) for one in found}


def _ask(one: Field) -> Any:
    if one.kind == "hidden":
        return convert(one, one.value)
    for value, text in one.options:
        click.echo(f"  {neutral(value)}  {neutral(text)}".rstrip(), err=True)
    while True:
        default = one.value or (one.options[0][0] if one.options else "")
        given = ask.one(one.label or one.name, echo=one.kind != "password", default=default)
        if one.required and not given:
            continue
        if one.options and given not in [value for value, _ in one.options]:
            continue
        try:
            return convert(one, given)
        except ValueError:
            click.echo(f"  That is no {one.convert}.", err=True)


def convert(one: Field, given: str) -> Any:
    """The value as its data-type says (forms guide); ValueError where it cannot be read so."""
    if one.convert == "number":
        return float(given)
    if one.convert == "boolean" or one.kind == "checkbox":
        return given.lower() in ("true", "yes", "on", "1", "y")
    return json.loads(given) if one.convert == "json" else given
