"""XML as schedulers print it, with what people wrote in it: no document types, no entities, no broken characters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

_DECLARED = re.compile(r"<!(?!--|\[CDATA\[)")  # a DTD is where entities are made, and files and hosts are named
_REFERENCE = re.compile(r"&#(?:x([0-9A-Fa-f]{1,8})|([0-9]{1,10}));")
_PROLOGUE = re.compile(r"<\?xml[^>]*\?>")
_CONTROL = {
    code: "\ufffd" for code in (*range(32), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF) if chr(code) not in "\t\n\r"
}


class Unreadable(ValueError):
    """No XML, or such as nobody has a reason to print."""


def parse(text: str) -> ElementTree.Element:
    """The root; Unreadable where there is none."""
    text = _REFERENCE.sub(_character, text).translate(_CONTROL)
    if _DECLARED.search(text):
        raise Unreadable("a document type")
    try:
        return ElementTree.fromstring(_PROLOGUE.sub("", text).strip())  # noqa: S314  no DTD gets here
    except (ElementTree.ParseError, ValueError) as error:
        raise Unreadable(str(error)) from error


def pieces(text: str, tag: str) -> Iterator[str]:
    """Each ``<tag>…</tag>`` by itself, so that a broken one spoils no other; the last may have no end."""
    begin, end = f"<{tag}>", f"</{tag}>"
    at = text.find(begin)
    while at >= 0:
        following = text.find(begin, at + 1)
        closed = text.find(end, at, following if following >= 0 else len(text))
        yield text[at : closed + len(end)] if closed >= 0 else text[at : following if following >= 0 else len(text)]
        at = following


def value(element: ElementTree.Element, path: str) -> str:
    """The text at this path, or nothing."""
    return (element.findtext(path) or "").strip()


def _character(match: re.Match[str]) -> str:
    code = int(match.group(1), 16) if match.group(1) else int(match.group(2))
    fine = code in (9, 10, 13) or 32 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or 0x10000 <= code <= 0x10FFFF
    return match.group() if fine else "\ufffd"
