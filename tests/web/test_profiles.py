"""Profiles by HTTP: what a person may choose, and what those see who write them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx

from portcall.testing.server import PEOPLE, Server

ON = ("on_start", "on_terminate")  # as files have them


async def names(client: httpx.AsyncClient, query: str = "") -> list[str]:
    return [one["name"] for one in (await client.get(f"/api/profiles{query}")).json()["profiles"]]


def test_people_get_what_they_may_choose_and_administrators_all(tmp_path: Path) -> None:
    async def run() -> None:
        async with Server(tmp_path).open() as server, await server.client(PEOPLE["admin"]) as admin:
            written: dict[str, dict[str, Any]] = {
                "bins": {"groups": ["bin"]}, "daemons": {"groups": ["daemon", "bin"]}, "kiosk": {"hidden": True},
            }  # fmt: skip
            for name, members in written.items():
                kept = (await admin.put(f"/api/profiles/{name}", json=members)).json()
                assert {member: kept[member] for member in members} == members
            assert await names(admin) == ["default", "bins", "daemons"]
            assert await names(admin, "?all=1") == ["default", "bins", "daemons", "kiosk"]
            for level, there in {"full": ["default", "daemons"], "limited": ["default", "bins", "daemons"]}.items():
                async with await server.client(PEOPLE[level]) as client:
                    assert await names(client) == await names(client, "?all=1") == there

    asyncio.run(run())


def test_what_cannot_be_right_is_refused_when_it_is_saved(tmp_path: Path) -> None:
    async def run() -> None:
        async with Server(tmp_path).open() as server, await server.client(PEOPLE["admin"]) as admin:
            wrong: list[tuple[str, str, Any]] = [
                ("default", "groups", ["staff"]), ("default", "hidden", True), ("other", "groups", [" "]),
                ("other", "onStart", "x" * 4097), ("other", "onTerminate", "a\0b"),
            ]  # fmt: skip
            for name, member, value in wrong:
                refused = await admin.put(f"/api/profiles/{name}", json={member: value})
                field = member.replace("on", "on_").lower()
                assert (refused.status_code, refused.json()["field"]) == (422, field if field in ON else member)
            assert (await admin.put("/api/profiles/default", json={"groups": [], "hidden": False})).is_success

    asyncio.run(run())
