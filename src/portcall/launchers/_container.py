"""docker.tpl: YAML that says how a session's container is run, and how values get into it without changing it.

The YAML is read first, then each of its texts is filled in by itself: nothing that a user typed is ever read as YAML or
as an expression. In ``options`` an expression stands only behind ``--name=``, so that its value cannot be an option.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import yaml
from jinja2 import Environment, TemplateError, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from portcall.errors import InvalidValue

_EXPRESSION = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_OTHER_SYNTAX = re.compile(r"\{%|\{#")
_BEHIND_ITS_NAME = re.compile(r"--[A-Za-z0-9][A-Za-z0-9-]*=")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_MEMBERS = ("options", "image", "command", "environment")
_ALONE = ("extra",)  # lists of arguments that are the administrator's, and may be options


@dataclass(frozen=True)
class Filled:
    """``written``: the image as the template has it, before anything was filled in."""

    options: list[str]
    image: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    written: str = ""


class _Data(ImmutableSandboxedEnvironment):
    """Expressions see data: members of mappings, filters and tests. Nothing can be called, no attribute read."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        try:
            return obj[argument]
        except (AttributeError, TypeError, LookupError):
            return self.undefined(obj=obj, name=argument)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return False

    def is_safe_callable(self, obj: Any) -> bool:
        return False


def _environment() -> Environment:
    made = _Data(autoescape=False)
    made.globals.clear()
    return made


_ENVIRONMENT = _environment()


def fill(text: str, name: str, values: Mapping[str, Any]) -> Filled:
    """The template with the values in it; InvalidValue says where ``name``, the file, is wrong."""
    document = _read(text, name)

    def filled(where: str, item: str) -> list[str]:
        return _arguments(f"{name}: {where}", item, values)

    options = [word for item in document["options"] for word in filled("options", item)]
    environment = {key: filled(f"environment: {key}", item) for key, item in document["environment"].items()}
    for key, words in environment.items():
        if len(words) > 1:
            raise InvalidValue(f"{name}: environment: {key}: one text is needed, not a list", field="launcher")
    image = filled("image", document["image"])
    return Filled(
        options, image[0] if len(image) == 1 else "",
        [word for item in document["command"] for word in filled("command", item)],
        {key: words[0] for key, words in environment.items() if words}, document["image"],
    )  # fmt: skip


@functools.lru_cache(maxsize=16)
def _read(text: str, name: str) -> dict[str, Any]:
    """Its members in their shape, every scalar as text."""

    def wrong(what: str) -> InvalidValue:
        return InvalidValue(f"{name}: {what}", field="launcher")

    try:
        # BaseLoader: every scalar is the text that stands there
        document = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506
    except (yaml.YAMLError, RecursionError) as error:
        where = getattr(error, "problem_mark", None)
        line = f"line {where.line + 1}: " if where is not None else ""
        raise wrong(f"{line}{getattr(error, 'problem', None) or error} (an expression is to be quoted)") from error
    if not isinstance(document, dict):
        raise wrong(f"a mapping with {', '.join(_MEMBERS)} is needed")
    for member in document:
        if member not in _MEMBERS:
            known = ", ".join(_MEMBERS)
            raise wrong(f"{member} is not known; there are: {known} (see the original in install/config)")
    read = {"options": [], "image": "", "command": [], "environment": {}, **document}
    for member in ("options", "command"):
        read[member] = read[member] or []
        if not isinstance(read[member], list) or not all(isinstance(item, str) for item in read[member]):
            raise wrong(f"{member}: a list of texts is needed")
    if not isinstance(read["image"], str):
        raise wrong("image: a text is needed")
    read["environment"] = read["environment"] or {}
    if not isinstance(read["environment"], dict) or not all(
        isinstance(key, str) and _VARIABLE.match(key) and isinstance(item, str)
        for key, item in read["environment"].items()
    ):
        raise wrong("environment: NAME: text, one for each variable, is needed")
    for item in read["options"]:
        alone = _EXPRESSION.fullmatch(item)
        if "{{" in item and not _BEHIND_ITS_NAME.match(item) and not (alone and alone.group(1).strip() in _ALONE):
            raise wrong(f"options: {item!r}: an expression must stand behind its option: --name={{{{ … }}}}")
    return read


def _arguments(where: str, item: str, values: Mapping[str, Any]) -> list[str]:
    """One argument; one for each member where an expression is a list; none where an expression is empty."""
    if _OTHER_SYNTAX.search(item):
        raise InvalidValue(f"{where}: {item!r}: only {{{{ expressions }}}} are understood", field="launcher")
    words = [""]
    at, lists = 0, 0
    for match in _EXPRESSION.finditer(item):
        found = _value(where, match.group(1).strip(), values)
        lists += isinstance(found, list)
        if lists > 1:
            raise InvalidValue(f"{where}: {item!r}: one list only", field="launcher")
        literal = item[at : match.start()]
        members = found if isinstance(found, list) else [found] if found else []
        words = [word + literal + member for word in words for member in members]
        at = match.end()
    words = [word + item[at:] for word in words]
    for word in words:
        if "\0" in word:
            raise InvalidValue(f"{where}: {item!r}: no NUL characters", field="launcher")
    return [word for word in words if word]


def _value(where: str, expression: str, values: Mapping[str, Any]) -> str | list[str]:
    try:
        value = _compiled(expression)(**values)
        if isinstance(value, Undefined):
            return _missing(where, expression, value)
        if isinstance(value, (list, tuple)):
            return [_text(member) for member in value if member not in (None, "")]
        return _text(value)
    except InvalidValue:
        raise
    except (TemplateError, ArithmeticError, TypeError, ValueError, LookupError, AttributeError) as error:
        raise InvalidValue(f"{where}: {{{{ {expression} }}}}: {error}", field="launcher") from error


def _missing(where: str, expression: str, value: Undefined) -> str:
    """Empty for what a mapping does not have, such as a form's answer, and for an ``if`` without ``else``."""
    if isinstance(value._undefined_obj, Mapping) or value._undefined_name is None:
        return ""
    raise InvalidValue(f"{where}: {{{{ {expression} }}}}: there is no {value._undefined_name}", field="launcher")


@functools.lru_cache(maxsize=512)
def _compiled(expression: str) -> Callable[..., Any]:
    return cast("Callable[..., Any]", _ENVIRONMENT.compile_expression(expression, undefined_to_none=False))


def _text(value: Any) -> str:
    if value is None or value is False:
        return ""
    if value is True:
        return "true"
    if isinstance(value, (str, int, float)):
        return str(value)
    raise ValueError(f"a text or a number is needed, not {type(value).__name__}")
