"""Everything hostile in every field of every route: a 4xx, or text that is kept as it is; never a crash."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from portcall.testing.server import ME, PEOPLE, Server
from tests.fixtures.hostile import JSON, TEXTS
from tests.web.test_permissions import well_formed
from tests.web.walk import Route, routes

USER = PEOPLE["admin"]
# Members that must be right for others to be looked at; the rest is made up from the OpenAPI document.
RIGHT: dict[str, Any] = {
    "method": "token", "command": "xterm", "geometry": "", "profile": "default", "keyboardLayout": "us", "id": "",
    "bookmarkId": "", "days": 1, "engine": "javascript", "kind": "start-event",
}  # fmt: skip
SAMPLES: dict[str, Any] = {"string": "x", "integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}
ONES_OWN_RIGHTS = ("PUT", "/api/permissions")  # an empty body would take them away
NOT_BUILT = "The web UI is not built."  # the one error that is a page
PAGES = (
    "/api", "/api/sessions?all=1", "/api/settings", "/api/audit", "/api/traces", "/api/logins", "/api/login",
    "/api/profiles", "/api/log?follow=0", "/api/servers", "/metrics",
)  # fmt: skip
FILES = ("../app.py", "..%2fapp.py", "%2e%2e/app.py", "/etc/passwd", "x" * 300, "a/" * 1500)
HEADERS = (
    "last-event-id", "if-none-match", "x-forwarded-for", "cookie", "authorization", "accept-encoding", "content-type",
    "sec-fetch-site", "host", "x-portcall",
)  # fmt: skip


def right_bodies(server: Server) -> dict[tuple[str, str], dict[str, Any]]:
    """For each route that takes a body: one that is right, or nearly."""
    document = server.web.openapi()
    made = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if "requestBody" in operation:
                schema = operation["requestBody"]["content"]["application/json"]["schema"]
                schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
                made[method.upper(), path] = {
                    name: RIGHT.get(name, _sample(member)) for name, member in schema["properties"].items()
                }
    return made


def _sample(schema: dict[str, Any]) -> Any:
    kinds = [schema, *schema.get("anyOf", ())]
    return next((SAMPLES[kind["type"]] for kind in kinds if kind.get("type") in SAMPLES), {})


def bodies(right: dict[str, Any]) -> Iterator[bytes]:
    """The body with each member replaced by each hostile value, then hostile values in place of the whole."""
    values = [*map(json.dumps, TEXTS.values()), *JSON.values()]
    for name in right:
        for value in values:
            yield _with(right, name, value)
            if name in ("params", "answers"):
                yield _with(right, name, f'{{"key": {value}}}')
                yield _with(right, name, f"[{value}]")
        if name == "params":
            for text in TEXTS.values():
                yield _with(right, name, f"{{{json.dumps(text)}: 1}}")
    yield from (value.encode() for value in JSON.values())
    yield from (b"", b"\xff\xfe", b"{" * 100_000, b'{"command": "\xff"}')


def _with(right: dict[str, Any], name: str, value: str) -> bytes:
    members = [f"{json.dumps(key)}: {value if key == name else json.dumps(item)}" for key, item in right.items()]
    return f"{{{', '.join(members)}}}".encode()


async def sound(client: httpx.AsyncClient, method: str, address: str, **given: Any) -> httpx.Response:
    """No crash: a 5xx only says that there is no link, no display, no function here."""
    answer = await client.request(method, address, **given)
    said = (method, address[:100], str(given)[:300], answer.text[:300])
    assert answer.status_code != 500, said
    if answer.status_code >= 400 and NOT_BUILT not in answer.text:
        well_formed(answer)
    answer.text.encode()
    if answer.headers.get("content-type", "").startswith("application/json"):
        json.loads(answer.text, parse_constant=lambda text: (_ for _ in ()).throw(ValueError(text)))
    return answer


async def walk(folder: Path, test: Any) -> None:
    async with Server(folder).open() as server:
        server.web.state.stopping.set()
        await server.session("s", USER)
        async with await server.client(USER) as client:
            await test(server, client)
        # whatever was kept can still be read, by page and by API
        async with await server.client(USER) as client:
            for address in PAGES:
                assert (await sound(client, "GET", address)).status_code == 200, address


def test_hostile_bodies_are_refused_or_kept(tmp_path: Path) -> None:
    async def test(server: Server, client: httpx.AsyncClient) -> None:
        client.headers["content-type"] = "application/json"
        right = right_bodies(server)
        assert len(right) > 10
        for (method, path), body in right.items():
            if (method, path) != ONES_OWN_RIGHTS:
                address = Route(method, path, "", False).address(session_id="s", name="title", document_id="d")
                for hostile in bodies(body):
                    await sound(client, method, address, content=hostile)

    asyncio.run(walk(tmp_path, test))


def test_hostile_permissions_are_refused_or_kept(tmp_path: Path) -> None:
    """By one who stays an administrator whatever is written: a one-person server's person."""

    async def run() -> None:
        async with Server(tmp_path, one_person=True).open() as server, await server.client(ME) as client:
            for hostile in bodies(right_bodies(server)[ONES_OWN_RIGHTS]):
                await sound(client, "PUT", "/api/permissions", content=hostile)
            assert (await sound(client, "GET", "/api/permissions")).status_code == 200

    asyncio.run(run())


