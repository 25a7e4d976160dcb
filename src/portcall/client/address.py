"""Where a server is: an address given, the unix socket of a server on this host, or the last login's.

The order, strongest first: an address given; ``PORTCALL_URL``; a server that answers on this host's ``api.sock``; the
address of the last login; the ``url`` in a runtime directory's ``public.json``; http://127.0.0.1:3300.
"""

from __future__ import annotations

import json
import os
import socket
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from portcall.errors import InvalidValue

DEFAULT_URL = "http://127.0.0.1:3300"


@dataclass(frozen=True)
class Address:
    """``url`` has no slash at its end. With ``socket`` the server is reached there, and knows the caller by uid."""

    url: str
    socket: str = ""
    given: bool = False

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def tls(self) -> bool:
        return self.url.startswith("https://")

    @property
    def on_this_host(self) -> bool:
        return bool(self.socket) or self.host in ("localhost", "::1") or self.host.startswith("127.")

    def __str__(self) -> str:
        return self.socket or self.url


def parse(url: str) -> Address:
    """The address that a person wrote; a host alone means https. InvalidValue says what is allowed."""
    text = url.strip()
    if "://" not in text:
        text = f"https://{text}"
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018  (raises where it is no number)
    except ValueError as error:
        raise InvalidValue(f"{url!r} is no address: {error}", field="url") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
        raise InvalidValue(f"{url!r} is no address of a server: write https://HOST[:PORT][/PATH]", field="url")
    return Address(f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/"), given=True)


def runtime_directories(environment: Mapping[str, str], uid: int) -> list[Path]:
    """Where a server of this host may have its sockets: the service's, then one's own; as the user side looks."""
    if named := environment.get("PORTCALL_RUNTIME_DIR"):
        return [Path(named)]
    return [Path("/run/portcall"), Path(f"{environment.get('FX_TEMP_DIR') or '/tmp'}/portcall-{uid}")]


def local(environment: Mapping[str, str], uid: int | None = None) -> list[Address]:
    """The servers of this host that listen on a socket for its users."""
    found = []
    for directory in _trusted_directories(environment, uid):
        path = directory / "api.sock"
        if listens(path):
            found.append(Address(f"http://localhost{prefix(directory)}", socket=str(path)))
    return found


def find(url: str, environment: Mapping[str, str], remembered: str = "", uid: int | None = None) -> Address:
    """The server to talk to. Opens no connection but to local sockets, to see whether somebody listens."""
    if given := url or environment.get("PORTCALL_URL", ""):
        return parse(given)
    for address in local(environment, uid):
        return address
    if remembered:
        return Address(remembered)
    for directory in _trusted_directories(environment, uid):
        if public := public_url(directory):
            return Address(parse(public).url)
    return Address(DEFAULT_URL)


def _trusted_directories(environment: Mapping[str, str], uid: int | None) -> list[Path]:
    me = os.getuid() if uid is None else uid
    return [directory for directory in runtime_directories(environment, me) if trusted(directory, me)]


def trusted(directory: Path, uid: int) -> bool:
    """Whether nobody but root, its owner's service or ourselves can have put a socket there.

    In a directory that all may write to (/tmp) the owner must be root or we; elsewhere only root can have made it.
    """
    try:
        own, above = os.lstat(directory), os.lstat(directory.parent)
    except OSError:
        return False
    if not stat.S_ISDIR(own.st_mode) or own.st_mode & stat.S_IWOTH:
        return False
    if own.st_uid in (0, uid):
        return True
    return above.st_uid == 0 and not above.st_mode & (stat.S_IWOTH | stat.S_IWGRP)


def listens(path: Path) -> bool:
    """Whether a process accepts connections there; a socket left by a dead one refuses."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(2)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def prefix(directory: Path) -> str:
    """The path below which the server of a runtime directory has its API."""
    return urlsplit(public_url(directory)).path.rstrip("/")


def public_url(directory: Path) -> str:
    """What the server of a runtime directory says of itself; empty where there was none."""
    try:
        document = json.loads((directory / "public.json").read_bytes())
    except (OSError, ValueError):
        return ""
    url = document.get("url") if isinstance(document, dict) else None
    return url if isinstance(url, str) else ""
