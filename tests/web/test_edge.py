"""What every request passes: prefix, trusted proxies, the limit on bodies, headers; and errors of one shape."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from portcall.errors import SettingRefused
from portcall.testing.server import PEOPLE, Server
from portcall.web.edge import BODY_LIMIT, Proxies, without_prefix
from tests.web.test_permissions import well_formed

USER = PEOPLE["full"]


def served(test: Callable[[Server], Awaitable[None]], folder: Path, **settings: Any) -> None:
    async def run() -> None:
        async with Server(folder, **settings).open() as server:
            await test(server)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/nothing", 404, "not-found"),
        ("GET", "/api/sessions/nothing", 404, "no-such-session"),
        ("POST", "/nothing", 405, "method-not-allowed"),
        ("PUT", "/api/sessions", 405, "method-not-allowed"),
        ("TRACE", "/api/sessions", 405, "method-not-allowed"),
        ("POST", "/api/sessions", 422, "invalid-value"),
        ("GET", "/api/sessions?all=maybe", 422, "invalid-value"),
        ("GET", "/api/sessions?state=dancing", 422, "invalid-value"),
        ("GET", "/api/sessions?all=1", 403, "forbidden"),
        ("GET", "/api/settings", 403, "forbidden"),
    ],
)
def test_errors_have_one_shape(method: str, path: str, status: int, code: str, tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        async with await server.client(USER) as client:
            problem = well_formed(await client.request(method, path))
            assert (problem["status"], problem["code"]) == (status, code)

    served(test, tmp_path)


def test_who_is_not_logged_in_is_told_how_to_be(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        async with await server.client() as client:
            answer = await client.get("/api/sessions")
            assert well_formed(answer)["code"] == "not-logged-in"
            assert answer.headers["www-authenticate"] == "Bearer"

    served(test, tmp_path)


def test_every_answer_has_the_headers_that_protect_the_page(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        async with await server.client() as client:
            for path in ("/", "/api", "/api/sessions", "/nothing", "/healthz", "/api/openapi.json"):
                headers = (await client.get(path)).headers
                policy = headers["content-security-policy"]
                assert "default-src 'self'" in policy
                assert "frame-ancestors 'none'" in policy
                assert "unsafe-eval" not in policy
                assert "script-src 'self';" in policy
                assert headers["x-content-type-options"] == "nosniff"
                assert headers["referrer-policy"] == "no-referrer"
                assert headers["x-frame-options"] == "DENY"
                assert "server" not in headers
                if path.startswith("/api"):
                    assert headers["cache-control"] == "no-store"

    served(test, tmp_path)


@pytest.mark.parametrize("declared", [True, False], ids=["with its length", "in pieces"])
def test_a_body_that_is_too_large_is_refused_before_it_is_read(declared: bool, tmp_path: Path) -> None:
    read = 0

    async def pieces() -> Any:
        nonlocal read
        for _ in range(100):
            read += 65_536
            yield b" " * 65_536

    async def test(server: Server) -> None:
        async with await server.client(USER) as client:
            body = b" " * (BODY_LIMIT + 1) if declared else pieces()
            answer = await client.post("/api/sessions", content=body, headers={"content-type": "application/json"})
            assert well_formed(answer)["code"] == "too-large"

    served(test, tmp_path)
    assert read <= BODY_LIMIT + 2 * 65_536


@pytest.mark.parametrize("prefix", ["/portcall", "/deep/er"])
def test_everything_stands_under_the_prefix(prefix: str, tmp_path: Path) -> None:
    """Proxies that cut the prefix off are as welcome as those that do not."""

    async def test(server: Server) -> None:
        await server.session("s", USER)
        async with await server.client(USER) as client:
            for path in (f"{prefix}/api", "/api"):
                assert (await client.get(path)).json()["name"] == "Portcall"
            made = (await client.post(f"{prefix}/api/sessions/s/connect")).json()
            assert made["url"] == f"{prefix}/view/s"
            assert (await client.get(f"{prefix}x/api")).headers["content-type"].startswith("text/html")

    served(test, tmp_path, url_prefix=prefix)


def test_a_prefix_is_cut_off_whole_or_not_at_all() -> None:
    assert without_prefix("/p/api", "/p") == "/api"
    assert without_prefix("/p", "/p") == "/"
    assert without_prefix("/p/", "/p") == "/"
    assert without_prefix("/px/api", "/p") == "/px/api"
    assert without_prefix("/api", "") == "/api"


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.1", "", "192.0.2.1"),
        ("192.0.2.1", "10.9.9.9", "192.0.2.1"),  # not a trusted proxy
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "192.0.2.1", "192.0.2.1"),
        ("10.0.0.1", "203.0.113.5, 192.0.2.1", "192.0.2.1"),  # the first is the client's own claim
        ("10.0.0.1", "192.0.2.1, 10.0.0.2", "192.0.2.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "<script>", "10.0.0.1"),
        ("10.0.0.1", "192.0.2.1, <script>", "10.0.0.1"),
        ("10.0.0.1", "unknown, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", " , ,", "10.0.0.1"),
        ("::1", "2001:db8::7", "2001:db8::7"),
        ("local", "192.0.2.1", "local"),
    ],
)
def test_the_clients_address_is_the_nearest_that_is_not_ours(peer: str, forwarded: str, client: str) -> None:
    assert Proxies("10.0.0.0/8, ::1").client(peer, forwarded) == client


def test_networks_that_are_none_are_refused_with_the_settings_name() -> None:
    with pytest.raises(SettingRefused) as refusal:
        Proxies("10.0.0.0/8, proxy.example.org")
    assert refusal.value.extra["field"] == "trusted_proxies"


def test_the_address_in_the_audit_log_is_the_one_that_is_believed(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        headers = {"x-forwarded-for": "203.0.113.5", "x-forwarded-proto": "https"}
        for peer, believed in (("10.1.2.3", "203.0.113.5"), ("192.0.2.7", "192.0.2.7")):
            async with await server.client(USER, headers=headers, address=(peer, 1)) as client:
                await client.get("/api/audit")
            assert server.services.audit.last(1)[0]["address"] == believed

    served(test, tmp_path, trusted_proxies="10.0.0.0/8")


def test_a_cookie_is_secure_where_the_page_is(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        token = server.services.logins.one_person_token()
        for scheme, secure in (("https", True), ("http", False)):
            token = server.services.logins.one_person_token()
            headers = {"x-forwarded-proto": scheme, "x-forwarded-for": "192.0.2.9"}
            async with await server.client(headers=headers, address=("10.1.2.3", 1)) as client:
                answer = await client.post("/p/api/login", json={"method": "token", "token": token})
            cookie = answer.headers["set-cookie"].lower()
            assert ("secure" in cookie) is secure
            assert "httponly" in cookie
            assert "samesite=strict" in cookie
            assert "path=/p" in cookie

    served(test, tmp_path, one_person=True, trusted_proxies="10.0.0.0/8", url_prefix="/p")


def test_many_requests_at_once_are_all_answered(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        for number in range(50):
            await server.session(f"s{number}", USER)
        async with await server.client(USER) as client:
            answers = await asyncio.gather(*(client.get("/api/sessions") for _ in range(100)))
            assert {len(answer.json()["sessions"]) for answer in answers} == {50}

    served(test, tmp_path)


def test_secrets_are_in_no_answer_but_the_one_that_makes_them(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        await server.session("s", USER)
        async with await server.client(USER) as client:
            ticket = (await client.post("/api/sessions/s/connect")).json()["ticket"]
            made = (await client.post("/api/tokens", json={"name": "x"})).json()["token"]
            everything = ""
            for path in ("/api/logins", "/api/login", "/api/sessions", "/api/sessions/s", "/api/traces"):
                everything += (await client.get(path)).text
            kept = [
                entry.value for bucket in ("logins", "sessions") for entry in await server.services.store.list(bucket)
            ]
            for secret in (ticket, made, made.split(".")[-1]):
                assert secret not in everything
                assert secret not in str(kept)
                assert secret not in str(server.services.audit.last(100))

    served(test, tmp_path)
