"""Administrators' documents as files in the configuration directory, for configuration management."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from portcall.config import read_toml
from portcall.errors import InvalidValue, SettingRefused
from portcall.model import codec
from portcall.model.administered import (
    EXECUTABLE,
    JAVASCRIPT,
    PYTHON,
    Chain,
    FunctionDocument,
    StaticData,
)
from portcall.model.form import Bookmark, Form
from portcall.model.function import BY_NAME
from portcall.model.ids import is_document_id
from portcall.model.profile import DEFAULT, Profile, check_everybodys

T = TypeVar("T")


def tables(
    path: Path, cls: type[T], defaults: dict[str, Any], key: str = "id", check: Callable[[T], None] = lambda _: None
) -> dict[str, tuple[T, str]]:
    """``[id]`` tables of snake_case members; SettingRefused names file and line of what is wrong. ``check`` raises
    InvalidValue for what must not even be in force until it is mended."""
    found: dict[str, tuple[T, str]] = {}
    known = {name for name in cls.__dataclass_fields__ if name not in (key, "unknown")}  # type: ignore[attr-defined]
    for document_id, table in read_toml(path).items():
        if not isinstance(table, dict) or not is_document_id(document_id):
            raise SettingRefused(f"{where(path, document_id)}: write a table: [{document_id}]")
        for member in table:
            if member not in known:
                raise SettingRefused(f"{where(path, document_id, member)}: {member} is not known; there are: "
                                     f"{', '.join(sorted(known))}")  # fmt: skip
        document = {**defaults, **{codec.camel(name): value for name, value in table.items()}, key: document_id}
        try:
            found[document_id] = (codec.from_document(cls, document), str(path))
            check(found[document_id][0])
        except InvalidValue as error:
            member = str(error.extra.get("field", ""))
            raise SettingRefused(f"{where(path, document_id, member)}: [{document_id}] {error}") from error
    return found


def bookmarks(directory: Path) -> dict[str, tuple[Bookmark, str]]:
    """``bookmarks.toml``."""
    return tables(directory / "bookmarks.toml", Bookmark, {})


def profiles(directory: Path) -> dict[str, tuple[Profile, str]]:
    """``profiles.toml``; ``[default]`` changes the default one."""
    return tables(directory / "profiles.toml", Profile, codec.to_document(DEFAULT) | {"description": ""}, "name",
                  check_everybodys)  # fmt: skip


def chains(directory: Path) -> dict[str, tuple[Chain, str]]:
    """``chains.toml``: ``[login]`` and ``[start]`` with their ``steps`` and ``prefilter``."""
    return tables(directory / "chains.toml", Chain, {})


def static_data(directory: Path, server_id: str) -> dict[str, tuple[StaticData, str]]:
    """``static-data.json``: an object about this server."""
    path = directory / "static-data.json"
    try:
        data = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except json.JSONDecodeError as error:
        raise SettingRefused(f"{path}:{error.lineno}: {error.msg}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingRefused(f"{path}: {error}") from error
    if not isinstance(data, dict):
        raise SettingRefused(f"{path}:1: an object is needed")
    return {server_id: (StaticData(server_id, data), str(path))}


_SUFFIXES = {".js": JAVASCRIPT, ".py": PYTHON}


def functions(directory: Path) -> dict[str, tuple[FunctionDocument, str]]:
    """``functions/KIND/NAME.js``, ``.py``, or a program that may be executed; a leading number is the position."""
    found: dict[str, tuple[FunctionDocument, str]] = {}
    for path in sorted((directory / "functions").glob("*/*")):
        kind = path.parent.name
        if kind not in BY_NAME:
            raise SettingRefused(f"{path.parent}: there is no such kind of function; there are: {', '.join(BY_NAME)}")
        engine = _SUFFIXES.get(path.suffix, EXECUTABLE)
        try:  # an editor's draft may be gone by now
            if engine == EXECUTABLE and not path.stat().st_mode & 0o111:
                raise SettingRefused(f"{path}: neither .js nor .py, nor may it be executed")
            source = path.read_text("utf-8") if engine == JAVASCRIPT else str(path)
        except (OSError, UnicodeDecodeError) as error:
            raise SettingRefused(f"{path}: {error}") from error
        match = re.match(r"(\d+)[-_. ]*(.*)", path.stem)
        position, name = (int(match.group(1)), match.group(2)) if match else (0, path.stem)
        document_id = f"{kind}.{path.stem}"[:64]
        document = FunctionDocument(document_id, kind, name or path.stem, source, engine, position=position)
        found[document_id] = (document, str(path))
    return found


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
