"""One-person logins: the server prints a link with a token, and the token lets in once."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import pwd
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from portcall.authenticators.base import Ask, Authenticator, Proof, Settings
from portcall.clock import Clock
from portcall.errors import LoginFailed

LIFETIME = 86_400.0  # seconds a link that nobody opened stays good
_KEPT = 100


class Token(Authenticator):
    """Tokens that wait to be used are in a file of the server's own, as hashes: any process of its user may add one."""

    name = "token"
    title = "Link"
    asks_user = False
    asks_password = False

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._path = Path(settings.directories.local) / "links.json"

    def unavailable(self) -> str:
        return "" if self._settings.one_person else "links with a token are for a server of one person"

    def issue(self) -> str:
        """A new token; it is nowhere but in the answer."""
        token = secrets.token_urlsafe(32)
        with self._waiting() as waiting:
            waiting[_digest(token)] = self._clock.now() + LIFETIME
        return token

    async def authenticate(self, user: str, given: dict[str, Any], ask: Ask, address: str) -> Proof:
        token = given.get("token")
        if not isinstance(token, str) or not token or self.unavailable():
            raise LoginFailed()
        with self._waiting() as waiting:
            expires = waiting.pop(_digest(token), 0.0)
        if expires <= self._clock.now():
            raise LoginFailed("this link was used already or is too old; `portcall server link` prints a new one")
        return Proof(pwd.getpwuid(os.geteuid()).pw_name, self.name)

    @contextlib.contextmanager
    def _waiting(self) -> Iterator[dict[str, float]]:
        """The file's content, locked; written back at the end without what has expired."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            waiting = _read(file.read())
            yield waiting
            now = self._clock.now()
            left = sorted(((expires, digest) for digest, expires in waiting.items() if expires > now), reverse=True)
            file.seek(0)
            file.truncate()
            json.dump({digest: expires for expires, digest in left[:_KEPT]}, file)


def _read(text: str) -> dict[str, float]:
    try:
        document = json.loads(text or "{}")
        return {str(digest): float(expires) for digest, expires in document.items()}
    except (ValueError, AttributeError, TypeError):
        return {}  # cut short by a full disk: its links are lost, a new one can be printed


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


IMPLEMENTATION = Token
