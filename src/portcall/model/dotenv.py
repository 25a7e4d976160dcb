"""The syntax of ``fastx.env``: ``NAME=value`` lines as dotenv has them, with quotes, ``export`` and comments.

Nothing is expanded and nothing is run: ``$HOME`` in a value stays these five characters.
"""

from __future__ import annotations

import re
from typing import Dict, NamedTuple

_BEGIN = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*=[ \t]*")
_REST = re.compile(r"[ \t]*(?:#.*)?\Z", re.DOTALL)
_COMMENT = re.compile(r"(?:^|[ \t]+)#.*\Z", re.DOTALL)
_NEWLINE = re.compile(r"\r\n|\n|\r")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


class Variable(NamedTuple):
    """``line`` is where it begins, from 1."""

    value: str
    line: int


def read(text: str) -> Dict[str, Variable]:
    """What the text sets; of a name that stands twice, the last. A line that sets nothing is passed over.

    In double quotes ``\\n \\r \\t \\" \\\\`` are escapes, in single quotes nothing is; either may go over lines.
    Without quotes a value ends at the line's end, or before a ``#`` that follows a blank.
    """
    found: Dict[str, Variable] = {}
    rows = _NEWLINE.split(text.lstrip("\ufeff"))
    number = 0
    while number < len(rows):
        row, begin = rows[number], number
        number += 1
        match = _BEGIN.match(row)
        if match is None:
            continue
        value = row[match.end() :]
        if value[:1] in ("'", '"'):
            closed, more = _quoted(rows, begin, match.end())
            if closed is not None:
                found[match.group(1)] = Variable(closed, begin + 1)
                number = begin + 1 + more
                continue
        found[match.group(1)] = Variable(_COMMENT.sub("", value).strip(), begin + 1)
    return found


def values(text: str) -> Dict[str, str]:
    """The same without the lines."""
    return {name: variable.value for name, variable in read(text).items()}


def line(name: str, value: str) -> str:
    """The line that sets it, whatever the value; without its newline."""
    if re.fullmatch(r"[A-Za-z0-9_./:=,+@%-]*", value):
        return f"{name}={value}"
    if not set(value) & set("'\r\n"):
        return f"{name}='{value}'"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "\\r").replace("\n", "\\n")
    return f'{name}="{escaped}"'


def _quoted(rows: list[str], begin: int, at: int) -> tuple[str | None, int]:
    """The value whose opening quote is at ``at``, and how many more rows it takes; None where nothing closes it."""
    quote, text, more = rows[begin][at], rows[begin][at + 1 :], 0
    while True:
        end = _closing(text, quote)
        if end is not None:
            if not _REST.match(text, end + 1):
                return None, 0  # 'a'b, or a lone quote: not a quoted value
            return _unescaped(text[:end]) if quote == '"' else text[:end], more
        more += 1
        if begin + more >= len(rows):
            return None, 0
        text += "\n" + rows[begin + more]


def _closing(text: str, quote: str) -> int | None:
    at = 0
    while at < len(text):
        if text[at] == "\\" and quote == '"':
            at += 1
        elif text[at] == quote:
            return at
        at += 1
    return None


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda match: _ESCAPES.get(match.group(1), match.group(0)), text)
