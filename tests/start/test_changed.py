"""What an event changed, by name; and what recorded inputs leave out."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from portcall.model.administered import FunctionDocument
from portcall.model.start import StartRequest
from portcall.start.recorded import without_secrets
from portcall.start.start_data import differing, start_data
from portcall.testing.server import PEOPLE, Server

USER = PEOPLE["full"]


def test_what_an_event_changed_is_named_param_by_param() -> None:
    before = start_data(StartRequest("xterm", params={"a": "1", "gone": None, "same": [1]}))
    after = start_data(StartRequest("xterm -ls", geometry="800x600", params={"a": "2", "new": None, "same": [1]}))
    assert differing(before, after) == ["command", "geometry", "params.a", "params.gone", "params.new"]
    assert differing(before, before) == []


@pytest.mark.parametrize(
    "name", ["password", "dbPwd", "API_KEY", "apiKey", "x-api-key", "session_cookie", "privateKey"]
)
def test_a_member_that_is_named_like_a_secret_is_left_out_of_recorded_inputs(name: str) -> None:
    assert without_secrets({"data": {"params": {name: "hunter2", "minRam": 1}}}) == {
        "data": {"params": {name: "…", "minRam": 1}}
    }


def test_an_event_may_add_what_the_start_did_not_have(tmp_path: Path) -> None:
    source = "function (input) { return {data: {...input.data, userdata: 'batch 7', params: {seen: 'yes'}}}; }"

    async def start() -> dict[str, Any]:
        async with Server(tmp_path).open() as server:
            function = FunctionDocument("adds", "start-event", "Adds", source)
            await server.services.documents.functions.put("adds", function, "root")
            server.link(USER)
            async with await server.client(USER) as client:
                body = {"command": "xterm", "params": {"old": "1"}}
                answer: dict[str, Any] = (await client.post("/api/sessions", json=body)).json()
            return answer

    answer = asyncio.run(start())
    assert answer["result"]["params"]["userdata"] == "batch 7"
    (step,) = [step for step in answer["trace"] if step["step"] == "start event"]
    assert (step["result"], step["detail"]) == ("changed", "userdata, params.old, params.seen")
