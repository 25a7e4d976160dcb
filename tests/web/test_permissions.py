"""All routes × all levels × all ways to come, held against the one table of actions."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from typing import Any

import httpx

from portcall.login.permissions import ACTIONS, ANY, NONE, OWN
from portcall.testing.server import BOXES, PEOPLE, Server
from tests.web.walk import PUBLIC, Route, routes

NUMBERS = itertools.count()
SHAPE = {"type", "title", "status", "code", "detail", "instance"}


def test_every_route_names_its_action(tmp_path: Path) -> None:
    """Add the action with ``may`` or ``mine``; only a route for people who are not logged in goes without."""
    found = routes(Server(tmp_path).web)
    assert len(found) > 40
    assert {(route.method, route.path) for route in found if not route.action} <= PUBLIC
    assert {route.action for route in found if route.action} <= set(ACTIONS)


def test_every_action_of_the_table_is_some_routes(tmp_path: Path) -> None:
    used = {route.action for route in routes(Server(tmp_path).web)}
    assert set(ACTIONS) - used <= {"server/metrics"}


def well_formed(answer: httpx.Response) -> dict[str, Any]:
    """The problem document: errors have one shape, whoever made them."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    document = answer.json()
    assert set(document) >= SHAPE
    assert document["status"] == answer.status_code
    assert document["type"] == f"urn:portcall:error:{document['code']}"
    return dict(document)


async def ask(client: httpx.AsyncClient, route: Route, **values: str) -> tuple[int, dict[str, Any]]:
    """Status, and the problem where there is one. Streams end at once: the server is stopping."""
    body = None if route.method in ("GET", "DELETE", "HEAD") else {}
    answer = await client.request(route.method, route.address(**values), json=body)
    assert answer.status_code < 500 or answer.status_code in (502, 503), (str(route), answer.text)
    return answer.status_code, well_formed(answer) if answer.status_code >= 400 else {}


async def opened(folder: Path, test: Any) -> None:
    async with Server(folder).open() as server:
        server.web.state.stopping.set()
        found = [route for route in routes(server.web) if route.action]
        found.sort(key=lambda route: "permissions" in route.path)  # an empty body sets them back
        await test(server, found)


def test_each_level_may_do_what_the_table_says_and_no_more(tmp_path: Path) -> None:
    async def test(server: Server, found: list[Route]) -> None:
        for level in ("limited", "full", "manager", "admin"):
            user = PEOPLE[level]
            async with await server.client(user) as client:
                for route, whose in itertools.product(found, ("own", "another's")):
                    if whose == "another's" and not route.owned:
                        continue
                    if (route.method, route.path) == ("DELETE", "/api/login"):
                        continue  # it would end the walk
                    session_id = f"s{next(NUMBERS)}"
                    await server.session(session_id, user if whose == "own" else "nobody")
                    status, problem = await ask(client, route, session_id=session_id)
                    expect(route, level, whose, status, problem)
                    if server.services.registry.find(session_id):
                        await server.services.registry.purge(session_id)

    asyncio.run(opened(tmp_path, test))


def expect(route: Route, level: str, whose: str, status: int, problem: dict[str, Any]) -> None:
    scope = ACTIONS[route.action].scope(level, BOXES)
    listed = ACTIONS["session/list"].scope(level, BOXES)
    denied = status == 403 and problem.get("action") == route.action
    what = f"{route} by {level} on {whose}: {status} {problem}"
    if scope == NONE:
        assert denied, what
    elif scope == ANY or (scope == OWN and whose == "own"):
        assert status != 401, what
        assert not denied, what
    elif listed == ANY:
        assert denied, what
    else:
        assert status == 404, what
        assert problem["code"] == "no-such-session", what


def test_who_is_disabled_may_do_nothing_whatever_they_hold(tmp_path: Path) -> None:
    async def test(server: Server, found: list[Route]) -> None:
        async with await server.client(PEOPLE["disabled"]) as client:
            for route in found:
                assert (await ask(client, route))[0] == 401, str(route)

    asyncio.run(opened(tmp_path, test))


def test_without_a_login_there_is_nothing(tmp_path: Path) -> None:
    async def test(server: Server, found: list[Route]) -> None:
        used_up = await server.login(PEOPLE["full"])
        await server.services.tokens.remove(next(iter(await server.services.tokens.list())).jti)
        expired = await server.login(PEOPLE["full"], hours=-1)
        signature = server.services.tokens.sign_order("s", "root", "root", "default", 9e9)
        ways: list[dict[str, str]] = [
            {}, {"authorization": "Bearer "}, {"authorization": "Bearer x"}, {"authorization": "Basic cm9vdDpyb290"},
            {"authorization": f"Bearer {used_up}"}, {"authorization": f"Bearer {expired}"},
            {"authorization": f"Bearer {signature}"}, {"authorization": "Bearer e30.e30."},
            {"cookie": "portcall="}, {"cookie": "portcall=x", "x-portcall": "1"},
            {"authorization": "Bearer " + "x" * 9000},
            {"authorization": "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJyb290IiwianRpIjoieCJ9."},
        ]  # fmt: skip
        for way in ways:
            async with await server.client(headers=way) as client:
                for route in found:
                    status, problem = await ask(client, route)
                    assert status == 401, (str(route), way)
                    assert problem["code"] in ("not-logged-in", "login-expired")

    asyncio.run(opened(tmp_path, test))


def test_a_cookie_alone_changes_nothing(tmp_path: Path) -> None:
    """Another site's page can make a browser send it; it cannot set the header."""

    async def test(server: Server, found: list[Route]) -> None:
        user = PEOPLE["admin"]
        await server.session("s", user)
        async with await server.client(user, cookie=True) as client:
            for route in found:
                status, problem = await ask(client, route, session_id="s")
                if route.method in ("GET", "HEAD"):
                    assert status not in (401, 403), str(route)
                else:
                    assert (status, problem["code"]) == (403, "missing-header"), str(route)
            client.headers["x-portcall"] = "1"
            assert (await client.patch("/api/sessions/s", json={"name": "changed"})).status_code == 200

    asyncio.run(opened(tmp_path, test))


def test_the_metrics_are_for_those_who_may_read_them(tmp_path: Path) -> None:
    async def test(server: Server, found: list[Route]) -> None:
        for user, status in (("", 401), (PEOPLE["full"], 403), (PEOPLE["admin"], 200)):
            async with await server.client(user) as client:
                assert (await client.get("/metrics")).status_code == status
        server.services.config.values["metrics_public"] = True
        async with await server.client() as client:
            answer = await client.get("/metrics")
            assert answer.status_code == 200
            assert "portcall_sessions" in answer.text

    asyncio.run(opened(tmp_path, test))


def test_a_refused_action_is_in_the_audit_log(tmp_path: Path) -> None:
    async def test(server: Server, found: list[Route]) -> None:
        await server.session("s", "nobody")
        async with await server.client(PEOPLE["full"]) as client:
            await client.get("/api/audit")
            await client.post("/api/sessions/s/terminate")
        last = server.services.audit.last(2)
        assert [(entry["action"], entry["outcome"]) for entry in last] == [
            ("session/terminate", "forbidden"), ("audit/read", "forbidden"),
        ]  # fmt: skip
        assert {entry["address"] for entry in last} == {"192.0.2.7"}

    asyncio.run(opened(tmp_path, test))
