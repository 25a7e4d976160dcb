"""What every request passes first: the path prefix, trusted proxies, a limit on bodies, security headers."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from starlette.exceptions import HTTPException

from portcall.errors import SettingRefused

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_LIMIT = 1_048_576  # bytes
_POLICY = b"content-security-policy"
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (
        _POLICY,
        b"default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        b"connect-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'",
    ),
]


class Proxies:
    """Whose X-Forwarded headers are believed."""

    def __init__(self, text: str) -> None:
        try:
            self._networks = [
                ipaddress.ip_network(item.strip(), strict=False) for item in text.split(",") if item.strip()
            ]
        except ValueError as error:
            raise SettingRefused(f"trusted_proxies: {error}", field="trusted_proxies") from error

    def client(self, peer: str, forwarded_for: str) -> str:
        """The nearest address that is not a trusted proxy's; what is no address, and all behind it, is not believed."""
        believed = peer
        for hop in reversed([hop.strip() for hop in forwarded_for.split(",") if hop.strip()]):
            if not self._trusted(believed) or not _is_address(hop):
                break
            believed = hop
        return believed

    def _trusted(self, hop: str) -> bool:
        return (
            bool(self._networks)
            and _is_address(hop)
            and any(ipaddress.ip_address(hop) in network for network in self._networks)
        )

    def trusts(self, peer: str) -> bool:
        return self._trusted(peer)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def without_prefix(path: str, prefix: str) -> str:
    """The path behind ``prefix``; proxies that cut it off themselves are as welcome as those that do not."""
    if prefix and (path == prefix or path.startswith(prefix + "/")):
        return path[len(prefix) :] or "/"
    return path


class Edge:
    """An ASGI application around ``app``."""

    def __init__(self, app: Application, prefix: str, proxies: Proxies, secure: bool) -> None:
        self._app = app
        self._prefix = prefix
        self._proxies = proxies
        reports = (_POLICY, dict(_HEADERS)[_POLICY] + b"; report-uri %s/api/csp-reports" % prefix.encode())
        others = [header for header in _HEADERS if header[0] != _POLICY]
        self._headers = [*others, reports, *([(b"strict-transport-security", b"max-age=31536000")] if secure else [])]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        scope["path"] = without_prefix(scope["path"], self._prefix)
        # Starlette takes root_path off path again, so it stands in a place of its own
        scope.setdefault("state", {})["prefix"] = self._prefix
        if scope.get("client"):
            peer, port = scope["client"]
            if self._proxies.trusts(peer):
                forwarded = headers.get(b"x-forwarded-for", b"").decode("latin-1")
                scope["client"] = (self._proxies.client(peer, forwarded), port)
                if headers.get(b"x-forwarded-proto") == b"https":
                    scope["scheme"] = "https"
        await self._app(scope, _limited(receive), self._dressed(scope["path"], send))

    def _dressed(self, path: str, send: Send) -> Send:
        async def dressed(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                present = {name for name, _ in message["headers"]}
                added: Iterable[tuple[bytes, bytes]] = self._headers
                if path.startswith("/api") and b"cache-control" not in present:
                    added = [*self._headers, (b"cache-control", b"no-store")]
                message["headers"] = [*message["headers"], *(item for item in added if item[0] not in present)]
            await send(message)

        return dressed


def _limited(receive: Receive) -> Receive:
    seen = 0

    async def limited() -> MutableMapping[str, Any]:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > BODY_LIMIT:
            raise HTTPException(413)
        return message

    return limited
