"""The login routes, over a server with a real store, real tokens and a one-person link."""

from __future__ import annotations

import asyncio
import os
import pwd
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from portcall.authenticators.base import Ask, Authenticator, Prompt, Proof, Round
from portcall.authenticators.token import Token
from portcall.bus import Bus
from portcall.clock import Clock
from portcall.errors import LoginFailed
from portcall.login.accounts import Accounts
from portcall.login.audit import Audit
from portcall.login.permissions import Permissions
from portcall.login.service import LoginService
from portcall.login.tokens import Tokens
from portcall.stores.memory import Memory
from portcall.web import problems
from portcall.web.api import login, logins
from tests.fixtures.settings import config_in

ME = pwd.getpwuid(os.geteuid()).pw_name
OTHER = "daemon" if ME != "daemon" else "bin"
CHANGE = {"X-Portcall": "1"}


class TwoQuestions(Authenticator):
    """Asks a password and a code, whatever the user; or for a signature, where a key came along."""

    name = "pam"
    title = "Two questions"

    def unavailable(self) -> str:
        return ""

    async def authenticate(self, user: str, given: dict[str, Any], ask: Ask, address: str) -> Proof:
        if "publicKey" in given:
            right = await ask(Round(sign="ZGF0YQ==")) == ["c2lnbmVk"]
        else:
            password = given.get("password") or (await ask(Round((Prompt("Password:"),))))[0]
            code = await ask(Round((Prompt("Code:", echo=True),), "Second factor", "Look at your phone."))
            right = (password, code) == ("secret", ["123456"])
        if not right:
            raise LoginFailed()
        return Proof(user, self.name)


class Server:
    """``client`` speaks to it from ``127.0.0.1``; ``rules`` is its permissions file."""

    def __init__(self, folder: Path, one_person: bool, **settings: Any) -> None:
        self.config = config_in(folder, one_person, login_methods="pam", **settings)
        self.rules = self.config.directories.config / "permissions.toml"
        self.clock, self.bus = Clock(), Bus()
        store = Memory(self.clock)
        self.permissions = Permissions(self.config)
        tokens = Tokens(store, self.clock, self.config.directories.local, "server")
        ways = {"pam": TwoQuestions(), "token": Token(self.config, self.clock)}
        self.logins = LoginService(
            self.config, self.clock, self.bus, tokens, self.permissions, Accounts(self.clock), ways
        )
        self.audit = Audit(folder / "audit.log", self.clock)
        app = FastAPI()
        problems.install(app)
        app.include_router(login.router, prefix="/api")
        app.include_router(logins.router, prefix="/api")
        app.state.portcall = SimpleNamespace(
            config=self.config, clock=self.clock, logins=self.logins, permissions=self.permissions, audit=self.audit,
            launchers=SimpleNamespace(names=list),
        )  # fmt: skip
        self.app = app

    def client(self, address: str = "127.0.0.1", **headers: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app, client=(address, 1234))
        return httpx.AsyncClient(transport=transport, base_url="https://server/api", headers=headers)

    async def token(self, user: str = ME) -> str:
        stage = await self.logins.begin("pam", {"user": user, "password": "secret"}, "192.0.2.9", True)
        return (await self.logins.answer(stage.attempt, ["123456"], "192.0.2.9")).token


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    running = Server(tmp_path, one_person=False)
    yield running
    await running.logins.close()


async def answered(client: httpx.AsyncClient, user: str = ME, *, code: str = "123456", **more: Any) -> httpx.Response:
    begun = await client.post("/login", json={"method": "pam", "user": user, "password": "secret", **more})
    return await client.post(f"/login/{begun.json()['attempt']}", json={"answers": [code]})


async def test_a_browser_logs_in_stage_by_stage_and_gets_a_cookie(server: Server) -> None:
    client = server.client()
    first = await client.post("/login", json={"method": "pam", "user": ME})
    assert first.json()["prompts"] == [{"text": "Password:", "echo": False}]
    second = await client.post(f"/login/{first.json()['attempt']}", json={"answers": ["secret"]})
    assert (second.json()["title"], second.json()["instructions"]) == ("Second factor", "Look at your phone.")
    end = await client.post(f"/login/{first.json()['attempt']}", json={"answers": ["123456"]})
    assert end.json()["stage"] == "success"
    assert "token" not in end.json()
    for attribute in ("portcall=", "HttpOnly", "Path=/", "SameSite=strict", "Secure"):
        assert attribute in end.headers["set-cookie"]
    assert (await client.get("/login")).json()["user"]["name"] == ME


