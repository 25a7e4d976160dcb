"""Dials the server over the network, through a proxy where there is one. Blocks: only ever called in a child."""

from __future__ import annotations

import binascii
import contextlib
import json
import os
import socket
from typing import Any

from portcall.errors import PortcallError
from portcall.sessiond.weblink import Url, Weblink, parse

TIMEOUT = 10.0  # seconds for each step of a dial
SILENT = 30  # seconds after which a connection that nobody acknowledges is lost
_MOST_HEAD, _MOST_BODY = 16_384, 4096
_AUTHORITIES = (
    "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)  # fmt: skip


class Refused(Exception):
    """The other side said no. ``final``: it will say so again; ``over``: the session is to end."""

    def __init__(self, reason: str, final: bool = True, over: bool = False) -> None:
        super().__init__(reason)
        self.final, self.over = final, over


def dial(link: Weblink, path: str, token: str) -> Any:
    """A connected socket (an SSLSocket with https) past the server's 101; Refused or OSError says why there is none."""
    url = parse(link.address + path, "WEBLINK_URL")
    if not url.secure:
        return _upgrade(_reach(link, url), link, url, token)
    try:
        sock = _secured(_reach(link, url), link, url)
    except _OtherCertificate:  # what stands between may have one that an authority vouches for
        sock = _secured(_reach(link, url), link, url, pinned=False)
    return _upgrade(sock, link, url, token)


def _reach(link: Weblink, url: Url) -> socket.socket:
    if not link.proxy:
        return _connected(url, "")
    proxy = parse(link.proxy, "https_proxy" if url.secure else "http_proxy")
    if proxy.secure:
        raise Refused(f"{proxy.authority}: a proxy that is itself spoken to with TLS is not supported")
    sock = _connected(proxy, "the proxy ")
    login = f"Proxy-Authorization: Basic {_base64(_unquoted(proxy.user))}\r\n" if proxy.user else ""
    sock.sendall(f"CONNECT {url.authority} HTTP/1.1\r\nHost: {url.authority}\r\n{login}\r\n".encode())
    status, reason, _ = _answer(sock)
    if status // 100 == 2:
        return sock
    sock.close()
    raise Refused(
        f"the proxy {proxy.authority} lets nobody through to {url.authority}: {status} {reason}",
        final=status in (400, 401, 403, 405, 407),
    )


def _connected(url: Url, what: str) -> socket.socket:
    try:
        sock = socket.create_connection((url.host, url.port), TIMEOUT)
    except OSError as error:
        raise OSError(f"{what}{url.authority}: {error.strerror or error}") from error
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        (socket.TCP_KEEPIDLE, 10), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 4),
        (socket.TCP_USER_TIMEOUT, SILENT * 1000),
    ):  # fmt: skip
        sock.setsockopt(socket.IPPROTO_TCP, option, value)
    return sock


class _OtherCertificate(Exception):
    """Not the one whose fingerprint we were told."""


def _secured(sock: socket.socket, link: Weblink, url: Url, pinned: bool = True) -> Any:
    """By the fingerprint, where there is one, else by the authorities that the system trusts."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    pinned = pinned and bool(link.fingerprint)
    if pinned:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    else:
        _trust(context)
    try:
        secured = context.wrap_socket(sock, server_hostname=url.host)
    except ssl.SSLCertVerificationError as error:
        told = ", nor the one that was told" if link.fingerprint else ""
        raise Refused(f"the certificate of {url.authority} is not trusted{told}: {error.verify_message}") from error
    if pinned and _fingerprint(secured.getpeercert(binary_form=True)) != link.fingerprint:
        secured.close()
        raise _OtherCertificate
    return secured


def _trust(context: Any) -> None:
    """The system's authorities. A Python that was brought along may look for them where they are not."""
    context.load_default_certs()
    if not context.get_ca_certs() and not os.environ.get("SSL_CERT_FILE"):
        for path in _AUTHORITIES:
            if os.path.exists(path):
                with contextlib.suppress(OSError):
                    context.load_verify_locations(path)
                    return


def _fingerprint(certificate: bytes | None) -> str:
    import hashlib

    return hashlib.sha256(certificate or b"").hexdigest()


def _upgrade(sock: Any, link: Weblink, url: Url, token: str) -> Any:
    sock.sendall(
        f"GET {url.path} HTTP/1.1\r\nHost: {url.authority}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {_base64(os.urandom(16))}\r\n"
        f"Authorization: Bearer {token}\r\nWeblink-Key: {link.key}\r\nWeblink-Session: {link.session_id}\r\n"
        "User-Agent: portcall\r\n\r\n".encode()
    )
    status, reason, headers = _answer(sock)
    if status == 101:
        sock.settimeout(None)
        return sock
    problem = _problem(sock, headers)
    sock.close()
    if "code" in problem:
        said = str(problem.get("detail") or problem.get("title") or reason)
        raise Refused(f"{link.url} refused it: {said}", status in (401, 403, 410), status == 410)
    if status == 404:
        raise Refused(f"no weblinks are taken at {link.address}: 404 {reason}")
    raise Refused(f"{link.address} answered {status} {reason}", final=status in (400, 401, 403, 405, 407))


def _answer(sock: Any) -> tuple[int, str, dict[str, str]]:
    """Status, reason and headers; not a byte of what comes behind them is taken."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        data = sock.recv(1)
        if not data:
            raise OSError("the connection was closed before it was answered")
        head += data
        if len(head) > _MOST_HEAD:
            raise OSError("the answer is too long")
    first, *lines = head.decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    status, _, reason = rest.partition(" ")
    if not version.startswith("HTTP/1.") or not status.isdigit():
        raise OSError("the answer is not HTTP")
    pairs = (line.partition(":") for line in lines if ":" in line)
    return int(status), reason, {name.strip().lower(): value.strip() for name, _, value in pairs}


def _problem(sock: Any, headers: dict[str, str]) -> dict[str, Any]:
    """The server's own words, where the answer is a problem document."""
    size = headers.get("content-length", "0")
    left = min(int(size), _MOST_BODY) if size.isdigit() else 0
    body = b""
    with contextlib.suppress(OSError):
        while len(body) < left:
            data = sock.recv(left - len(body))
            if not data:
                break
            body += data
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _base64(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode()


def _unquoted(text: str) -> bytes:
    """``user:password`` of a URL, percent signs resolved."""
    first, *rest = text.encode().split(b"%")
    out = first
    for part in rest:
        try:
            out += bytes([int(part[:2], 16)]) + part[2:]
        except ValueError:
            out += b"%" + part
    return out


def words(error: BaseException) -> str:
    """What a person reads of a dial that failed."""
    if isinstance(error, PortcallError):
        return error.detail
    if isinstance(error, OSError):
        return error.strerror or str(error) or type(error).__name__
    return str(error) or type(error).__name__
