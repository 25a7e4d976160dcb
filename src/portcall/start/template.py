"""Schedule templates: ``${ start.command }`` and its kin, filled in so that each value stays one argument anywhere.

The shell's quoting (POSIX.1-2017, Shell Command Language, 2.2) is followed through the template: a value gets the
quoting that its place needs. Places where none can be given safely (backquotes, here-documents, comments, ``$'…'``,
arithmetic, expansions within quotes) are refused.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any

from portcall.errors import InvalidValue

_VARIABLE = re.compile(r"\$\{\s*start((?:\.[A-Za-z0-9_-]+)+)\s*\}")
_ANY = re.compile(r"\$\{\s*start\b[^}]*\}?")
# what no shell means: a name with dots, or between blanks; of "start" it is a slip, such as ${ strat.command }
_SLIP = re.compile(r"\$\{(?:\s*[A-Za-z_][\w-]*(?:\.[\w-]+)+\s*|\s+[A-Za-z_]\w*\s*)\}")
_ANSI = re.compile(r"\$'(?:[^'\\]|\\.)*'", re.DOTALL)
_BRACES, _PARENTHESES = re.compile(r"\\.|\$\{|\}", re.DOTALL), re.compile(r"\\.|[()]", re.DOTALL)
_CASE = re.compile(r"case\b")
_PLAIN, _SINGLE, _DOUBLE = "plain", "single", "double"


def fill(template: str, start: Mapping[str, Any]) -> str:
    """The command line; InvalidValue for a variable that is not known, or that stands where it cannot be quoted."""
    out: list[str] = []
    contexts = [_PLAIN]  # the innermost last: $( … ) begins a new one
    at, word_begins = 0, True
    while at < len(template):
        match = _VARIABLE.match(template, at)
        if match:
            out.append(_quoted(_text(start, match.group(1)[1:]), contexts[-1]))
            at, word_begins = match.end(), False
            continue
        if _ANY.match(template, at):
            raise InvalidValue(f"template: {_ANY.match(template, at).group()!r} is not understood; "  # type: ignore[union-attr]
                               "write ${ start.command } or ${ start.params.NAME }", field="schedule")  # fmt: skip
        slip = _SLIP.match(template, at) if contexts[-1] != _SINGLE else None
        if slip:
            raise InvalidValue(f"template: there is no {slip.group()}; "
                               "write ${ start.command } or ${ start.params.NAME }", field="schedule")  # fmt: skip
        step = _step(template, at, contexts, word_begins)
        piece = template[at : at + step]
        out.append(piece)
        word_begins = contexts[-1] == _PLAIN and piece[-1] in " \t\n;&|()"
        at += step
    return "".join(out)


def _step(template: str, at: int, contexts: list[str], word_begins: bool) -> int:
    """Length of the next piece that holds no variable, with the context kept up to date."""
    character, context = template[at], contexts[-1]
    if context == _SINGLE:
        if character == "'":
            contexts.pop()
        return 1
    if character == "\\":
        return 2 if at + 1 < len(template) else 1
    if character == "`":
        return _refused(template, at, template.find("`", at + 1) + 1 or len(template), "backquotes; write $( … )")
    if template.startswith("$((", at):
        return _refused(template, at, _closing(template, at, _PARENTHESES), "$(( … ))")
    if context == _DOUBLE and template.startswith("${", at):
        return _refused(template, at, _closing(template, at, _BRACES), 'a "${ … }" of the shell\'s')
    if context == _PLAIN and template.startswith("$'", at):
        end = _ANSI.match(template, at)
        return _refused(template, at, end.end() if end else len(template), "$'…'")
    if template.startswith("$(", at):
        contexts.append(_PLAIN)
        return 2
    if character == '"':
        contexts.append(_DOUBLE) if context == _PLAIN else contexts.pop()
        return 1
    if context == _DOUBLE:
        return 1
    if character == "'":
        contexts.append(_SINGLE)
    elif character == "(":
        contexts.append(_PLAIN)
    elif character == ")" and len(contexts) > 1:
        contexts.pop()
    elif word_begins and _DOUBLE in contexts and _CASE.match(template, at):
        return _refused(template, at, len(template), "a case within quotes")  # its ) closes nothing
    elif template.startswith("<<", at):
        return _refused(template, at, len(template), "a here-document")
    elif character == "#" and word_begins:
        return _refused(template, at, template.find("\n", at) + 1 or len(template), "a comment")
    return 1


def _closing(template: str, at: int, pairs: re.Pattern[str]) -> int:
    """Behind what closes the first that opens from ``at`` on."""
    depth = 0
    for match in pairs.finditer(template, at):
        depth += {"${": 1, "(": 1, "}": -1, ")": -1}.get(match.group(), 0)
        if depth == 0:
            return match.end()
    return len(template)


def _refused(template: str, begin: int, end: int, where: str) -> int:
    if _ANY.search(template, begin, end):
        raise InvalidValue(f"template: a variable cannot be quoted safely in {where}", field="schedule")
    return end - begin


def _quoted(value: str, context: str) -> str:
    if context == _SINGLE:
        return value.replace("'", "'\\''")
    if context == _DOUBLE:
        return re.sub(r'([\\"$`])', r"\\\1", value)
    return shlex.quote(value)


def _text(start: Mapping[str, Any], path: str) -> str:
    value: Any = start
    for name in path.split("."):
        if not isinstance(value, Mapping) or name not in value:
            raise InvalidValue(f"template: this start has no {'.'.join(('start', path))}", field="schedule")
        value = value[name]
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if "\0" in text:
        raise InvalidValue(f"template: start.{path} has a NUL character", field="schedule")
    return "" if value is None else text