async def test_an_api_login_gets_a_token_and_no_cookie(server: Server) -> None:
    client = server.client()
    end = await answered(client, api=True, name="laptop")
    assert "set-cookie" not in end.headers
    assert (end.json()["login"]["aud"], end.json()["login"]["name"]) == ("api", "laptop")
    fresh = server.client(authorization=f"Bearer {end.json()['token']}")
    assert (await fresh.get("/login")).status_code == 200


async def test_a_key_signs(server: Server) -> None:
    client = server.client()
    begun = await client.post("/login", json={"method": "pam", "user": ME, "publicKey": "ssh-ed25519 AAAA"})
    assert (begun.json()["stage"], begun.json()["data"]) == ("sign", "ZGF0YQ==")
    end = await client.post(f"/login/{begun.json()['attempt']}", json={"answers": ["c2lnbmVk"]})
    assert end.json()["stage"] == "success"


async def test_refusals_are_all_alike_and_begin_anew(server: Server) -> None:
    client = server.client()
    wrong = await answered(client, code="000000")
    unknown = await answered(client, user="no-such-user")
    odd = await client.post("/login", json={"method": "pam", "user": "../x\0"})
    keep = ("status", "code", "detail", "title")
    shapes = [{name: answer.json()[name] for name in keep} for answer in (wrong, unknown, odd)]
    assert shapes[0] == shapes[1] == shapes[2]
    assert wrong.status_code == 401


async def test_an_attempt_belongs_to_the_address_that_began_it(server: Server) -> None:
    begun = await server.client().post("/login", json={"method": "pam", "user": ME, "password": "secret"})
    path = f"/login/{begun.json()['attempt']}"
    stranger = server.client("192.0.2.1")
    assert (await stranger.post(path, json={"answers": ["123456"]})).status_code == 404
    assert (await stranger.delete(path)).status_code == 404
    assert (await server.client().post(path, json={"answers": ["123456"]})).json()["stage"] == "success"


async def test_an_attempt_given_up_is_over(server: Server) -> None:
    client = server.client()
    begun = await client.post("/login", json={"method": "pam", "user": ME})
    path = f"/login/{begun.json()['attempt']}"
    assert (await client.delete(path)).status_code == 204
    assert (await client.post(path, json={"answers": ["secret"]})).status_code == 404


@pytest.mark.parametrize("answers", [[], ["a", "b"], ["a\0"], ["x" * 20_000]])
async def test_answers_that_do_not_fit_change_nothing(server: Server, answers: list[str]) -> None:
    client = server.client()
    begun = await client.post("/login", json={"method": "pam", "user": ME, "password": "secret"})
    path = f"/login/{begun.json()['attempt']}"
    assert (await client.post(path, json={"answers": answers})).status_code == 422
    assert (await client.post(path, json={"answers": ["123456"]})).json()["stage"] == "success"


async def test_guessing_makes_the_address_wait(server: Server) -> None:
    client = server.client("192.0.2.1")
    for number in range(5):
        await answered(client, user=f"user{number}", code="0")
    refused = await client.post("/login", json={"method": "pam", "user": ME, "password": "secret"})
    assert (refused.status_code, refused.json()["code"]) == (429, "too-many-attempts")
    assert int(refused.headers["retry-after"]) == refused.json()["retry_after"] > 0
    assert (await answered(server.client("192.0.2.2"))).status_code == 200


async def test_a_guess_given_up_while_it_is_checked_counts(server: Server) -> None:
    """Only a wrong one takes long: without waiting for the end, guessing would be free."""
    client = server.client("192.0.2.1")
    for number in range(5):
        begun = await client.post("/login", json={"method": "pam", "user": f"user{number}", "password": "guess"})
        await client.delete(f"/login/{begun.json()['attempt']}")
    assert (await client.post("/login", json={"method": "pam", "user": ME})).status_code == 429


async def test_few_attempts_at_once_for_an_address(server: Server) -> None:
    client = server.client()
    answers = [await client.post("/login", json={"method": "pam", "user": f"user{n}"}) for n in range(9)]
    assert [answer.status_code for answer in answers] == [200] * 8 + [429]


async def test_another_sites_page_cannot_log_its_visitors_in(server: Server) -> None:
    client = server.client(**{"sec-fetch-site": "cross-site"})
    assert (await client.post("/login", json={"method": "pam", "user": ME})).status_code == 403


async def test_a_change_by_cookie_needs_the_header(server: Server) -> None:
    client = server.client()
    await answered(client)
    refused = await client.delete("/login")
    assert (refused.status_code, refused.json()["code"]) == (403, "missing-header")
    assert (await client.delete("/login", headers=CHANGE)).status_code == 204
    assert (await client.get("/login")).status_code == 401


