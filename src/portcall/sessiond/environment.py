"""The environment of a session, built afresh: what a login on this host gives, and the display."""

from __future__ import annotations

import os
import re
from typing import Mapping

from portcall.model.user import Account

_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)")
_FILES = ("/etc/environment", "/etc/default/locale", "/etc/locale.conf")
_PATH, _ROOT_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games", "/usr/local/sbin:/usr/sbin:/sbin"
KEPT = "PORTCALL_KEPT"  # names of variables, parted by colons, that a container's image gives its programs
_known: dict[str, tuple[tuple[int, ...], dict[str, str]]] = {}  # what was in which file
_KEPT = ("KRB5CCNAME", "TZ")  # of the link's own: what its PAM session gave, and homes may need


def login(account: Account, inherited: Mapping[str, str] | None = None) -> dict[str, str]:
    """What login programs set, before the login scripts. Nothing else of ours gets through, so nothing secret does."""
    environment = {"PATH": _PATH if account.uid else f"{_ROOT_PATH}:{_PATH}"}
    inherited = inherited or {}
    kept = {*_KEPT, *inherited.get(KEPT, "").split(":")}
    environment.update((key, value) for key, value in inherited.items() if key in kept)
    for path in _FILES:
        environment.update(_read(path))
    if not any(environment.get(name) for name in ("LANG", "LC_ALL", "LC_CTYPE")):
        environment["LANG"] = "C.UTF-8"  # without a UTF-8 locale xterm and others drop what they cannot encode
    environment.update(HOME=account.home, USER=account.name, LOGNAME=account.name, SHELL=account.shell)
    environment["MAIL"] = f"/var/mail/{account.name}"
    environment["XDG_SESSION_TYPE"] = "x11"
    runtime = f"/run/user/{account.uid}"
    try:
        if os.stat(runtime).st_uid == account.uid:
            environment["XDG_RUNTIME_DIR"] = runtime
    except OSError:
        pass
    return environment


def images_path(inherited: Mapping[str, str]) -> str:
    """PATH as the image of a container has it; empty outside of one. Login scripts would forget it."""
    return inherited.get("PATH", "") if "PATH" in inherited.get(KEPT, "").split(":") else ""


def _read(path: str) -> dict[str, str]:
    """Read again only where it has changed: a link has read it for all that it forks."""
    try:
        status = os.stat(path)
        now = (status.st_ino, status.st_size, status.st_mtime_ns)
        before, variables = _known.get(path, ((), {}))
        if before == now:
            return variables
        with open(path, errors="replace") as file:
            matches = [_LINE.match(line) for line in file]
    except OSError:
        return {}
    variables = {match.group(1): match.group(2).strip().strip("\"'") for match in matches if match}
    _known[path] = (now, variables)
    return variables
