"""A site's settings: permissions.ini, fastx.env, launcher templates; and files that have nothing to become."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from portcall.login.permissions import ACTIONS, LEVELS
from portcall.model import dotenv
from portcall.moving.read import Ini, ini
from portcall.moving.report import Found
from portcall.moving.write import toml

_LEVELS = {
    **{level: level for level in LEVELS}, "limiteduser": "limited", "fulluser": "full", "user": "full",
    "superadmin": "admin", "administrator": "admin", "loggedout": "disabled",
}  # fmt: skip
_BOXES = {
    "sessioninfo": "session/info", "connect": "session/connect", "disconnect": "session/disconnect",
    "parameters": "session/params", "params": "session/params", "log": "session/log", "purge": "session/purge",
    "terminate": "session/terminate", "user": "login/list", "server": "server/list", "exec": "session/processes",
}  # fmt: skip
_BALANCERS = {
    "memory": "most_free_memory", "fewest": "fewest_sessions", "robin": "round_robin", "random": "random_server",
}  # fmt: skip
BALANCER = "10-load-balancer"
# file → why it is not taken, or what to do
FILES = {
    "admin.secret": "a secret: this server makes its own",
    "transporter-secret.ini": "a secret: this server makes its own",
    "weblink-secret.ini": "a secret: this server makes its own",
    "weblink.ini": "sessions find this server by themselves",
    "https.ini": "set tls, tls_cert and tls_key (docs/howto/install.md)",
    "headers.ini": "response headers are fixed, and strict",
    "smtp.ini": "this server sends no mail",
    "theme.ini": "set title, notice and login_notice",
    "loglevel.ini": "set log_level",
    "forward.ini": "nothing is forwarded",
    "FastX.conf": "where sessions keep their files is fixed (docs/design/processes.md)",
    "auth-oidc.ini": "set login_methods; logins by OpenID Connect are set up anew",
    "auth-saml.ini": "logins by SAML are not offered",
    "auth-proxy.ini": "logins by a proxy's word are not offered",
    "cluster.json": "a cluster of ours is set up anew: its keys are its own",
    "broker.json": "this server keeps its data itself",
}
_LAUNCHERS = {
    "LAUNCHER_SCRIPT": "it runs as it is, with the setting launcher = custom",
    "LAUNCHER_ARGS": "the script's arguments", "LAUNCH_AS_CURRENT_USER": "as the server's own user",
    "WEBLINK_PORT": "sessions on other hosts dial in there", "WEBLINK_URL": "the address that they dial",
    "WEBLINK_URI": "the path there",
}  # fmt: skip
_LEFT_VARIABLES = {
    "USER_ID_SCRIPT": "people are the host's accounts", "AUTOCONNECT_SCRIPT": "there is no such step",
    "SERVICES": "a server's part is set with logins_enabled and starts_enabled",
    "FX_AUTHORIZED_KEYS_DIR": "keys are those that sshd accepts",
}  # fmt: skip


def permissions(found: Found, path: Path) -> None:
    """Levels by user and group: ``[users] ann=admin``, or ``[admin] users[]=ann``."""
    read = ini(path.read_text("utf-8", "replace"))
    tables: dict[str, dict[str, Any]] = {"users": {}, "groups": {}}
    boxes: list[str] = []
    top: dict[str, Any] = {}
    for section, members in read.sections.items():
        level = _LEVELS.get(_plain(section))
        for key, value in members.items():
            line, plain = read.line(section, key), _plain(key)
            what = f"[{section}] {key}" if section else key
            if level and plain in ("users", "user", "groups", "group"):
                for name in value if isinstance(value, list) else _words(value):
                    _level(found, path, line, tables["groups" if "group" in plain else "users"], name, level)
            elif level == "manager" and plain in _BOXES:
                _box(found, path, line, what, _BOXES[plain], str(value), boxes)
            elif plain in ("default", "defaultlevel") and _LEVELS.get(_plain(str(value))):
                top["default"] = _LEVELS[_plain(str(value))]
                found.taken(path, line, what, f"permissions.toml default = {top['default']}")
            elif _plain(section) in tables and isinstance(value, str) and _LEVELS.get(_plain(value)):
                _level(found, path, line, tables[_plain(section)], key, _LEVELS[_plain(value)])
            else:
                found.left(path, line, what, f"not understood; levels are: {', '.join(LEVELS)}")
    _bad(found, path, read)
    if boxes:
        tables["manager"] = {"boxes": sorted(set(boxes))}
    if top or any(tables.values()):
        kept = {name: table for name, table in tables.items() if table}
        found.files["permissions.toml"] = toml(kept, f"Who may do what; made from {path.name}.", top)


def _level(found: Found, path: Path, line: int, table: dict[str, Any], name: str, level: str) -> None:
    rank = [*LEVELS]
    if name in table and rank.index(table[name]) >= rank.index(level):
        found.left(path, line, f"{name}: {level}", f"it is {table[name]} already")
        return
    table[name] = level
    found.taken(path, line, f"{name}: {level}", "permissions.toml")


def _box(found: Found, path: Path, line: int, what: str, action: str, value: str, boxes: list[str]) -> None:
    if value.lower() not in ("1", "true", "yes", "on"):
        return
    if not ACTIONS[action].box:
        found.left(path, line, what, f"managers may {ACTIONS[action].help} as their level says")
        return
    boxes.append(action)
    found.taken(path, line, what, f"permissions.toml boxes: {action}")


def variables(found: Found, path: Path, settings: dict[str, Any]) -> None:
    """``fastx.env``."""
    given = dotenv.read(path.read_text("utf-8", "replace"))
    static: dict[str, Any] = {}
    kept: list[str] = []
    for name, (value, line) in given.items():
        if name.startswith("METADATA_") and len(name) > 9:
            static[name[9:]] = value
            found.taken(path, line, name, f"static-data.json {name[9:]}, which is about one server: copy it there")
        elif name in _LAUNCHERS:
            kept.append(dotenv.line(name, value))
            found.taken(path, line, f"{name}={value}", f"fastx.env, unchanged; {_LAUNCHERS[name]}")
        elif name in ("LOAD_BALANCER", "LOAD_BALANCER_SCRIPT"):
            continue
        elif name.startswith("FX_") and name not in _LEFT_VARIABLES:
            found.left(path, line, name, "directories and addresses are this server's own settings")
        else:
            found.left(path, line, name, _LEFT_VARIABLES.get(name, "it is not known what this is"))
    _balancer(found, path, given)
    if given.get("LAUNCHER_SCRIPT", dotenv.Variable("", 0)).value:
        settings["launcher"] = "custom"
    if kept:
        found.files["fastx.env"] = "\n".join([f"# Variables of launchers; made from {path.name}.", *kept, ""])
    if static:
        found.files["static-data.json"] = json.dumps(static, indent=2, ensure_ascii=False) + "\n"


def _balancer(found: Found, path: Path, given: Mapping[str, dotenv.Variable]) -> None:
    name, line = given.get("LOAD_BALANCER", ("", 1))
    script, script_line = given.get("LOAD_BALANCER_SCRIPT", ("", line))
    word, step = _plain(name), ""
    if script and word in ("", "custom"):
        found.files[f"functions/start-balance/{BALANCER}.v4"] = f"#!/bin/sh\nexec {shlex.quote(script)}\n"
        found.programs.add(f"functions/start-balance/{BALANCER}.v4")
        step = f"function:start-balance.{BALANCER}"
        found.taken(path, script_line, f"LOAD_BALANCER_SCRIPT={script}",
                    f"functions/start-balance/{BALANCER}.v4, which runs it as before")  # fmt: skip
    elif word:
        step = next((policy for part, policy in _BALANCERS.items() if part in word), "")
        if step:
            found.taken(path, line, f"LOAD_BALANCER={name}", f"chains.toml: {step}")
        else:
            found.left(path, line, f"LOAD_BALANCER={name}", "not understood; the shipped chain stays")
    if step:
        chain = {"steps": ["user_selection", step]}
        found.files["chains.toml"] = toml({"start": chain}, "The order of load balancing.")


def template(found: Found, path: Path) -> None:
    """Launcher templates go as they are."""
    name = f"launcher-templates/{path.name}"
    found.files[name] = path.read_text("utf-8", "replace")
    found.taken(path, 0, path.name, f"{name}, unchanged; it is for the docker launcher")


def _bad(found: Found, path: Path, read: Ini) -> None:
    for line in read.bad:
        found.left(path, line, "a line", "neither [section] nor key=value")


def _plain(text: str) -> str:
    return re.sub("[^a-z]", "", text.lower())


def _words(value: str) -> list[str]:
    return [word.strip() for word in value.split(",") if word.strip()]
