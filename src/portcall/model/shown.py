"""What commands printed, made fit to be shown: in a page, in a list, in somebody's terminal."""

from __future__ import annotations

import re

from portcall.model.start import Output

_LONGEST = 400  # characters of one line
# colours, cursor movements, titles and links: what a terminal is told, and nobody reads
_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])")
_ODD = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffd]+")


def shown(output: Output) -> str:
    """What people are told of it: both of its streams, without blank ends."""
    return printable("\n".join(part.strip() for part in (output.stdout, output.stderr) if part.strip()), lines=True)


def printable(text: str, lines: bool = False) -> str:
    """Without any control character but, with ``lines``, newlines; without ``lines`` it is one, and not long."""
    text = _SEQUENCE.sub("", text)
    if lines:
        return "\n".join(_ODD.sub(" ", line.expandtabs()).rstrip() for line in text.splitlines())
    return " ".join(_ODD.sub(" ", text).split())[:_LONGEST]
