"""What is in use is deleted or switched off only by those who say so."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from portcall.testing.server import PEOPLE, Server

Test = Callable[[httpx.AsyncClient], Awaitable[None]]


def administered(test: Test, folder: Path) -> None:
    async def run() -> None:
        async with Server(folder).open() as server, await server.client(PEOPLE["admin"]) as client:
            await test(client)

    asyncio.run(run())


async def put(client: httpx.AsyncClient, path: str, **document: Any) -> httpx.Response:
    return await client.put(f"/api/{path}", json=document)


async def function(client: httpx.AsyncClient, name: str, kind: str, **members: Any) -> httpx.Response:
    return await put(client, f"functions/{name}", kind=kind, name=name.title(), source="() => null", **members)


def test_a_form_that_is_asked_is_deleted_only_by_force(tmp_path: Path) -> None:
    async def test(client: httpx.AsyncClient) -> None:
        assert (await put(client, "forms/project", name="Project", html="<input name=p>")).is_success
        assert (await put(client, "bookmarks/m", name="Matlab", command="matlab", forms=["project"])).is_success
        assert (await put(client, "default-forms", forms=["project"])).is_success
        refused = await client.delete("/api/forms/project")
        problem = refused.json()
        assert (refused.status_code, problem["code"]) == (409, "in-use")
        assert "The form 'Project' is used by the default forms and the bookmark 'Matlab'" in problem["detail"]
        assert problem["usedBy"] == [{"kind": "default-forms", "id": ""}, {"kind": "bookmarks", "id": "m"}]
        assert (await client.get("/api/forms/project")).is_success
        assert (await client.delete("/api/forms/project?force=1")).status_code == 204
        assert (await client.delete("/api/forms/project")).status_code == 404  # though a bookmark still names it

    administered(test, tmp_path)


def test_a_form_that_nothing_asks_goes_without_a_word(tmp_path: Path) -> None:
    async def test(client: httpx.AsyncClient) -> None:
        await put(client, "forms/project", name="Project", html="<input name=p>")
        assert (await client.delete("/api/forms/project")).status_code == 204

    administered(test, tmp_path)


def test_a_step_of_a_chain_is_deleted_switched_off_or_made_another_kind_only_by_force(tmp_path: Path) -> None:
    async def test(client: httpx.AsyncClient) -> None:
        await function(client, "gpu", "start-balance")
        assert (await put(client, "chains/start", steps=["function:gpu", "fewest_sessions"])).is_success
        changes = ({"kind": "start-balance", "enabled": False}, {"kind": "login-balance"})
        for refused in (
            await client.delete("/api/functions/gpu"),
            *[await function(client, "gpu", **c) for c in changes],
        ):
            assert (refused.status_code, refused.json()["code"]) == (409, "in-use")
            assert "The function 'Gpu' is used by the chain 'start'" in refused.json()["detail"]
        assert (await function(client, "gpu", "start-balance", description="still on")).is_success
        off = {"kind": "start-balance", "name": "Gpu", "source": "() => null", "enabled": False}
        assert (await client.put("/api/functions/gpu?force=1", json=off)).is_success
        assert (await function(client, "gpu", "start-balance", enabled=False)).is_success  # it was off already
        assert (await client.delete("/api/functions/gpu")).json()["code"] == "in-use"  # the chain names it all the same
        assert (await put(client, "chains/start", steps=["fewest_sessions"])).is_success
        assert (await client.delete("/api/functions/gpu")).status_code == 204

    administered(test, tmp_path)


@pytest.mark.parametrize(
    ("kind", "members", "words"),
    [
        ("start-event", {}, "starts (as start event)"),
        ("form-filter", {}, "starts (as form filter)"),
        ("event", {"on": ["session/log", "session/purge"]}, "the action session/log and the action session/purge"),
    ],
)
def test_a_function_in_force_is_switched_off_at_will_but_not_deleted(
    kind: str, members: dict[str, Any], words: str, tmp_path: Path
) -> None:
    async def test(client: httpx.AsyncClient) -> None:
        await function(client, "hook", kind, **members)
        refused = await client.delete("/api/functions/hook")
        assert (refused.status_code, refused.json()["code"]) == (409, "in-use")
        assert f"The function 'Hook' is used by {words}: " in refused.json()["detail"]
        assert (await function(client, "hook", kind, enabled=False, **members)).is_success
        assert (await client.delete("/api/functions/hook")).status_code == 204

    administered(test, tmp_path)


def test_a_function_that_waits_behind_another_is_not_in_force(tmp_path: Path) -> None:
    async def test(client: httpx.AsyncClient) -> None:
        await function(client, "one", "schedule")
        await function(client, "two", "schedule", position=1)
        await function(client, "measures", "metric")
        for name in ("two", "measures"):
            assert (await client.delete(f"/api/functions/{name}")).status_code == 204

    administered(test, tmp_path)
