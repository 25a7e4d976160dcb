"""Reads a FastX site's configuration directory: version 4's ini files and version 3's files of JSON lines."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from portcall.cluster import files
from portcall.errors import InvalidValue, NotFound, PortcallError
from portcall.model.function import find
from portcall.moving import site
from portcall.moving.documents import Bookmarks, Forms, document_id
from portcall.moving.read import documents, ini
from portcall.moving.report import Found
from portcall.moving.write import toml

_LARGEST = 16 * 1024 * 1024  # bytes of a file that is looked into
_CODE = re.compile(r"\s*(?:/[*/].*?\n\s*)*(?:async\s+)?(?:function\b|\(?[\w\s,]*\)?\s*=>)", re.DOTALL)
# a part of a file's or document's name → the kind of function
_KINDS = {
    "formfilter": "form-filter", "serverlist": "server-list", "scheduleevent": "schedule-event",
    "startevent": "start-event", "schedul": "schedule", "login": "login-balance", "balanc": "start-balance",
    "metric": "metric",
}  # fmt: skip
UNSORTED = "to-be-sorted"


def read(directory: Path) -> Found:
    """What was found, and what of ours it becomes; nothing is written or changed."""
    if not directory.is_dir():
        raise InvalidValue(f"{directory}: there is no such directory")
    found = Found(directory)
    settings: dict[str, Any] = {}
    defaults = _defaults(found, directory / "apps" / "default.ini", settings)
    bookmarks, forms = Bookmarks(found, defaults), Forms(found)
    for path in sorted(directory.rglob("*")):
        if not path.is_file():
            continue
        try:
            _file(found, path, bookmarks, forms, settings)
        except OSError as error:
            found.left(path, 0, path.name, f"cannot be read: {error.strerror}")
    _finish(found, bookmarks, forms, settings)
    return found


def _defaults(found: Found, path: Path, settings: dict[str, Any]) -> list[str]:
    """``apps/default.ini``: its forms are those asked by default."""
    if not path.is_file():
        return []
    given = ini(path.read_text("utf-8", "replace"))
    forms = given.top.get("forms") or []
    names = [document_id(str(one)) for one in (forms if isinstance(forms, list) else str(forms).split(",")) if one]
    if names:
        settings["default_forms"] = names
        found.taken(path, given.line("", "forms"), "forms of every app", "portcall.toml default_forms")
    for section, members in given.sections.items():
        for key in members:
            if key != "forms":
                what = f"[{section}] {key}" if section else key
                found.left(path, given.line(section, key), what, "it is said for each bookmark, or by a function")
    return names


def _file(found: Found, path: Path, bookmarks: Bookmarks, forms: Forms, settings: dict[str, Any]) -> None:
    parent, name = path.parent.name, path.name
    if path.stat().st_size > _LARGEST:
        found.left(path, 0, name, "too large for a file of configuration")
    elif parent == "apps" and path.suffix == ".ini":
        if name != "default.ini":
            _ini(path, bookmarks)
    elif parent == "apps" and path.suffix in (".png", ".webp", ".svg"):
        pass  # an icon: said of the app that names it
    elif parent == "forms" and path.suffix == ".ini":
        _ini(path, forms)
    elif parent == "forms" and path.suffix in (".html", ".htm"):
        if not path.with_suffix(".ini").exists():
            forms.add(path, path.stem, {"html": path.read_text("utf-8", "replace")}, {})
    elif parent == "launcher-templates":
        site.template(found, path)
    elif name == "permissions.ini":
        site.permissions(found, path)
    elif name == "fastx.env":
        site.variables(found, path, settings)
    elif name in site.FILES:
        found.left(path, 0, name, site.FILES[name])
    elif not _lines(found, path, bookmarks, forms):
        found.left(path, 0, name, "it is not known what this is")


def _ini(path: Path, into: Bookmarks | Forms) -> None:
    """One document in a file; its HTML may stand beside it under the same name."""
    given = ini(path.read_text("utf-8", "replace"))
    members: dict[str, Any] = dict(given.top)
    lines = {key: given.line("", key) for key in members}
    for section, values in given.sections.items():
        if section and len(given.sections) == 2 and not given.top:
            members.update(values)  # one heading over everything
            lines.update({key: given.line(section, key) for key in values})
        elif section:
            members[section] = values
            lines[section] = min((given.line(section, key) for key in values), default=1)
    beside = path.with_suffix(".html")
    if isinstance(into, Forms) and beside.is_file() and "html" not in members:
        members["html"] = beside.read_text("utf-8", "replace")
    for line in given.bad:
        into._found.left(path, line, "a line", "neither [section] nor key=value")
    into.add(path, path.stem, members, lines)


def _lines(found: Found, path: Path, bookmarks: Bookmarks, forms: Forms) -> bool:
    """Version 3's documents; what one is, its file's name or its members say. False: no such file."""
    read_ = documents(path)
    if read_ is None:
        return False
    entries, bad = read_
    for line in bad:
        found.left(path, line, "a line", "not JSON")
    where = re.sub("[^a-z]", "", path.stem.lower())
    for entry_id, (data, line) in entries.items():
        name = str(data.get("name") or data.get("label") or entry_id)
        if "html" in data and ("form" in where or "command" not in data):
            forms.add(path, name, data, {}, line)
        elif code := next((value for value in data.values() if isinstance(value, str) and _CODE.match(value)), ""):
            _function(found, path, line, name, code, where)
        elif "command" in data or any(word in where for word in ("bookmark", "app", "suggestion")):
            bookmarks.add(path, name, data, {}, line)
        elif "staticdata" in where or set(data) == {"staticData"}:
            _static(found, path, line, name, data)
        else:
            members = ", ".join(sorted(data)) or "nothing"
            found.left(path, line, name, f"it is not known what this is (members: {members[:80]})")
    return True


def _function(found: Found, path: Path, line: int, name: str, code: str, where: str) -> None:
    plain = re.sub("[^a-z]", "", f"{where}{name.lower()}")
    kind = next((kind for part, kind in _KINDS.items() if part in plain), "")
    if kind:
        into = f"functions/{find(kind).name}/{line:02}-{document_id(name)}.js"
        todo = f"{into}: look whether that is its kind; balancing ones take part once a chain names them"
    else:
        into = f"{UNSORTED}/{document_id(name)}.js"
        todo = f"{into}: what it is for, the file does not say; move it to functions/KIND/"
    found.files[into] = code if code.endswith("\n") else code + "\n"
    found.noted(path, line, f"function {name}", todo)


def _static(found: Found, path: Path, line: int, name: str, data: Mapping[str, Any]) -> None:
    into = f"{UNSORTED}/static-data.{document_id(name)}.json"
    found.files[into] = json.dumps(data.get("staticData", data), indent=2, ensure_ascii=False) + "\n"
    found.noted(path, line, f"static data of {name}", f"{into}: copy it to static-data.json on that server")


def _finish(found: Found, bookmarks: Bookmarks, forms: Forms, settings: dict[str, Any]) -> None:
    missing = {form for table in bookmarks.tables.values() for form in table.get("forms", [])}
    for form in sorted((missing | set(settings.get("default_forms", []))) - set(forms.texts)):
        found.noted(found.source, 0, f"form {form}", "it is named, but was not found; it will not be asked")
    head = "Made from another system's configuration; see docs/howto/moving-over.md."
    if bookmarks.tables:
        found.files["bookmarks.toml"] = toml(bookmarks.tables, head)
    if forms.tables:
        found.files["forms.toml"] = toml(forms.tables, head)
        found.files |= {f"forms/{name}.html": text for name, text in forms.texts.items()}
    if settings:
        found.files["portcall.toml"] = toml({}, head, settings)


def check(directory: Path) -> list[PortcallError]:
    """Whether this server would read what was written: the errors that it would tell."""
    wrong: list[PortcallError] = []
    for read_files in (files.bookmarks, files.forms, files.functions, files.chains, files.profiles):
        try:
            read_files(directory)
        except (PortcallError, NotFound) as error:
            wrong.append(error)
    return wrong
