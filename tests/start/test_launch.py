"""What a start asks of the user's link, and what it does not need one for."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from portcall.testing.server import PEOPLE, Server


def started(folder: Path, service: str) -> Any:
    """The answer to a start by a custom launcher, on a server that has no way to get a link."""

    async def start() -> Any:
        async with Server(folder, launcher="custom").open() as server:
            script = folder / "launcher"
            script.write_text("#!/bin/sh\necho Job 12 is queued.\n")
            script.chmod(0o755)
            (server.services.config.directories.config / "fastx.env").write_text(
                f"LAUNCHER_SCRIPT={script}\nLAUNCH_AS_CURRENT_USER={service}\n"
            )
            async with await server.client(PEOPLE["admin"]) as client:
                answer = await client.post(
                    "/api/sessions", json={"command": "xterm"}, headers={"accept": "application/json"}
                )
                return answer.json()

    return asyncio.run(start())


def test_a_launcher_of_the_service_needs_no_link(tmp_path: Path) -> None:
    answer = started(tmp_path, "true")
    assert (answer["stage"], answer["text"]) == ("scheduled", "Job 12 is queued.")
    assert answer["result"]["state"] == "pending"


@pytest.mark.parametrize("service", ["false", ""])
def test_one_that_runs_as_the_user_does(service: str, tmp_path: Path) -> None:
    assert started(tmp_path, service)["code"] == "no-link"
