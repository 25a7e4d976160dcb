"""Who may do what: one table of the API's actions, and the file that gives people their level.

``permissions.toml`` in the configuration directory::

    default = "full"                     # who matches nothing below

    [users]
    alice = "admin"

    [groups]                             # Linux groups
    support = "manager"

    [manager]
    boxes = ["session/list", "session/screenshot"]   # actions a manager may take on anybody's

The highest level that matches wins; ``disabled`` for a user by name beats all; ``default`` counts only where neither
the name nor a group matched.
"""

from __future__ import annotations

import logging
import os
import pwd
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from portcall.config import Config, read_toml
from portcall.errors import Forbidden, SettingRefused
from portcall.model.user import Login

log = logging.getLogger(__name__)

LEVELS = ("disabled", "limited", "full", "manager", "admin")
NONE, OWN, ANY = "none", "own", "any"
_NO_FILE = (0,)
_RANK = {NONE: 0, OWN: 1, ANY: 2}


@dataclass(frozen=True)
class Action:
    """A row. ``limited`` … ``admin`` are scopes; ``box``: a manager's box for it may be ticked, and gives any."""

    name: str
    help: str
    limited: str = OWN
    full: str = OWN
    admin: str = ANY
    box: bool = True

    def scope(self, level: str, boxes: Iterable[str] = ()) -> str:
        if level == "manager":
            return ANY if self.box and self.name in boxes else self.full
        return {"limited": self.limited, "full": self.full, "admin": self.admin}.get(level, NONE)


_TABLE = (
    Action("login/self", "see who one is logged in as, and log out", admin=OWN, box=False),
    Action("login/list", "list logins"),
    Action("login/revoke", "end logins"),
    Action("token/create", "make API tokens for oneself", admin=OWN, box=False),
    Action("session/start", "start sessions", admin=OWN, box=False),
    Action("session/list", "list sessions and follow what happens to them"),
    Action("session/info", "see all about a session, its connections included"),
    Action("session/connect", "look at a session and work in it"),
    Action("session/disconnect", "suspend a session: its viewers leave"),
    Action("session/params", "rename a session and change its params"),
    Action("session/terminate", "end a session"),
    Action("session/purge", "remove a session with all that is left of it"),
    Action("session/log", "read what a session's command printed"),
    Action("session/screenshot", "see a picture of a session"),
    Action("session/processes", "see a session's processes"),
    Action("session/explain", "see how a start went, step by step"),
    Action("server/list", "see the servers and how busy they are", limited=ANY, full=ANY),
    Action("server/settings", "see and change settings", limited=NONE, full=NONE),
    Action("server/log", "read the server's log", limited=NONE, full=NONE),
    Action("server/metrics", "read the server's metrics", limited=NONE, full=NONE),
    Action("admin/functions", "write functions and set the order of balancing", limited=NONE, full=NONE),
    Action("admin/launchers", "choose launchers, set their options, and try them", limited=NONE, full=NONE),
    Action("admin/forms", "write forms", limited=NONE, full=NONE),
    Action("admin/bookmarks", "write bookmarks", limited=NONE, full=NONE),
    Action("admin/profiles", "write profiles", limited=NONE, full=NONE),
    Action("admin/permissions", "say who may do what", limited=NONE, full=NONE, box=False),
    Action("admin/static-data", "say what a server is", limited=NONE, full=NONE),
    Action("audit/read", "read the audit log", limited=NONE, full=NONE),
)
ACTIONS: dict[str, Action] = {action.name: action for action in _TABLE}


@dataclass(frozen=True)
class Rules:
    """What the file says."""

    default: str = "full"
    users: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    boxes: frozenset[str] = frozenset({"session/list", "session/info"})


