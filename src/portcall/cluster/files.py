"""Administrators' documents as files in the configuration directory, for configuration management."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, TypeVar

from portcall.config import read_toml
from portcall.errors import InvalidValue, SettingRefused
from portcall.model import codec
from portcall.model.form import Bookmark, Form
from portcall.model.ids import is_document_id

T = TypeVar("T")


def tables(path: Path, cls: type[T], defaults: dict[str, Any]) -> dict[str, tuple[T, str]]:
    """``[id]`` tables of snake_case members; SettingRefused names file and line of what is wrong."""
    found: dict[str, tuple[T, str]] = {}
    known = {name for name in cls.__dataclass_fields__ if name not in ("id", "unknown")}  # type: ignore[attr-defined]
    for document_id, table in read_toml(path).items():
        if not isinstance(table, dict) or not is_document_id(document_id):
            raise SettingRefused(f"{where(path, document_id)}: write a table: [{document_id}]")
        for member in table:
            if member not in known:
                raise SettingRefused(f"{where(path, document_id, member)}: {member} is not known; there are: "
                                     f"{', '.join(sorted(known))}")  # fmt: skip
        document = {**defaults, **{codec.camel(name): value for name, value in table.items()}, "id": document_id}
        try:
            found[document_id] = (codec.from_document(cls, document), str(path))
        except InvalidValue as error:
            member = str(error.extra.get("field", ""))
            raise SettingRefused(f"{where(path, document_id, member)}: [{document_id}] {error}") from error
    return found


def bookmarks(directory: Path) -> dict[str, tuple[Bookmark, str]]:
    """``bookmarks.toml``."""
    return tables(directory / "bookmarks.toml", Bookmark, {})


def forms(directory: Path) -> dict[str, tuple[Form, str]]:
    """``forms/ID.html``; ``forms.toml`` may hold their names, descriptions and static data."""
    about = {key: value for key, (value, _) in tables(directory / "forms.toml", Form, {"name": ""}).items()}
    found: dict[str, tuple[Form, str]] = {}
    for path in sorted((directory / "forms").glob("*.html")):
        form = about.get(path.stem, Form(path.stem, path.stem))
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingRefused(f"{path}: {error}") from error
        found[path.stem] = (
            Form(path.stem, form.name or path.stem, text, form.description, form.static_data),
            str(path),
        )
    return found


def where(path: Path, table: str, member: str = "") -> str:
    """``file:line`` of a table, or of a member in it, as near as text search gets."""
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return str(path)
    heading = re.compile(rf"\s*\[\s*[\"']?{re.escape(table)}[\"']?\s*\]")
    for number, line in enumerate(lines, 1):
        if not heading.match(line):
            continue
        for inner, text in enumerate(lines[number:], number + 1):
            if text.lstrip().startswith("["):
                break
            if member and re.match(rf"\s*{re.escape(member)}\s*=", text):
                return f"{path}:{inner}"
        return f"{path}:{number}"
    return str(path)
