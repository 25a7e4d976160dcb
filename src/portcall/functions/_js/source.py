"""What is known of a JavaScript function before it runs: may it write to its input, what did it forget to declare.

Servers stay in a worker between calls and are handed out as they are, which is what makes 10,000 of them cheap; a
function that might write to one gets copies. So whatever is not plainly harmless counts as writing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from portcall.functions._js.tokens import NAME, SIGN, STRING, TEMPLATE, Token, place, tokens

_ASSIGN = {"=", "+=", "-=", "*=", "/=", "%=", "**=", "<<=", ">>=", ">>>=", "&=", "|=", "^=", "&&=", "||=", "??="}
_MUTATORS = {"sort", "reverse", "push", "pop", "shift", "unshift", "splice", "fill", "copyWithin"}
_FRESH_CALLS = {"filter", "map", "slice", "concat", "sort", "reverse", "toSorted", "toReversed", "toSpliced", "flat",
                "flatMap", "splice", "split", "keys", "values", "entries", "from", "of", "match"}  # fmt: skip
# names that reach a write in ways that tokens do not show
_OPAQUE = {"delete", "eval", "Function", "constructor", "Reflect", "with", "apply", "call", "bind", "__proto__",
           "assign", "defineProperty", "defineProperties", "setPrototypeOf", "__defineGetter__",
           "__defineSetter__"}  # fmt: skip
_DECLARE = {"const", "let", "var"}
_NO_VARIABLE = _DECLARE | {"this", "super", "function", "class", "async", "await", "return", "if", "else", "for",
                           "while", "do", "new", "of", "in", "arguments", "null", "true",
                           "false", "undefined"}  # fmt: skip


@dataclass(frozen=True)
class Prepared:
    """``text`` is one expression. ``writes``: it may write to its input. ``variables``: assigned, never declared."""

    key: str
    text: str
    writes: bool
    variables: tuple[str, ...]


@lru_cache(maxsize=512)
def prepare(text: str) -> Prepared:
    """Of a source as an administrator saved it; that it is valid is found out elsewhere."""
    plain = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    found = tokens(plain)
    while found and found[-1].kind == SIGN and found[-1].text == ";":
        plain = plain[: found[-1].at] + " " + plain[found[-1].at + 1 :]
        found.pop()
    reader = _Reader(found)
    key = hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()[:24]
    return Prepared(key, plain, reader.writes(), tuple(sorted(reader.assigned())))


def only_throw(text: str, message: str) -> tuple[int, int] | None:
    """Where a message that is no Error was thrown: by the one ``throw`` there is, or the one of this string."""
    found = tokens(text)
    throws = [i for i, token in enumerate(found) if token.kind == NAME and token.text == "throw"]
    same = [
        i for i in throws if i + 1 < len(found) and found[i + 1].kind == STRING and found[i + 1].text[1:-1] == message
    ]
    for certain in (same, throws):
        if len(certain) == 1:
            return place(text, found[certain[0]].at)
    return None


def member(text: str, name: str, near: tuple[int, int] | None) -> tuple[int, int] | None:
    """Where ``.name`` stands, if it stands once: on the line of a place, or anywhere where there is none."""
    found = tokens(text)
    places = [
        place(text, token.at) for before, token in pairwise(found) if token.text == name and before.text in (".", "?.")
    ]
    fitting = [one for one in places if near is None or one[0] == near[0]]
    return fitting[0] if len(fitting) == 1 else None


class _Reader:
    def __init__(self, found: list[Token]) -> None:
        self._all = found
        self._fresh: dict[str, bool] = {}
        self._pair: dict[int, int] = {}  # brackets, both ways
        self._inside: list[int] = []  # the bracket that a token stands in, -1 for none
        self._named: dict[str, list[int]] = {}
        stack = [-1]
        for index, token in enumerate(found):
            if token.kind == NAME:
                self._named.setdefault(token.text, []).append(index)
            elif token.kind == SIGN and token.text in ")]}" and len(stack) > 1:
                begin = stack.pop()
                self._pair[begin], self._pair[index] = index, begin
            self._inside.append(stack[-1])
            if token.kind == SIGN and token.text in "([{":
                stack.append(index)

    def _is(self, index: int, *texts: str) -> bool:
        return 0 <= index < len(self._all) and self._all[index].kind in (SIGN, NAME) and self._all[index].text in texts

    def _name(self, index: int) -> bool:
        return 0 <= index < len(self._all) and self._all[index].kind == NAME

    def _value(self, index: int) -> bool:
        """A value ends here, so that a bracket after it names a member."""
        return (self._name(index) and self._all[index].text not in _NO_VARIABLE) or self._is(index, ")", "]")

    def writes(self) -> bool:
        return any(self._writes_at(index) for index in range(len(self._all)))

    def _writes_at(self, index: int) -> bool:
        token = self._all[index]
        if token.kind == NAME:
            if token.text in _OPAQUE or "\\" in token.text:
                return True
            if token.text in _MUTATORS:
                called = self._is(index - 1, ".", "?.") and self._is(index + 1, "(")
                return not (called and self._fresh_before(index - 2))
            if token.text == "for":
                return self._loop_writes(index)
            return False
        if token.kind == TEMPLATE:
            return False
        if token.kind != SIGN:
            return token.kind == "stray"
        if token.text in _ASSIGN:
            return self._target_writes(index - 1)
        if token.text in ("++", "--"):
            after = index + 1
            if self._name(index - 1) or self._is(index - 1, ")", "]"):
                return self._target_writes(index - 1)
            return not self._name(after) or self._is(after + 1, ".", "[", "?.")
        # a method that is named at run time; a tagged template
        return token.text == "]" and (self._is(index + 1, "(", "?.") or self._template(index + 1))

    def _template(self, index: int) -> bool:
        return index < len(self._all) and self._all[index].kind == TEMPLATE

    def _loop_writes(self, index: int) -> bool:
        """``for (s.x of …)`` assigns too."""
        begin = index + 1 + self._is(index + 1, "await")
        if self._is(begin + 1, *_DECLARE, ";"):
            return False
        return not (self._name(begin + 1) and not self._is(begin + 2, ".", "[", "?."))

    def _target_writes(self, end: int) -> bool:
        """The target of an assignment ends here."""
        if self._name(end):
            if not self._is(end - 1, ".", "?."):
                return False  # a variable
            return not self._own(end - 2)
        if self._is(end, "]"):
            begin = self._open(end)
            if begin is None:
                return True
            if self._value(begin - 1):
                return not self._own(begin - 1)
            return not self._pattern(begin)
        if self._is(end, "}"):
            begin = self._open(end)
            return begin is None or not self._pattern(begin)
        return True

    def _pattern(self, begin: int) -> bool:
        """What opens here takes a value apart into variables."""
        end = self._close(begin)
        if end is None:
            return False
        if any(self._is(index, ".", "?.") for index in range(begin, end)):
            return False
        return self._is(begin - 1, *_DECLARE, "(", ",", ";", "}", "{")

    def _own(self, index: int) -> bool:
        """A variable that only ever held objects or arrays which the function made itself."""
        return self._name(index) and not self._is(index - 1, ".", "?.") and self._made(self._all[index].text)

    def _made(self, name: str) -> bool:
        if name not in self._fresh:
            self._fresh[name] = False  # while it is being found out
            given = [i for i in self._named[name] if not self._is(i - 1, ".", "?.")]
            values = [i + 2 for i in given if self._is(i + 1, "=")]
            # declared here with a value: what came as a parameter, or out of something else, may be anybody's
            declared = any(self._is(i - 1, *_DECLARE) and self._is(i + 1, "=") for i in given)
            foreign = any(self._is(i + 1, "=>", "of", "in") or self._taken(i) for i in given)
            self._fresh[name] = declared and not foreign and all(self._makes(index) for index in values)
        return self._fresh[name]

    def _taken(self, index: int) -> bool:
        """Whether it is a parameter, or part of a pattern that takes a value apart."""
        begin = self._inside[index]
        while begin >= 0:
            end = self._pair.get(begin)
            if end is None:
                return True
            if self._is(begin, "("):
                return self._is(end + 1, "=>", "{") and not self._is(begin - 1, "for", "if", "while", "switch")
            if self._is(end + 1, "=", "of", "in"):
                return True
            begin = self._inside[begin]
        return False

    def _makes(self, index: int) -> bool:
        """The expression that begins here is an object or array of its own, through to its end."""
        if self._is(index, "{", "["):
            end = self._close(index)
        elif self._is(index, "new") and self._name(index + 1) and self._is(index + 2, "("):
            end = self._close(index + 2)
        elif self._name(index) and self._is(index + 1, ".") and self._is(index + 2, "servers"):
            end = index + 2
        elif self._name(index) and self._all[index].text in ("Object", "Array"):
            end = index
        else:
            return False
        while end is not None and self._is(end + 1, ".") and self._is(end + 3, "("):
            if self._all[end + 2].text not in _FRESH_CALLS:
                return False
            end = self._close(end + 3)
        if end is None or end + 1 >= len(self._all):
            return end is not None
        return not self._is(end + 1, ".", "?.", "[", "(", "?", "||", "&&", "??") and self._all[end].text != "Object"

    def _fresh_before(self, index: int) -> bool:
        """The expression that ends here is an array made in this call."""
        if self._is(index, ")"):
            begin = self._open(index)
            return (
                begin is not None and self._name(begin - 1) and self._is(begin - 2, ".")
                and self._all[begin - 1].text in _FRESH_CALLS
            )  # fmt: skip
        if self._is(index, "]"):
            begin = self._open(index)
            return begin is not None and not (self._value(begin - 1) or self._is(begin - 1, "?."))
        if self._is(index, "servers") and self._is(index - 1, ".", "?."):
            return self._name(index - 2) and not self._is(index - 3, ".", "?.")
        return self._own(index)

    def _open(self, end: int) -> int | None:
        return self._pair.get(end)

    _close = _open

    def assigned(self) -> set[str]:
        """Variables that something is assigned to; of the declared ones, an outer one of the same name is harmless."""
        found = set()
        for index, token in enumerate(self._all):
            if token.kind != NAME or token.text in _NO_VARIABLE or "\\" in token.text or token.text.startswith("#"):
                continue
            if self._is(index - 1, ".", "?.", *_DECLARE):
                continue
            loop = self._is(index + 1, "of", "in") and self._is(index - 1, "(") and self._is(index - 2, "for", "await")
            counted = self._is(index + 1, "++", "--") or self._is(index - 1, "++", "--")
            if loop or counted or self._is(index + 1, *_ASSIGN):
                found.add(token.text)
        return found
