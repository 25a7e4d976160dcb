"""Forms that ask nothing: shown before the start by clients that can, in the way of none of the others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx

from portcall.testing.server import PEOPLE, Server

NOTICE = "<p>The servers are down on <b>Friday</b>.</p><script>alert(1)</script>"


def served(test: Callable[[httpx.AsyncClient], Awaitable[None]], folder: Path) -> None:
    """With the form notice and two with inputs, of which optional asks for nothing that is needed."""

    async def run() -> None:
        async with Server(folder).open() as server, await server.client(PEOPLE["admin"]) as client:
            server.link(PEOPLE["admin"])
            for name, html in (("notice", NOTICE), ("blank", "  "), ("optional", '<input name="project">')):
                await client.put(f"/api/forms/{name}", json={"name": name.title(), "html": html})
            await test(client)

    asyncio.run(run())


async def asked_by_default(client: httpx.AsyncClient, *forms: str) -> None:
    assert (await client.put("/api/default-forms", json={"forms": list(forms)})).is_success


async def start(client: httpx.AsyncClient, **asked: Any) -> Any:
    return (await client.post("/api/sessions", json={"command": "xterm", **asked})).json()


def test_a_notice_is_shown_once_before_the_start_to_clients_that_show_such(tmp_path: Path) -> None:
    async def test(client: httpx.AsyncClient) -> None:
        await asked_by_default(client, "notice", "blank")
        shown = await start(client, notices=True)
        assert (shown["stage"], shown["form"]["id"], shown["form"]["inputs"]) == ("form", "notice", [])
        assert shown["form"]["html"] == "<p>The servers are down on <b>Friday</b>.</p>"
        assert (await start(client, notices=True, answered=["notice"], review=True)) == {"stage": "review"}
        assert (await start(client, notices=True, answered=["notice"]))["result"]["command"] == "xterm"

    served(test, tmp_path)


def test_of_other_clients_nothing_is_wanted(tmp_path: Path) -> None:
    async def test(client: httpx.AsyncClient) -> None:
        await asked_by_default(client, "notice")
        assert (await start(client))["result"]["command"] == "xterm"

    served(test, tmp_path)


def test_notices_and_forms_of_a_bookmark_keep_their_order(tmp_path: Path) -> None:
    async def test(client: httpx.AsyncClient) -> None:
        document = {"name": "B", "command": "xterm", "forms": ["notice", "optional"]}
        assert (await client.put("/api/bookmarks/b", json=document)).is_success
        asked: list[str] = []
        while "stage" in (answer := await start(client, command="", bookmarkId="b", notices=True, answered=asked)):
            asked = [*asked, answer["form"]["id"]]
        assert asked == ["notice", "optional"]
        assert (await start(client, command="", bookmarkId="b"))["form"]["id"] == "optional"

    served(test, tmp_path)


def test_a_form_filter_is_given_notices_where_they_are_shown(tmp_path: Path) -> None:
    async def test(client: httpx.AsyncClient) -> None:
        await asked_by_default(client, "notice")
        body = {"kind": "form-filter", "name": "f", "source": "function(input) { return input.forms[0]; }"}
        assert (await client.put("/api/functions/f", json=body)).is_success
        assert (await start(client, notices=True))["form"]["id"] == "notice"
        assert "result" in await start(client, notices=True, answered=["notice"])
        assert "result" in await start(client)

    served(test, tmp_path)
