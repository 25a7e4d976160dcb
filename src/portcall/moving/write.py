"""Tables as TOML, and the files of an import: none is overwritten unless that was asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from portcall.errors import Conflict, InvalidValue
from portcall.moving.report import Found


def toml(tables: dict[str, dict[str, Any]], head: str = "", top: dict[str, Any] | None = None) -> str:
    """``[name]`` tables; values as JSON writes them: TOML reads text, numbers, booleans and lists the same."""
    parts = [f"# {line}" for line in head.splitlines()]
    parts += [f"{_key(name)} = {_value(value)}" for name, value in (top or {}).items()]
    for name, members in tables.items():
        parts += ["", f"[{_key(name)}]", *(f"{_key(key)} = {_value(value)}" for key, value in members.items())]
    return "\n".join(parts).strip() + "\n"


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else _text(name)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(str(key))} = {_value(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return _text(value) if isinstance(value, str) else json.dumps(value)


def _text(value: str) -> str:
    # TOML knows JSON's escapes, but neither \/ (never written) nor a bare DEL
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def save(found: Found, directory: Path, force: bool) -> list[Path]:
    """The files that were written; Conflict names those that are there already, and then nothing is."""
    if directory.resolve() == found.source.resolve():
        raise InvalidValue(f"{directory}: write to another directory than the one that is read")
    there = [name for name in found.files if (directory / name).exists()]
    if there and not force:
        raise Conflict(f"In {directory} there are already: {', '.join(sorted(there))}. --force overwrites them.")
    written = []
    try:
        for name, text in sorted(found.files.items()):
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            path.chmod(0o755 if name in found.programs else 0o644)
            written.append(path)
    except OSError as error:
        raise InvalidValue(f"{error.filename or directory}: {error.strerror}") from error
    return written
