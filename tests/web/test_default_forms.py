"""The setting default_forms: forms that there are, however it is set."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import structlog

from portcall.model.form import Form
from portcall.testing.server import PEOPLE, Server

ADMIN = PEOPLE["admin"]


def test_a_form_that_is_not_there_is_refused_where_it_is_set(tmp_path: Path) -> None:
    async def test() -> None:
        async with Server(tmp_path).open() as server:
            await server.services.documents.forms.put("ram", Form("ram", "Memory", "<input name=ram>"), "root")
            async with await server.client(ADMIN) as client:
                for path, body in (
                    ("settings/default_forms", {"value": ["ram", "gone"]}),
                    ("default-forms", {"forms": ["ram", "gone"]}),
                ):
                    answer = await client.put(f"/api/{path}", json=body)
                    assert answer.status_code == 422
                    assert "there is no form 'gone'" in answer.json()["detail"]
                assert (await client.put("/api/settings/default_forms", json={"value": ["ram"]})).status_code == 200
                assert server.services.config["default_forms"] == ["ram"]

    asyncio.run(test())


def test_one_that_a_file_names_is_told_at_the_start(tmp_path: Path) -> None:
    async def test() -> list[str]:
        server = Server(tmp_path, default_forms=["gone"])
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
        with structlog.testing.capture_logs() as logs:
            async with server.open():
                await server.services._tell_faults()
        return [line["error"] for line in logs if line["event"] == "a setting cannot be right"]

    assert "there is no form 'gone': it is not asked" in asyncio.run(test())