class Permissions:
    """Reads the file when made (SettingRefused names file and line) and again when it has changed.

    A change that cannot be read is logged and leaves the rules that were in force. So does the end of the file: who
    writes it anew may take it away first, and nobody who was shut out must come in meanwhile.
    """

    def __init__(self, config: Config) -> None:
        self._one_person = config.one_person
        self.path = config.directories.config / "permissions.toml"
        self._seen: tuple[int, ...] = ()
        self._rules = Rules()
        self.reload()

    def reload(self) -> None:
        """Read the file if it is not the one read last."""
        before, self._seen = self._seen, _stamp(self.path)
        if self._seen == before:
            return
        if before and self._seen == _NO_FILE:
            log.warning("%s has gone: what it said holds until it is back, or the server starts again", self.path)
            return
        self._rules = read_rules(self.path)

    @property
    def rules(self) -> Rules:
        return self._rules

    @property
    def fixed(self) -> str | None:
        """The file that decides, where there is one."""
        return str(self.path) if self.path.exists() else None

    def use(self, rules: Rules) -> None:
        """Rules from elsewhere; a file, where there is one, is stronger."""
        if self.fixed is None:
            self._rules = rules

    def level(self, user: str, groups: Iterable[str]) -> str:
        if self._one_person:
            return "admin" if user == pwd.getpwuid(os.geteuid()).pw_name else "disabled"
        try:
            self.reload()
        except SettingRefused as error:
            log.error("the permissions file is not used as it is now: %s", error.detail)
        rules = self._rules
        named = rules.users.get(user)
        if named == "disabled":
            return named
        matching = [rules.groups[group] for group in groups if group in rules.groups] + ([named] if named else [])
        return max(matching, key=LEVELS.index) if matching else rules.default

    def scope(self, login: Login, action: str) -> str:
        """``none``, ``own`` or ``any``."""
        return self.scope_of(login.level, action)

    def scope_of(self, level: str, action: str) -> str:
        return ACTIONS[action].scope(level, self._rules.boxes)

    def scopes(self, login: Login) -> dict[str, str]:
        """All actions that this login may take, with their scope."""
        return {name: scope for name in ACTIONS if (scope := self.scope(login, name)) != NONE}

    def check(self, login: Login, action: str, owner: str | None = None) -> None:
        """Forbidden, with a sentence, unless ``login`` may do this (to what belongs to ``owner``, where given)."""
        scope = self.scope(login, action)
        if scope == ANY or (scope == OWN and owner in (None, login.sub)):
            return
        what = ACTIONS[action].help
        if scope == OWN:
            raise Forbidden(f"your level ({login.level}) lets you {what} only where it is your own", action=action)
        raise Forbidden(f"your level ({login.level}) does not let you {what}", action=action)

    def check_start(self, login: Login, from_bookmark: bool = False) -> None:
        """``session/start``, and whether a command of one's own is allowed. A limited user starts bookmarks only."""
        self.check(login, "session/start")
        if login.level == "limited" and not from_bookmark:
            raise Forbidden(
                "your level (limited) lets you start from bookmarks only, not a command of your own",
                action="session/start",
            )


def read_rules(path: Path) -> Rules:
    """The rules in a file; the shipped ones where there is none."""
    return _rules(read_toml(path), _Refusal(path))


def rules_of(document: dict[str, Any]) -> Rules:
    """The rules of ``{default, users, groups, boxes}``; SettingRefused names what is wrong."""
    boxes: dict[str, Any] = {"manager": {"boxes": document["boxes"]}} if "boxes" in document else {}
    kept: dict[str, Any] = {name: document[name] for name in ("default", "users", "groups") if name in document}
    return _rules({**kept, **boxes}, _Refusal(None))


def _rules(document: dict[str, Any], refuse: _Refusal) -> Rules:
    for name in document:
        if name not in ("default", "users", "groups", "manager"):
            raise refuse("", name, "there is no such entry; there are: default, [users], [groups], [manager]")
    default = document.get("default", Rules.default)
    _level(refuse, "", "default", default)
    tables: dict[str, dict[str, str]] = {}
    for table in ("users", "groups"):
        tables[table] = document.get(table, {})
        if not isinstance(tables[table], dict):
            raise refuse("", table, "a table is needed: [" + table + "]")
        for name, level in tables[table].items():
            _level(refuse, table, name, level)
    manager = document.get("manager", {})
    boxes = manager.get("boxes", list(Rules.boxes)) if isinstance(manager, dict) else None
    if not isinstance(boxes, list):
        raise refuse("manager", "boxes", "a list of actions is needed")
    for box in boxes:
        if not isinstance(box, str) or box not in ACTIONS or not ACTIONS[box].box:
            known = " ".join(name for name, action in ACTIONS.items() if action.box)
            raise refuse("manager", "boxes", f"there is no box {box!r}; there are: {known}")
    return Rules(default, tables["users"], tables["groups"], frozenset(boxes))


def _level(refuse: _Refusal, table: str, name: str, level: Any) -> None:
    if level not in LEVELS:
        raise refuse(table, name, f"there is no level {level!r}; there are: {' '.join(LEVELS)}")


class _Refusal:
    """Makes errors that name file and line; tomllib keeps no lines, so the text is searched for the key."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def __call__(self, table: str, key: str, what: str) -> SettingRefused:
        if self._path is None:
            return SettingRefused(f"[{table}] {key}: {what}" if table else f"{key}: {what}", field=key)
        place, current = str(self._path), ""
        for number, line in enumerate(self._path.read_text().splitlines(), 1):
            if heading := re.match(r"\s*\[\s*([^\]]*?)\s*\]", line):
                current = heading.group(1)
                if not table and current == key:
                    place = f"{place}:{number}"
                    break
            elif current == table and re.match(rf"""\s*["']?{re.escape(key)}["']?\s*=""", line):
                place = f"{place}:{number}"
                break
        name = f"[{table}] {key}" if table else key
        return SettingRefused(f"{place}: {name}: {what}", field=key)


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        status = path.stat()
    except OSError:
        return _NO_FILE
    return status.st_mtime_ns, status.st_size, status.st_ino