async def test_a_login_that_was_revoked_is_worth_nothing(server: Server) -> None:
    first, second = await server.token(), await server.token()
    client = server.client(authorization=f"Bearer {first}")
    listed = (await client.get("/logins")).json()["logins"]
    assert [one["current"] for one in listed].count(True) == 1
    other = next(one["jti"] for one in listed if not one["current"])
    assert (await client.delete(f"/logins/{other}")).status_code == 204
    gone = await server.client(authorization=f"Bearer {second}").get("/login")
    assert (gone.status_code, gone.json()["code"]) == (401, "login-expired")
    assert (await client.delete("/logins/no-such-login")).status_code == 404
    assert {event.kind for _, event in server.bus.since(0) or []} == {"login", "login-gone"}


async def test_others_logins_are_seen_and_ended_by_those_who_may(server: Server) -> None:
    mine, others = await server.token(), await server.token(OTHER)
    client = server.client(authorization=f"Bearer {mine}")
    theirs = (await server.client(authorization=f"Bearer {others}").get("/login")).json()["login"]["jti"]
    assert (await client.get("/logins?all=1")).status_code == 403
    assert (await client.delete(f"/logins/{theirs}")).status_code == 403
    server.rules.write_text(f'[users]\n{ME} = "admin"\n')
    assert len((await client.get("/logins?all=1")).json()["logins"]) == 2
    assert (await client.delete(f"/logins/{theirs}")).status_code == 204


async def test_a_token_for_scripts_is_shown_once_and_lives_as_long_as_asked(server: Server) -> None:
    client = server.client(authorization=f"Bearer {await server.token()}")
    made = (await client.post("/tokens", json={"name": "cron", "days": 2})).json()
    assert made["login"]["exp"] - made["login"]["iat"] == 2 * 86400
    fresh = server.client(authorization=f"Bearer {made['token']}")
    assert (await fresh.get("/login")).json()["login"]["name"] == "cron"
    for days in (0, -1, 1000, "nan"):
        assert (await client.post("/tokens", json={"name": "cron", "days": days})).status_code == 422


async def test_who_was_disabled_is_out_at_once(server: Server) -> None:
    client = server.client(authorization=f"Bearer {await server.token()}")
    server.rules.write_text(f'[users]\n{ME} = "disabled"\n')
    assert (await client.get("/login")).status_code == 401
    refused = await answered(server.client())
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


async def test_with_logins_disabled_administrators_alone_get_in(tmp_path: Path) -> None:
    server = Server(tmp_path, one_person=False, logins_enabled=False)
    assert (await answered(server.client())).status_code == 403
    server.rules.write_text(f'[users]\n{ME} = "admin"\n')
    assert (await answered(server.client())).status_code == 200


async def test_no_password_is_in_an_error(server: Server) -> None:
    client = server.client()
    for body in ({"method": "pam", "password": ["hunter2"]}, {"method": 7, "password": "hunter2"}):
        assert "hunter2" not in (await client.post("/login", json=body)).text


@pytest.mark.parametrize(
    "authorization", ["Bearer", "Bearer ", "Bearer x", "Basic cm9vdDo=", "bearer a.b.c", "Bearer \u00fc"]
)
async def test_what_is_no_token_is_not_logged_in(server: Server, authorization: str) -> None:
    client = server.client()
    answer = await client.get("/login", headers={b"authorization": authorization.encode("latin-1")})
    assert answer.status_code == 401


async def test_a_one_person_link_opens_once(tmp_path: Path) -> None:
    server = Server(tmp_path, one_person=True)
    token = server.logins.one_person_token()
    assert [method["name"] for method in server.logins.methods()] == ["token"]
    client = server.client()
    assert (await client.post("/login", json={"method": "token", "token": token})).json()["stage"] == "success"
    me = (await client.get("/login")).json()
    assert (me["onePerson"], me["level"], me["user"]["uid"]) == (True, "admin", os.geteuid())
    assert (await client.post("/login", json={"method": "token", "token": token})).status_code == 401
    assert (await client.post("/login", json={"method": "pam", "user": ME})).status_code == 422


async def test_wrong_links_do_not_shut_the_owner_of_the_right_one_out(tmp_path: Path) -> None:
    server = Server(tmp_path, one_person=True)
    client = server.client()
    for _ in range(20):
        assert (await client.post("/login", json={"method": "token", "token": "wrong"})).status_code == 401
    token = server.logins.one_person_token()
    assert (await client.post("/login", json={"method": "token", "token": token})).status_code == 200


async def test_a_login_that_ends_by_itself_is_told(server: Server) -> None:
    watching = asyncio.create_task(server.logins.run())
    client = server.client(authorization=f"Bearer {await server.token()}")
    made = (await client.post("/tokens", json={"name": "short", "days": 0.1 / 86400})).json()
    async for _, event in server.bus.stream():
        if event.kind == "login-gone":
            assert event.id == made["login"]["jti"]
            break
    watching.cancel()
