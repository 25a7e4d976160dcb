"""Words for what administrators' sources stumble over: signs pasted from manuals, and things that are not there."""

from __future__ import annotations

import re

from portcall.errors import FunctionInvalid
from portcall.functions._js.tokens import NAME, STRAY, place, tokens

MAX_SOURCE = 65_536
_QUOTES = {"‘": "'", "’": "'", "‚": "'", "‛": "'", "′": "'", "“": '"', "”": '"', "„": '"', "″": '"', "«": '"', "»": '"'}
_DASHES = {"–": "-", "—": "-", "−": "-", "‐": "-", "‑": "-"}
_MISSING = {
    "require": "modules cannot be loaded here; a metric may run a command: await exec([\"program\", \"argument\"])",
    "process": "there is no Node.js here; what a function may know is in its input",
    "Buffer": "there is no Node.js here",
    "fetch": "functions have no network; a metric may run a command: await exec([\"curl\", \"-s\", \"https://…\"])",
    "XMLHttpRequest": "functions have no network",
    "setTimeout": "there are no timers; a function ends as soon as it can",
    "setInterval": "there are no timers; a function ends as soon as it can",
    "exec": "only metrics may run commands",
    "window": "this runs on the server, not in a browser",
    "document": "this runs on the server, not in a browser",
    "Intl": "there is no Intl here",
}  # fmt: skip


def invalid(name: str, what: str, line: int, column: int, hint: str = "") -> FunctionInvalid:
    said = f"{name}, line {line}, column {column}: {what}"
    return FunctionInvalid(f"{said} ({hint})" if hint else said, function=name, line=line, column=column, hint=hint)


def refuse(name: str, text: str) -> None:
    """Raise FunctionInvalid for what can be told without running anything."""
    if len(text) > MAX_SOURCE:
        raise invalid(name, f"the function is longer than {MAX_SOURCE} characters", 1, 1)
    try:
        found = tokens(text)
    except RecursionError:
        raise invalid(name, "templates nested too deeply", 1, 1) from None
    if not found:
        raise invalid(name, "there is no function", 1, 1, "write function(input) { … }")
    for token in found:
        if token.kind == STRAY and (hint := _stray(token.text)):
            raise invalid(name, hint[0], *place(text, token.at), hint[1])
    words = [token.text for token in found[:3]]
    kind = words[1:] if words[0] == "async" else words
    if kind[:2] == ["function", "*"]:
        raise invalid(name, "a generator cannot be called here", *place(text, found[0].at), "write function, without *")
    if kind[0] == "class":
        raise invalid(name, "a class cannot be called here", *place(text, found[0].at), "write function(input) { … }")
    if kind[0] == "return" or (found[0].kind == NAME and kind[0] in ("const", "let", "var", "if", "for", "throw")):
        raise invalid(name, f"it begins with {kind[0]}, not with a function", *place(text, found[0].at),
                      "wrap it: function(input) { … }")  # fmt: skip


def _stray(text: str) -> tuple[str, str] | None:
    sign = text[0]
    if sign in _QUOTES:
        return f"the curly quote {sign} is not a quote in JavaScript", f"write {_QUOTES[sign]} in its place"
    if sign in _DASHES:
        return f"the dash {sign} is not a minus in JavaScript", "write - in its place"
    if sign in "'\"" or text.startswith("/"):
        return None  # the engine knows better what is not closed
    if sign == "…":
        return "the sign … is not JavaScript", "write three dots, or what it stands for"
    return f"the sign {sign} is not JavaScript", ""


def hint(kind: str, message: str) -> str:
    """More about an error that a function ended with, or nothing."""
    match = re.match(r"'?(\w+)'? is not defined", message)
    if kind == "ReferenceError" and match:
        return _MISSING.get(match.group(1), "")
    return ""
