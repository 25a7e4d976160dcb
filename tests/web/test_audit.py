"""Every route that changes something, held against the audit log."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from portcall.authenticators.base import Round
from portcall.errors import LoginFailed
from portcall.start.attempts import Attempt
from portcall.start.trace import Trace
from portcall.testing.server import ME, PEOPLE, Server
from tests.web.walk import routes

CHANGE_NOTHING = {"/api/forms/preview", "/api/launchers/{name}/dry"}


def test_whatever_is_changed_is_written_down_with_who_did_it_and_from_where(tmp_path: Path) -> None:
    async def test() -> None:
        async with Server(tmp_path).open() as server:
            found = [one for one in routes(server.web) if one.action and one.method not in ("GET", "HEAD")]
            found = [one for one in found if one.path not in CHANGE_NOTHING]
            found.sort(key=lambda one: (one.method, one.path) == ("DELETE", "/api/login"))  # it ends the walk
            async with await server.client(PEOPLE["admin"]) as client:
                changed = set()
                for number, one in enumerate(found):
                    session_id = f"s{number}"
                    await server.session(session_id, "nobody", ends_at=4e9)
                    before = len(server.services.audit.last(1000))
                    body = None if one.method == "DELETE" else {}
                    answer = await client.request(one.method, one.address(session_id=session_id), json=body)
                    if answer.status_code >= 300:
                        continue
                    changed.add(one.action)
                    written = server.services.audit.last(1000)
                    new = written[: len(written) - before]
                    assert new, f"{one} is not in the audit log"
                    assert {(entry["login"], entry["address"]) for entry in new} == {(PEOPLE["admin"], "192.0.2.7")}
                assert changed > {"session/params", "session/connect", "session/terminate", "session/purge"}

    asyncio.run(test())


def test_what_came_of_a_start_that_had_to_ask_is_written_down(tmp_path: Path) -> None:
    async def refused(attempt: Attempt) -> Any:
        for _ in range(2):
            await attempt.ask(Round())
        raise LoginFailed("sshd refused it")

    async def test() -> None:
        async with Server(tmp_path).open() as server:
            here = server.services
            attempt = here.attempts.begin(ME, "s", Trace("s", ME, here.traces), refused)
            async with await server.client(ME) as client:
                for _ in range(2):
                    await asyncio.wait_for(attempt.changed.wait(), 5)
                    await client.post(f"/api/starts/{attempt.id}", json={"answers": []})
            last = here.audit.last(2)
            assert [(entry["action"], entry["session"], entry["outcome"]) for entry in last] == [
                ("session/start", "s", "login-failed"), ("session/start", "s", "auth"),
            ]  # fmt: skip

    asyncio.run(test())
