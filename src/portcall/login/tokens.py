"""Tokens of logins and signatures of orders: JWT with a key that only the service user can read.

A token is never kept: the store's bucket ``logins`` holds the claims of those that are valid, by ``jti``. A login that
was revoked or has expired is no longer there, and its token is worth nothing.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from portcall.clock import Clock
from portcall.errors import InvalidValue, LoginExpired, NotLoggedIn, RevisionConflict, StoreUnavailable
from portcall.model import codec
from portcall.model.user import Login
from portcall.stores.base import Entry, Store

BUCKET = "logins"
_ALGORITHM = "HS256"
_CLAIMS = ("sub", "iss", "iat", "exp", "aud", "jti")
_ORDER, _WEBLINK = "order", "weblink"
_MAX_TOKEN = 4096


class Tokens:
    """``local`` is the server's own directory (``var/local``); the key is made there at first use."""

    def __init__(self, store: Store, clock: Clock, local: Path, server_id: str) -> None:
        self._store = store
        self._clock = clock
        self._server_id = server_id
        self._key = OctKey.import_key(read_or_make_key(local / "token.key"))

    async def make(self, login: Login) -> str:
        """Store the login and give its token; nobody has it afterwards but who asked."""
        await self._store.put(BUCKET, login.jti, codec.to_document(login), ttl=login.exp - self._clock.now())
        return jwt.encode({"alg": _ALGORITHM}, {name: getattr(login, name) for name in _CLAIMS}, self._key)

    async def verify(self, token: str) -> tuple[Login, int]:
        """The login as stored, and its revision. NotLoggedIn for what is no token of ours, LoginExpired for one that
        was, until it expired or was revoked."""
        claims = self._claims(token)
        if claims is None or claims.get("aud") in (_ORDER, _WEBLINK) or not isinstance(claims.get("jti"), str):
            raise NotLoggedIn("this token is not valid here; log in again")
        entry = await self._store.get(BUCKET, claims["jti"])
        login = _login(entry)
        if login is None or entry is None or login.exp <= self._clock.now():
            raise LoginExpired()
        if login.sub != claims.get("sub"):
            raise NotLoggedIn()
        return login, entry.revision

    async def update(self, login: Login, revision: int) -> None:
        """Write what changed, unless the login was revoked or written meanwhile; not worth an error."""
        try:
            left = login.exp - self._clock.now()
            await self._store.put(BUCKET, login.jti, codec.to_document(login), revision, ttl=max(left, 0.001))
        except (RevisionConflict, StoreUnavailable):
            pass

    async def get(self, jti: str) -> Login | None:
        login = _login(await self._store.get(BUCKET, jti))
        return login if login and login.exp > self._clock.now() else None

    async def remove(self, jti: str) -> None:
        await self._store.delete(BUCKET, jti)

    async def list(self) -> list[Login]:
        now = self._clock.now()
        return [login for entry in await self._store.list(BUCKET) if (login := _login(entry)) and login.exp > now]

    def watch(self) -> AsyncIterator[Entry]:
        return self._store.watch(BUCKET)

    def sign_order(self, id: str, user: str, login: str, profile: str, expires: float) -> str:
        """Lets a session prove that it came through the pipeline; valid for that id, user and profile alone."""
        claims = {"aud": _ORDER, "id": id, "user": user, "sub": login, "profile": profile, "exp": int(expires)}
        return jwt.encode({"alg": _ALGORITHM}, claims, self._key)

    def verify_order(self, signature: str) -> dict[str, Any] | None:
        """``id user login profile exp``, or None for what was not signed here or has expired."""
        claims = self._claims(signature)
        if claims is None or claims.get("aud") != _ORDER or claims["exp"] <= self._clock.now():
            return None
        return {"login": claims["sub"], **{name: claims[name] for name in ("id", "user", "profile", "exp")}}

    def sign_weblink(self, id: str, user: str, expires: float) -> str:
        """Lets one session call in over the network; valid for that id and account alone."""
        claims = {"aud": _WEBLINK, "id": id, "sub": user, "exp": int(expires)}
        return jwt.encode({"alg": _ALGORITHM}, claims, self._key)

    def verify_weblink(self, token: str) -> dict[str, Any] | None:
        """``id user exp`` of what was signed here, whether it has expired or not."""
        claims = self._claims(token)
        if claims is None or claims.get("aud") != _WEBLINK:
            return None
        return {"user": claims["sub"], "id": claims["id"], "exp": claims["exp"]}

    def _claims(self, token: str) -> dict[str, Any] | None:
        if not token or len(token) > _MAX_TOKEN:
            return None
        try:
            return jwt.decode(token, self._key, algorithms=[_ALGORITHM]).claims
        except (JoseError, ValueError, TypeError):  # joserfc lets some of what base64 and JSON raise through
            return None


def _login(entry: Entry | None) -> Login | None:
    if entry is None or entry.value is None:
        return None
    try:
        return codec.from_document(Login, entry.value)
    except InvalidValue:
        return None


def read_or_make_key(path: Path) -> bytes:
    """32 random bytes in a file of mode 0600; two servers that start at once agree on one."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, secrets.token_bytes(32))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    key = path.read_bytes()
    if len(key) < 32:
        raise ValueError(f"{path}: the key is damaged; remove the file, and everybody logs in again")
    return key
