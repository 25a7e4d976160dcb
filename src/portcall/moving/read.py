"""Files of FastX 3 and 4: ini with ``key[]`` lists and values over several lines, JSON lines of documents."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_SECTION = re.compile(r"\s*\[([^\]]+)\]\s*\Z")
_PAIR = re.compile(r"\s*([^=\s][^=]*?)\s*=\s*(.*)\Z", re.DOTALL)


@dataclass
class Ini:
    """``sections[""]`` is what stands before the first heading. A list is what ``key[]`` gave, else text."""

    sections: dict[str, dict[str, Any]] = field(default_factory=lambda: {"": {}})
    lines: dict[tuple[str, str], int] = field(default_factory=dict)
    bad: list[int] = field(default_factory=list)

    @property
    def top(self) -> dict[str, Any]:
        return self.sections[""]

    def line(self, section: str, key: str) -> int:
        return self.lines.get((section, key), 1)


def ini(text: str) -> Ini:
    """Comments begin with ; or #. A value in double quotes may go over lines; of a key given twice the last counts."""
    found, section = Ini(), ""
    rows = text.lstrip("\ufeff").splitlines()
    number = 0
    while number < len(rows):
        row, begin = rows[number], number + 1
        number += 1
        if not row.strip() or row.lstrip()[0] in ";#":
            continue
        if heading := _SECTION.match(row):
            section = heading.group(1).strip()
            found.sections.setdefault(section, {})
            continue
        while _open(row) and number < len(rows):
            row += "\n" + rows[number]
            number += 1
        pair = _PAIR.match(row)
        if pair is None:
            found.bad.append(begin)
            continue
        key, value = pair.group(1), _value(pair.group(2))
        members = found.sections[section]
        if key.endswith("[]"):
            key = key[:-2]
            before = members.get(key)
            members[key] = [*(before if isinstance(before, list) else []), value]
        else:
            members[key] = value
        found.lines.setdefault((section, key), begin)
    return found


def _open(row: str) -> bool:
    """Whether a quoted value has not ended."""
    value = row.partition("=")[2].lstrip()
    return value.startswith('"') and len(re.findall(r'(?<!\\)"', value)) == 1


def _value(text: str) -> str:
    text = text.strip()
    for quote in "\"'":
        if len(text) > 1 and text.startswith(quote) and text.endswith(quote):
            inner = text[1:-1]
            return inner.replace('\\"', '"').replace("\\n", "\n") if quote == '"' else inner
    return re.split(r"\s[;#]\s", text)[0].rstrip()


def documents(path: Path) -> tuple[dict[str, tuple[dict[str, Any], int]], list[int]] | None:
    """``_id`` → ``data`` and line, of an append-only file: the last line about an id counts, ``$$deleted`` removes it.

    With the lines that could not be read. None for a file that is none of this kind.
    """
    found: dict[str, tuple[dict[str, Any], int]] = {}
    bad: list[int] = []
    ours = False
    for number, row in enumerate(path.read_text("utf-8", "replace").splitlines(), 1):
        if not row.strip():
            continue
        try:
            entry = json.loads(row)
        except ValueError:
            bad.append(number)
            continue
        if not isinstance(entry, dict) or "_id" not in entry:
            continue  # an index, or another kind of file
        ours = True
        document_id = str(entry["_id"])
        if entry.get("$$deleted"):
            found.pop(document_id, None)
            continue
        data = entry.get("data")
        if not isinstance(data, dict):  # older files have the members beside the id
            data = {name: value for name, value in entry.items() if name not in ("_id", "data")}
        found[document_id] = (data, number)
    return (found, bad) if ours else None
