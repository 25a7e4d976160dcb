"""What commands print: tables, facts and JSON, with nothing in them that could take over a terminal."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from portcall.model import codec

# control characters, and those that turn or hide text; the joiners of scripts and emoji stay
_KEPT = "\u200c\u200d"
_UNSAFE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_PERHAPS_UNSAFE = re.compile(r"[^\n\x20-\x7e]")


def neutral(text: object, lines: bool = False) -> str:
    """``text`` with every character that is not simply shown written as an escape; ``lines`` keeps newline and tab."""
    kept = _KEPT + ("\n\t" if lines else "")
    return "".join(
        character if character in kept or unicodedata.category(character) not in _UNSAFE else _escape(character)
        for character in str(text)
    )


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


def terminal() -> bool:
    """Whether a person reads standard output."""
    return sys.stdout.isatty()


def colourful() -> bool:
    """https://no-color.org"""
    return terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def line(text: str = "") -> None:
    """A line of text that is known to be harmless."""
    sys.stdout.write(text + "\n")


def document(value: Any, indent: int | None = 2) -> None:
    """JSON that is the same document for a program and harmless in a terminal."""
    text = json.dumps(codec.to_document(value), indent=indent, ensure_ascii=False)
    line(harmless_json(text))


def harmless_json(text: str) -> str:
    """The same document, with what ``neutral`` would escape written as JSON's escapes."""
    return _PERHAPS_UNSAFE.sub(_json_escape, text)


def _json_escape(match: re.Match[str]) -> str:
    character = match.group()
    if character in _KEPT or unicodedata.category(character) not in _UNSAFE:
        return character
    code = ord(character)
    if code < 65536:
        return f"\\u{code:04x}"
    code -= 65536
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str = "", cut: bool = True) -> None:
    """Columns under their names, two blanks between them; an empty cell is ``-``, so that programs can count columns.

    For a person, long cells are shortened, ``cut`` shortens the last column to the terminal's width, and ``empty`` is
    said when there is no row. For a program every cell is whole.
    """
    cells = [[("" if cell is None else neutral(cell)) or "-" for cell in row] for row in rows]
    if not terminal():
        _columns(columns, cells, lambda text, _: text)
        return
    if not cells:
        line(empty or "Nothing to list.")
        return
    inner = [[shortened(text, _WIDEST) for text in row[:-1]] + row[-1:] for row in cells]
    used = sum(max(width(text) for text in column) + 2 for column in list(zip(columns, *inner, strict=True))[:-1])
    if cut:
        room = max(16, shutil.get_terminal_size().columns - used)
        inner = [[*row[:-1], shortened(row[-1], room)] for row in inner]
    _columns(columns, inner, _styled if colourful() else lambda text, _: text)


def _columns(columns: Sequence[str], cells: list[list[str]], style: Callable[[str, int], str]) -> None:
    widths = [max(width(text) for text in column) for column in zip(columns, *cells, strict=True)]
    for number, row in enumerate([list(columns), *cells]):
        padded = (style(text, number) + " " * (wide - width(text)) for text, wide in zip(row, widths, strict=True))
        line("  ".join(padded).rstrip())


def _styled(text: str, number: int) -> str:
    style = _BOLD if number == 0 else _STYLES.get(text, "")
    return f"\x1b[{style}m{text}\x1b[0m" if style else text


def shortened(text: str, room: int) -> str:
    """``text`` in so many columns, with an ellipsis where something was left out."""
    used, fits = 0, 0
    for character in text:
        used += width(character)
        if used > room:
            return f"{text[:fits]}…"
        fits += used < room
    return text


_BOLD, _WIDEST = "1", 32
_STYLES = {"running": "32", "suspended": "36", "pending": "33", "ending": "33", "lost": "31"}


def facts(pairs: Iterable[tuple[str, object]]) -> None:
    """Names and values, a line each, and as many as a value has; values that are not known are left out."""
    known = [(name, value) for name, value in pairs if value not in (None, "")]
    widest = max((len(name) for name, _ in known), default=0)
    for name, value in known:
        lines = neutral(str(value).strip("\n"), lines=True) if isinstance(value, str) else neutral(value)
        line(f"{name:<{widest}}  " + lines.replace("\n", f"\n{'':{widest}}  "))


def width(text: str) -> int:
    """Columns that a text takes in a terminal."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


def size(count: float) -> str:
    """Bytes for people."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            return f"{count:.0f} {unit}" if unit in ("B", "KiB") or count >= 100 else f"{count:.1f} {unit}"
        count /= 1024
    raise AssertionError


def span(seconds: float) -> str:
    """A duration for people, two units at most."""
    whole = max(0, int(seconds))
    days, hours, minutes = whole // 86400, whole % 86400 // 3600, whole % 3600 // 60
    if days:
        return f"{days}d {hours}h"
    if hours:
        return f"{hours}h {minutes}m"
    return f"{minutes}m {whole % 60}s" if minutes else f"{whole}s"


def moment(seconds: float | None) -> str:
    """A time in the reader's zone."""
    if not seconds:
        return ""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
