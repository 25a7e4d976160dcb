"""Tokens and signatures of orders."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from portcall.errors import LoginExpired, NotLoggedIn
from portcall.login.tokens import BUCKET, Tokens, read_or_make_key
from portcall.model.user import Login
from portcall.stores.memory import Memory
from tests.fixtures.clocks import HandClock


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def store(clock: HandClock) -> Memory:
    return Memory(clock)


@pytest.fixture
def tokens(store: Memory, clock: HandClock, tmp_path: Path) -> Tokens:
    return Tokens(store, clock, tmp_path / "local", "server")


def login(clock: HandClock, seconds: float = 60.0) -> Login:
    return Login("ann", "server", clock.now(), clock.now() + seconds, "web", "number-1")


async def test_a_token_gives_its_login_until_it_is_removed(tokens: Tokens, clock: HandClock) -> None:
    token = await tokens.make(login(clock))
    assert (await tokens.verify(token))[0] == login(clock)
    await tokens.remove("number-1")
    with pytest.raises(LoginExpired):
        await tokens.verify(token)


async def test_a_token_expires(tokens: Tokens, clock: HandClock) -> None:
    token = await tokens.make(login(clock))
    clock.move(60)
    with pytest.raises(LoginExpired):
        await tokens.verify(token)
    assert await tokens.list() == []


async def test_the_store_never_has_a_token(tokens: Tokens, store: Memory, clock: HandClock) -> None:
    token = await tokens.make(login(clock))
    kept = json.dumps([entry.value for entry in await store.list(BUCKET)])
    assert token not in kept
    assert token.rpartition(".")[2] not in kept


def forged(clock: HandClock, header: dict[str, str], key: bytes, **claims: object) -> str:
    claims = {"sub": "ann", "aud": "web", "jti": "number-1", "exp": clock.now() + 60, **claims}
    return jwt.encode(header, claims, OctKey.import_key(key), algorithms=[header["alg"]])


async def test_nothing_but_our_signature_counts(tokens: Tokens, clock: HandClock, tmp_path: Path) -> None:
    good = await tokens.make(login(clock))
    head, body, signature = good.split(".")
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    key = read_or_make_key(tmp_path / "local/token.key")
    for bad in (
        "", "x", "..", good[:-2], good * 20,
        f"{head}.{body}.", f"{unsigned}.{body}.", f"{head}.{body[:-2]}.{signature}",
        forged(clock, {"alg": "HS256"}, b"k" * 32),
        forged(clock, {"alg": "HS512"}, key + key),
        forged(clock, {"alg": "HS256"}, key, sub="root"),
        forged(clock, {"alg": "HS256"}, key, jti=7),
        "ü.ü.ü", "\ud800", "a.b.c.d.e", "[].[].[]",
    ):  # fmt: skip
        with pytest.raises(NotLoggedIn):
            await tokens.verify(bad)


async def test_an_order_is_no_login_and_a_login_no_order(tokens: Tokens, clock: HandClock) -> None:
    token = await tokens.make(login(clock))
    order = tokens.sign_order("id1", "ann", "ann", "default", clock.now() + 60)
    assert tokens.verify_order(token) is None
    with pytest.raises(NotLoggedIn):
        await tokens.verify(order)


def test_an_order_says_what_was_signed_until_it_expires(tokens: Tokens, clock: HandClock) -> None:
    order = tokens.sign_order("id1", "ann", "ann@example", "big", clock.now() + 60)
    claims = tokens.verify_order(order)
    assert claims is not None
    assert {name: claims[name] for name in ("id", "user", "login", "profile")} == {
        "id": "id1", "user": "ann", "login": "ann@example", "profile": "big",
    }  # fmt: skip
    clock.move(61)
    assert tokens.verify_order(order) is None
    assert tokens.verify_order("") is None


async def test_a_weblinks_token_is_nothing_else_and_says_when_it_expires(tokens: Tokens, clock: HandClock) -> None:
    token = tokens.sign_weblink("id1", "ann", clock.now() + 60)
    clock.move(61)
    assert tokens.verify_weblink(token) == {"id": "id1", "user": "ann", "exp": int(clock.now()) - 1}
    assert tokens.verify_order(token) is None
    with pytest.raises(NotLoggedIn):
        await tokens.verify(token)
    order = tokens.sign_order("id1", "ann", "ann", "default", clock.now() + 60)
    for other in (order, await tokens.make(login(clock)), ""):
        assert tokens.verify_weblink(other) is None


async def test_a_login_that_was_revoked_is_not_written_again(tokens: Tokens, clock: HandClock) -> None:
    token = await tokens.make(login(clock))
    found, revision = await tokens.verify(token)
    await tokens.remove("number-1")
    await tokens.update(found, revision)
    assert await tokens.get("number-1") is None


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "local/token.key"
    key = read_or_make_key(path)
    assert read_or_make_key(path) == key
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["token.key"]
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="damaged"):
        read_or_make_key(path)
