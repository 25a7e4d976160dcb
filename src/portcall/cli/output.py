"""What commands print: tables, facts and JSON, with nothing in them that could take over a terminal."""

from __future__ import annotations

import json
import os
import re
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from portcall.model import codec

# control characters, and those that turn or hide text; the joiners of scripts and emoji stay
_KEPT = "\u200c\u200d"
_UNSAFE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_JSON_UNSAFE = re.compile(
    "[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\U000e0000-\U000e007f]"
)


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
    line(_JSON_UNSAFE.sub(_json_escape, text))


def _json_escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 65536:
        return f"\\u{code:04x}"
    code -= 65536
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str = "") -> None:
    """Columns under their names. For a terminal fitted to its width, else whole, two blanks between columns.

    An empty cell is ``-``, so that programs can count columns; ``empty`` is said to a person when there is no row.
    """
    cells = [[("" if cell is None else neutral(cell)) or "-" for cell in row] for row in rows]
    if not cells and terminal():
        line(empty or "Nothing to list.")
        return
    if terminal():
        _rich_table(columns, cells)
        return
    widths = [max(width(text) for text in column) for column in zip(columns, *cells, strict=True)]
    for row in (columns, *cells):
        line("  ".join(text + " " * (wide - width(text)) for text, wide in zip(row, widths, strict=True)).rstrip())


def _rich_table(columns: Sequence[str], cells: list[list[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in columns:
        shown.add_column(name, overflow="ellipsis", no_wrap=True)
    for row in cells:
        shown.add_row(*(Text(text, style=_STYLES.get(text, "")) for text in row))
    Console(no_color=not colourful(), highlight=False).print(shown)


_STYLES = {"running": "green", "suspended": "cyan", "pending": "yellow", "ending": "yellow", "lost": "red"}


def facts(pairs: Iterable[tuple[str, object]]) -> None:
    """Names and values, a line each; values that are not known are left out."""
    known = [(name, value) for name, value in pairs if value not in (None, "")]
    widest = max((len(name) for name, _ in known), default=0)
    for name, value in known:
        line(f"{name:<{widest}}  {neutral(value)}")


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