def test_hostile_values_of_every_setting_are_refused_or_kept(tmp_path: Path) -> None:
    async def test(server: Server, client: httpx.AsyncClient) -> None:
        answer = await client.get("/api/settings")
        for row in answer.json()["settings"]:
            if not row["live"] or row["name"] in ("login_failures", "log_level"):
                continue
            for value in [*map(json.dumps, TEXTS.values()), *JSON.values()]:
                await sound(client, "PUT", f"/api/settings/{row['name']}", content=f'{{"value": {value}}}'.encode())
            await sound(client, "GET", "/api/settings")
            back = await client.put(f"/api/settings/{row['name']}", json={"value": row["default"]})
            assert back.status_code == 200, back.text

    asyncio.run(walk(tmp_path, test))


def test_hostile_addresses_lead_nowhere(tmp_path: Path) -> None:
    async def test(server: Server, client: httpx.AsyncClient) -> None:
        for route in routes(server.web):
            if "{" not in route.path or route.path == "/{path:path}":
                continue
            for text in TEXTS.values():
                value = quote(text[:3000], safe="", errors="surrogatepass")
                names = ("session_id", "attempt", "jti", "trace_id", "name", "document_id")
                address = route.address(**dict.fromkeys(names, value or "%20"))
                body = {"content": b"{}"} if route.method in ("POST", "PUT", "PATCH") else {}
                answer = await sound(client, route.method, address, **body)
                assert answer.status_code in (204, 404, 405, 409, 422, 400) or "versions" in address, address[:200]

    asyncio.run(walk(tmp_path, test))


def test_hostile_names_of_files_are_never_files(tmp_path: Path) -> None:
    async def test(server: Server, client: httpx.AsyncClient) -> None:
        for text in (*TEXTS.values(), *FILES):
            for safe in ("", "/%"):
                value = quote(text[:3000], safe=safe, errors="surrogatepass")
                answer = await sound(client, "GET", f"/{value}")
                assert "root:" not in answer.text
                assert "composition root" not in answer.text

    asyncio.run(walk(tmp_path, test))


def test_hostile_headers_are_no_trouble(tmp_path: Path) -> None:
    async def test(server: Server, client: httpx.AsyncClient) -> None:
        for text in TEXTS.values():
            value = text.encode("utf-8", "replace").replace(b"\n", b"").replace(b"\r", b"").replace(b"\0", b"")[:8000]
            for name in HEADERS:
                for address in ("/api/events", "/api/sessions"):
                    await sound(client, "GET", address, headers={name.encode(): value})
            await sound(client, "POST", "/api/sessions", json={"command": "true"}, headers={b"idempotency-key": value})

    asyncio.run(walk(tmp_path, test))


def test_hostile_queries_are_refused_or_make_no_difference(tmp_path: Path) -> None:
    async def test(server: Server, client: httpx.AsyncClient) -> None:
        for route in routes(server.web):
            if route.method != "GET" or not route.action:
                continue
            for text in TEXTS.values():
                query = {
                    name: text.encode("utf-8", "replace")[:2000].decode(errors="ignore")
                    for name in ("all", "state", "bytes", "width", "format", "limit", "lines", "follow", "kind")
                }
                await sound(client, "GET", route.address(session_id="s"), params=query)

    asyncio.run(walk(tmp_path, test))
