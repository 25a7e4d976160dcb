"""Who somebody is, for programs in containers that look it up: an entry in ``passwd``, and their groups in ``group``.

An image knows nothing of this host's people, and who has no entry cannot even start a message bus (dbus-daemon), and so
no desktop. The files name the account, and nobody else of this host.
"""

from __future__ import annotations

import contextlib
import grp
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from portcall.errors import StartFailed
from portcall.model.user import Account

PASSWD, GROUP = "passwd", "group"
_NOBODY = 65_534


def folder(runtime: Path, account: Account) -> Path:
    """Where they are, below the directory of the server's socket, which is mounted into containers too."""
    return runtime / "accounts" / str(account.uid)


def write(place: Path, account: Account, group_ids: Sequence[int]) -> None:
    """They are as the account is now, and readable for all; a container that runs keeps what it began with."""
    texts = {PASSWD: passwd(account), GROUP: groups(account, [(one, _name(one)) for one in group_ids])}
    try:
        place.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            path = place / name
            with contextlib.suppress(FileNotFoundError):
                if path.read_text() == text:
                    continue
            descriptor, draft = tempfile.mkstemp(dir=place)
            with open(descriptor, "w") as file:
                file.write(text)
            os.chmod(draft, 0o644)
            os.rename(draft, path)
        for one in (place.parent, place):
            one.chmod(0o755)
    except OSError as error:
        raise StartFailed(f"{place}: {error.strerror}") from error


def passwd(account: Account) -> str:
    fields = (account.name, "x", str(account.uid), str(account.gid), account.name, account.home, account.shell)
    nobody = f"nobody:x:{_NOBODY}:{_NOBODY}:nobody:/nonexistent:/bin/false"
    root = ["root:x:0:0:root:/root:/bin/sh"] if account.uid else []
    return "\n".join([*root, _line(fields), nobody, ""])


def groups(account: Account, found: Sequence[tuple[int, str]]) -> str:
    """``found`` are ids and names; those of the account's groups."""
    root = [] if any(number == 0 for number, _ in found) else ["root:x:0:"]
    lines = [_line((name, "x", str(number), account.name)) for number, name in found]
    return "\n".join([*root, *lines, f"nogroup:x:{_NOBODY}:", ""])


def _line(fields: Sequence[str]) -> str:
    if any(character in one for one in fields for character in ":\n"):
        raise StartFailed(f"{fields[0]!r}: no entry of /etc/passwd or /etc/group can be made of this account.")
    return ":".join(fields)


def _name(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
