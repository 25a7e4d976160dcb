"""Bookmarks and forms of another system, turned into ours; what each member became goes into the report."""

from __future__ import annotations

import base64
import contextlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from portcall.errors import InvalidValue
from portcall.model.start import MAX_COMMAND, ROOTLESS, parse_geometry
from portcall.moving.report import Found
from portcall.start.forms import sanitise

_ICON_LIMIT = 48_000  # bytes of a picture, before base64
_REMOVED = ("<script", "<style", "<iframe", "javascript:", "onclick", "onchange", "oninput")
_TRUE = ("1", "true", "yes", "on")
# a member in lower case, without anything but letters → why it is not taken
_NOT_TAKEN = {
    "image": "a container image: set it up with the docker launcher, and name that as the bookmark's launcher",
    "imagetag": "a container image's tag: see the docker launcher",
    "imagepullpolicy": "a container image's policy: see the docker launcher",
    "scheduledir": "a directory of scripts: write a schedule function, or name a launcher",
    "runasuser": "sessions run as who starts them",
    "tags": "bookmarks have no tags",
}


def document_id(name: str) -> str:
    """An id made of a name: letters, digits, . - and _."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")
    return (plain or "unnamed")[:64]


class Bookmarks:
    """``defaults``: the forms asked where nothing else is said, from ``apps/default.ini``."""

    def __init__(self, found: Found, defaults: list[str]) -> None:
        self._found = found
        self._defaults = defaults
        self.tables: dict[str, dict[str, Any]] = {}

    def add(self, path: Path, name: str, members: Mapping[str, Any], line: Mapping[str, int], begin: int = 1) -> None:
        """One app or bookmark; ``line`` says where a member stands."""
        found = self._found
        given = {re.sub("[^a-z]", "", key.lower()): (key, value) for key, value in members.items()}
        command = str(given.pop("command", ("", ""))[1]).strip()
        if not command or len(command.encode()) > MAX_COMMAND:
            why = "its command is too long" if command else "it has no command"
            found.left(path, begin, f"bookmark {name}", why)
            return
        bookmark = document_id(name)
        if bookmark in self.tables:
            found.left(path, begin, f"bookmark {name}", f"there is one named {bookmark} already")
            return
        table: dict[str, Any] = {"name": name, "command": command}
        forms: list[str] = []
        override = False
        for plain, (key, value) in given.items():
            at, what = line.get(key, begin), f"{name}: {key}"
            if plain in ("name", "title") and isinstance(value, str) and value.strip():
                table["name"] = value.strip()
            elif plain in ("geometry", "size") or (plain == "windowmode" and not table.get("geometry")):
                self._geometry(path, at, what, str(value), table)
            elif plain in ("description", "profile") and isinstance(value, str):
                self._text(path, at, what, plain, value, table)
            elif plain in ("keyboardlayout", "keyboard") and value:
                table["keyboard_layout"] = str(value)
            elif plain == "icon" and value:
                self._icon(path, at, what, str(value), table)
            elif plain in ("forms", "customforms"):
                forms = [document_id(one) for one in _list(value)]
            elif plain in ("overridedefaultforms", "overrideforms"):
                override = str(value).lower() in _TRUE
            elif plain in ("groups", "restricttogroups", "linuxgroups"):
                table["groups"] = _list(value)
            elif plain in ("params", "data") and isinstance(value, dict):
                table["params"] = value
            elif value not in ("", None, [], {}):
                found.left(path, at, what, _NOT_TAKEN.get(plain, "it is not known what this is"))
        asked = forms if override or forms else self._defaults
        if asked:
            table["forms"] = asked
        self.tables[bookmark] = table
        found.taken(path, begin, f"bookmark {name}", f"bookmarks.toml [{bookmark}]")

    def _text(self, path: Path, line: int, what: str, member: str, value: str, table: dict[str, Any]) -> None:
        if not value or (member == "profile" and value.lower() == "default"):
            return
        table[member] = value if member == "description" else document_id(value)
        if member == "profile":
            self._found.noted(path, line, what, f"write the profile {table[member]}: no file that is read has profiles")

    def _geometry(self, path: Path, line: int, what: str, value: str, table: dict[str, Any]) -> None:
        word = value.strip().lower()
        if word in (ROOTLESS, "multiple"):
            table["geometry"] = ROOTLESS
        elif word in ("fullscreen", "single", "desktop", ""):
            if word == "fullscreen":
                self._found.noted(path, line, what, "viewers go to the full screen; the size is the profile's")
        else:
            try:
                parse_geometry(word)
                table["geometry"] = word
            except InvalidValue as error:
                self._found.left(path, line, what, str(error))

    def _icon(self, path: Path, line: int, what: str, value: str, table: dict[str, Any]) -> None:
        """A picture in the file, beside it, or at a path of this host: PNG or WebP."""
        data = b""
        if value.startswith("data:"):
            value = value.partition(",")[2]
        near = path.parent / value
        with contextlib.suppress(ValueError, OSError):
            data = near.read_bytes() if len(value) < 256 and near.is_file() else base64.b64decode(value, validate=True)
        kind = "png" if data.startswith(b"\x89PNG") else "webp" if data[8:12] == b"WEBP" else ""
        if not kind or len(data) > _ICON_LIMIT:
            self._found.left(path, line, what, f"not a PNG or WebP picture of {_ICON_LIMIT // 1000} kB at most")
            return
        table["icon"] = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


class Forms:
    """``texts``: HTML by id; ``tables``: what is said of each beside it."""

    def __init__(self, found: Found) -> None:
        self._found = found
        self.texts: dict[str, str] = {}
        self.tables: dict[str, dict[str, Any]] = {}

    def add(self, path: Path, name: str, members: Mapping[str, Any], line: Mapping[str, int], begin: int = 1) -> None:
        given = {re.sub("[^a-z]", "", key.lower()): (key, value) for key, value in members.items()}
        key, text = next((given.pop(one) for one in ("html", "form", "content") if one in given), ("html", ""))
        if not isinstance(text, str) or not text.strip():
            self._found.left(path, begin, f"form {name}", "it has no HTML")
            return
        form = document_id(name)
        if form in self.texts:
            self._found.left(path, begin, f"form {name}", f"there is one named {form} already")
            return
        try:
            safe = sanitise(text)
        except InvalidValue as error:
            self._found.left(path, line.get(key, begin), f"form {name}", str(error))
            return
        table: dict[str, Any] = {"name": name}
        for plain, (key, value) in given.items():
            at, what = line.get(key, begin), f"{name}: {key}"
            if plain in ("name", "title") and value:
                table["name"] = str(value)
            elif plain == "description" and value:
                table["description"] = str(value)
            elif plain in ("data", "staticdata"):
                self._data(path, at, what, value, table)
            elif "unsafe" in plain:
                if str(value).lower() in _TRUE:
                    self._found.left(path, at, what, "scripts and handlers are always removed")
            elif value not in ("", None, [], {}):
                self._found.left(path, at, what, "it is not known what this is")
        self.texts[form], self.tables[form] = text, table
        self._found.taken(path, begin, f"form {name}", f"forms/{form}.html")
        lost = [word for word in _REMOVED if word in text.lower() and word not in safe.lower()]
        if lost:
            what = f"people will see it without {', '.join(lost)}: what that did is a form filter's matter now"
            self._found.noted(path, begin, f"form {name}", what)

    def _data(self, path: Path, line: int, what: str, value: Any, table: dict[str, Any]) -> None:
        try:
            data = json.loads(value) if isinstance(value, str) and value.strip() else value or {}
        except ValueError as error:
            self._found.left(path, line, what, f"not JSON: {error}")
            return
        if not isinstance(data, dict) or _has_null(data):
            self._found.left(path, line, what, "an object without null is needed")
        elif data:
            table["static_data"] = data


def _list(value: Any) -> list[str]:
    items = value if isinstance(value, list) else str(value).split(",")
    return [str(item).strip() for item in items if str(item).strip()]


def _has_null(value: Any) -> bool:
    """TOML has none."""
    if isinstance(value, dict):
        return any(map(_has_null, value.values()))
    return any(map(_has_null, value)) if isinstance(value, list) else value is None
