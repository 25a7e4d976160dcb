"""Where sessions call in over the network: which paths, and the listener that takes weblinks and nothing else."""

from __future__ import annotations

import hashlib
import re
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from portcall.errors import SettingRefused
from portcall.gateway.weblink import CONTROL, DISPLAY, Call
from portcall.jobs.settings import weblink_port
from portcall.web import certificate

URI = "/weblink"
_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]{1,100}){1,20}\Z")


def call(here: Any, path: str, headers: dict[bytes, bytes], address: str) -> Call | None:
    """The protocol for ``/weblink/control`` and ``/weblink/display``, and those below ``WEBLINK_URI``; None for any
    other path."""
    top, _, what = path.rpartition("/")
    found = top in (URI, here.weblink_uri) and what in (CONTROL, DISPLAY)
    return Call(here.weblinks, what, headers, address) if found else None


async def nothing_else(scope: Any, receive: Any, send: Any) -> None:
    """The application behind the listener for weblinks: whatever is asked, it is not here."""
    if scope["type"] == "http":
        headers = [(b"content-type", b"text/plain"), (b"content-length", b"10"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 404, "headers": headers})
        await send({"type": "http.response.body", "body": b"Not Found\n"})


def uri(settings: Callable[[], dict[str, str]]) -> str:
    """The path that sessions are told; SettingRefused where it is none. A proxy between may make ``/weblink`` of it."""
    text = "/" + (settings().get("WEBLINK_URI", "").strip().strip("/") or URI.strip("/"))
    if not _PATH.match(text):
        raise SettingRefused(f"WEBLINK_URI: {text!r} is not a path such as {URI}", field="WEBLINK_URI")
    return text


def listen(config: Any, settings: Callable[[], dict[str, str]]) -> socket.socket | None:
    """A socket on ``WEBLINK_PORT``, where there is one; SettingRefused where it cannot be."""
    text = weblink_port(settings())
    if not text:
        return None
    host = settings().get("WEBLINK_HOST", "").strip() or str(config["host"])
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, int(text)))
        sock.listen(1024)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise SettingRefused(f"WEBLINK_PORT: {host}:{text}: {error.strerror}", field="WEBLINK_PORT") from error
    return sock


def fingerprint(config: Any) -> str:
    """SHA-256 of the server's own certificate; empty where authorities vouch for it, or there is none."""
    if config["tls"] != "auto":
        return ""
    path, _ = certificate.own(Path(config.directories.local))
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(path.read_text())).hexdigest()
