"""How a session reaches its server over the network: what ``start-weblink`` is told, and what is kept of it."""

from __future__ import annotations

import binascii
import json
import os
import re
from dataclasses import dataclass
from typing import Any, MutableMapping

from portcall.errors import InvalidValue

CONTROL, DISPLAY = "/control", "/display"
_URL = re.compile(r"(https?)://(?:([^/@]*)@)?(\[[0-9A-Fa-f:.]+\]|[^/:@\[\]\s]+)(?::([0-9]{1,5}))?(/[^?#\s]*)?\Z")
_FINGERPRINT = re.compile(r"[0-9a-f]{64}\Z")
_WHENCE = (
    "A launcher script takes it from the member weblink of its input, which is there if WEBLINK_PORT is set in"
    " fastx.env of the server's configuration directory and the server was started again since."
)
_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_VARIABLES = (
    "WEBLINK_URL", "WEBLINK_URI", "WEBLINK_PRIMARY", "WEBLINK_FINGERPRINT", "WEBLINK_HOST_ID", "WEBLINK_SOCKET",
)  # fmt: skip


@dataclass(frozen=True)
class Weblink:
    """``primary`` lets this one session in; the first dial binds it to ``key``, which nobody else knows. ``proxy`` is
    the HTTP proxy's URL, empty where there is none between. ``socket`` is the server's own, on its own host."""

    url: str
    uri: str
    primary: str
    key: str
    session_id: str
    fingerprint: str = ""
    proxy: str = ""
    socket: str = ""

    @property
    def address(self) -> str:
        """What stands among a session's sockets for this way to the server."""
        return self.url + self.uri

    @property
    def sockets(self) -> list[str]:
        return [self.socket, self.address] if self.socket else [self.address]


@dataclass(frozen=True)
class Url:
    secure: bool
    host: str
    port: int
    path: str
    user: str = ""

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse(text: str, name: str) -> Url:
    """InvalidValue names the variable that it came from."""
    match = _URL.match(text)
    if not match or int(match.group(4) or 1) > 65_535:
        raise InvalidValue(f"{name}: write http(s)://HOST[:PORT][/PATH], not {text!r}", field=name)
    scheme, user, host, port, path = match.groups()
    secure = scheme == "https"
    return Url(secure, host.strip("[]"), int(port or (443 if secure else 80)), (path or "").rstrip("/"), user or "")


def take(environment: MutableMapping[str, str], session_id: str = "") -> Weblink:
    """What the environment says, and takes it out of there: nothing that is started later shall find it.

    The session is the one that the token is for, unless ``session_id`` names it. InvalidValue says what is missing.
    """
    given = {name: environment.pop(name, "") for name in _VARIABLES}
    for name in ("WEBLINK_URL", "WEBLINK_PRIMARY"):
        if not given[name]:
            raise InvalidValue(f"{name} is not set. {_WHENCE}", field=name)
    url, uri = given["WEBLINK_URL"].rstrip("/"), "/" + (given["WEBLINK_URI"] or "/weblink").strip("/")
    parse(url + uri, "WEBLINK_URL")
    primary = given["WEBLINK_PRIMARY"].strip()
    if not re.match(r"[\x21-\x7e]+\Z", primary):
        raise InvalidValue("WEBLINK_PRIMARY: not a token", field="WEBLINK_PRIMARY")
    fingerprint = given["WEBLINK_FINGERPRINT"].replace(":", "").strip().lower()
    if fingerprint and not _FINGERPRINT.match(fingerprint):
        raise InvalidValue("WEBLINK_FINGERPRINT: 64 hexadecimal digits are needed", field="WEBLINK_FINGERPRINT")
    near = given["WEBLINK_SOCKET"] if given["WEBLINK_SOCKET"] and _same_host(given["WEBLINK_HOST_ID"]) else ""
    return Weblink(
        url, uri, primary, os.urandom(24).hex(), session_id or session_of(primary), fingerprint,
        proxy_for(url + uri, environment), near if os.path.exists(near) else "",
    )  # fmt: skip


def session_of(primary: str) -> str:
    """The session that the token is for, as it says itself; only the server can tell whether that is true."""
    try:
        payload = primary.split(".")[1]
        claims: Any = json.loads(binascii.a2b_base64(payload.replace("-", "+").replace("_", "/") + "=="))
        return str(claims["id"])
    except (ValueError, LookupError, TypeError):
        return ""


def proxy_for(url: str, environment: MutableMapping[str, str]) -> str:
    """The proxy that the environment names for this URL: ``https_proxy`` or ``http_proxy`` without ``no_proxy``."""
    target = parse(url, "WEBLINK_URL")
    names = ("https_proxy", "HTTPS_PROXY") if target.secure else ("http_proxy",)
    found = next((environment[name] for name in (*names, "all_proxy", "ALL_PROXY") if environment.get(name)), "")
    left_out = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    if not found or any(_matches(target, item.strip()) for item in left_out.split(",") if item.strip()):
        return ""
    return found if "://" in found else f"http://{found}"


def _matches(target: Url, item: str) -> bool:
    """As curl(1) has it: a host, a domain with all that is below it, a network, ``*``."""
    if item == "*":
        return True
    if "/" in item:
        import ipaddress

        try:
            return ipaddress.ip_address(target.host) in ipaddress.ip_network(item, strict=False)
        except ValueError:
            return False
    name, _, port = item.rpartition(":") if re.search(r"[^:]:[0-9]+\Z", item) else (item, "", "")
    if port and int(port) != target.port:
        return False
    name, host = name.strip("[]").lstrip(".").lower(), target.host.lower()
    return host == name or host.endswith("." + name)


def _same_host(host_id: str) -> bool:
    try:
        with open(_BOOT_ID) as file:
            return bool(host_id) and file.read().strip() == host_id.strip()
    except OSError:
        return False
