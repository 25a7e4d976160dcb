"""JavaScript read as tokens: enough to see what a source names, calls and assigns to, and where a stray sign stands."""

from __future__ import annotations

import re
from dataclasses import dataclass

NAME, NUMBER, STRING, TEMPLATE, REGEX, SIGN, STRAY = "name", "number", "string", "template", "regex", "sign", "stray"

_SPACE = re.compile(r"[\s\ufeff]+")
_COMMENT = re.compile(r"//[^\n\u2028\u2029]*|/\*.*?\*/", re.DOTALL)
_NAME = re.compile(r"#?(?:[\w$\u200c\u200d]|\\u[0-9a-fA-F]{4}|\\u\{[0-9a-fA-F]+\})+")
_NUMBER = re.compile(r"\d[\w.]*(?:(?<=[eE])[+-]\d+)?|\.\d[\w]*(?:(?<=[eE])[+-]\d+)?")
_STRING = re.compile(r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"", re.DOTALL)
_REGEX = re.compile(r"/(?![*/])(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/\w*")
_SIGN = re.compile(
    r">>>=|\*\*=|<<=|>>=|&&=|\|\|=|\?\?=|===|!==|>>>|\.\.\.|=>|==|!=|<=|>=|\+\+|--|&&|\|\||\?\?|\?\.(?!\d)|\*\*|<<|>>"
    r"|[-+*/%&|^]=|[-+*/%&|^~!<>=?:;,.(){}\[\]@#]"
)
# after these a slash begins a regular expression
_BEFORE_REGEX = {"return", "typeof", "case", "in", "of", "do", "else", "void", "delete", "throw", "new", "instanceof",
                 "yield", "await"}  # fmt: skip


@dataclass(frozen=True)
class Token:
    """``at``: offset in the text."""

    kind: str
    text: str
    at: int


def tokens(text: str) -> list[Token]:
    """All but blanks and comments. A STRAY token is something JavaScript does not know; reading goes on after it."""
    found: list[Token] = []
    _read(text, 0, found, False)
    return found


def place(text: str, at: int) -> tuple[int, int]:
    """Line and column of an offset, both counted from 1."""
    before = text[:at]
    return before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1


def _read(text: str, at: int, found: list[Token], inside: bool) -> int:
    """Read to the end, or inside a template's ``${`` to its ``}``; the offset reached."""
    depth = 0
    while at < len(text):
        if match := _SPACE.match(text, at) or _COMMENT.match(text, at):
            at = match.end()
            continue
        sign = text[at]
        if sign == "`":
            at = _template(text, at, found)
            continue
        if inside and sign == "}" and depth == 0:
            return at + 1
        depth += (sign == "{") - (sign == "}")
        kind, end = _match(text, at, found)
        found.append(Token(kind, text[at:end], at))
        at = end
    return at


def _match(text: str, at: int, found: list[Token]) -> tuple[str, int]:
    if match := _NUMBER.match(text, at):
        return NUMBER, match.end()
    if match := _NAME.match(text, at):
        return NAME, match.end()
    if text[at] in "'\"":
        return _whole(STRING, _STRING.match(text, at), text, at)
    if text.startswith("/*", at):  # never closed
        return STRAY, len(text)
    if text[at] == "/" and _value_may_begin(found):
        return _whole(REGEX, _REGEX.match(text, at), text, at)
    if match := _SIGN.match(text, at):
        return SIGN, match.end()
    return STRAY, at + 1


def _whole(kind: str, match: re.Match[str] | None, text: str, at: int) -> tuple[str, int]:
    """What is not closed on its line is stray to the line's end, so that reading takes no longer than the text."""
    if match:
        return kind, match.end()
    end = text.find("\n", at)
    return STRAY, end if end >= 0 else len(text)


def _value_may_begin(found: list[Token]) -> bool:
    if not found:
        return True
    last = found[-1]
    if last.kind == SIGN:
        return last.text not in (")", "]", "}")
    return last.kind == NAME and last.text in _BEFORE_REGEX


def _template(text: str, at: int, found: list[Token]) -> int:
    """A template's own text is one token; what stands in its ``${ }`` follows as tokens between brackets."""
    begin, at = at, at + 1
    holes: list[Token] = []
    while at < len(text):
        if text[at] == "\\":
            at += 2
        elif text[at] == "`":
            at += 1
            break
        elif text.startswith("${", at):
            holes.append(Token(SIGN, "(", at))
            at = _read(text, at + 2, holes, True)
            holes.append(Token(SIGN, ")", at - 1))
        else:
            at += 1
    found.append(Token(TEMPLATE, text[begin:at], begin))
    if holes:
        found.extend((Token(SIGN, ",", begin), *holes, Token(TEMPLATE, "", at)))
    return at
