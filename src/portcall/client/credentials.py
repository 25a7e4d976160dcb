"""Tokens and pinned certificates of this host, in one file that nobody else can read.

A home may be on NFS and shared by hosts, so entries are by host name; and secrets are better off out of it: where
there is an own ``$XDG_RUNTIME_DIR`` (memory, gone after the last logout) the file is there, unless asked to be kept.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import stat
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from portcall.errors import PortcallError


@dataclass(frozen=True)
class Credential:
    """What is known about a server. ``certificate`` (PEM) is the one that was pinned at the login."""

    url: str
    token: str = ""
    login: str = ""
    expires: float = 0.0
    certificate: str = ""
    used: float = 0.0


class Credentials:
    """Reading never fails for damaged content; a file that others may read is refused."""

    def __init__(self, environment: Mapping[str, str], uid: int | None = None, host: str = "") -> None:
        self._uid = os.getuid() if uid is None else uid
        self._host = host or socket.gethostname()
        home = Path(environment.get("HOME") or "/")
        self.kept = Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "portcall" / "tokens.json"
        runtime = environment.get("XDG_RUNTIME_DIR", "")
        self.passing = Path(runtime) / "portcall" / "tokens.json" if runtime and self._ours(Path(runtime)) else None

    @property
    def path(self) -> Path:
        """Where a new one goes unless it is to be kept."""
        return self.passing or self.kept

    def of(self, url: str) -> Credential | None:
        return next((credential for credential in self.all() if credential.url == url), None)

    def last(self) -> Credential | None:
        """The one logged in to last."""
        return max(self.all(), key=lambda credential: credential.used, default=None)

    def all(self) -> list[Credential]:
        found: dict[str, Credential] = {}
        for path in (self.kept, self.passing):
            if path is not None:
                found.update((credential.url, credential) for credential in self._of_host(self._read(path)))
        return list(found.values())

    def save(self, credential: Credential, keep: bool = False) -> Path:
        """Write it, replacing what there was for this address; returns the file."""
        target = self.kept if keep else self.path
        self.forget(credential.url)
        with self._changing(target) as document:
            document[self._host] = {**self._entries(document), credential.url: asdict(credential)}
        return target

    def forget(self, url: str) -> None:
        for path in (self.kept, self.passing):
            if path is not None and url in self._entries(self._read(path)):
                with self._changing(path) as document:
                    del self._entries(document)[url]

    def _entries(self, document: dict[str, Any]) -> dict[str, Any]:
        entries = document.get(self._host)
        return entries if isinstance(entries, dict) else {}

    def _of_host(self, document: dict[str, Any]) -> list[Credential]:
        names = {field.name for field in fields(Credential)}
        return [
            Credential(**{**{name: value for name, value in entry.items() if name in names}, "url": url})
            for url, entry in self._entries(document).items()
            if isinstance(entry, dict)
        ]

    def _read(self, path: Path) -> dict[str, Any]:
        try:
            with path.open("rb") as file:
                status = os.fstat(file.fileno())
                if status.st_uid != self._uid or status.st_mode & 0o077:
                    raise PortcallError(f"{path} must be yours and readable by you alone: chmod 600 {path}")
                document = json.load(file)
        except (OSError, ValueError):
            return {}
        return document if isinstance(document, dict) else {}

    @contextlib.contextmanager
    def _changing(self, path: Path) -> Iterator[dict[str, Any]]:
        """The content, to be changed; written in one piece, one writer at a time."""
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with path.with_suffix(".lock").open("w") as lock:
                with contextlib.suppress(OSError):  # homes on NFS need not have locks
                    fcntl.flock(lock, fcntl.LOCK_EX)
                document = self._read(path)
                yield document
                handle, name = tempfile.mkstemp(dir=path.parent, prefix=".tokens-")  # made 0600
                with os.fdopen(handle, "w") as file:
                    json.dump(document, file, indent=1)
                Path(name).replace(path)
        except OSError as error:
            raise PortcallError(f"{path} cannot be written: {error.strerror}") from error

    def _ours(self, directory: Path) -> bool:
        try:
            status = directory.lstat()
        except OSError:
            return False
        return stat.S_ISDIR(status.st_mode) and status.st_uid == self._uid and not status.st_mode & 0o077
