"""Programs on the server's own event loop: uvloop's pipes are not those of asyncio."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import uvloop

from portcall.errors import FunctionFailed
from portcall.functions.base import Call, Result, Source
from portcall.functions.executable import Executable
from portcall.functions.javascript import JavaScript
from portcall.model.function import Limits, find
from portcall.model.function_sample import sample

WALL = 5.0


def run(path: Path, text: str, v4: bool = False, wall: float = WALL, **changes: Any) -> Result:
    path.write_text(text)
    path.chmod(0o755)
    row = find("start-balance")
    source = Source("mine", str(path), "executable", {"contract": "v4"} if v4 else {})

    async def call() -> Result:
        engine = Executable()
        try:
            return await engine.run(source, Call(row, {**sample(row), **changes}, limits=Limits(wall=wall)))
        finally:
            await engine.close()

    return uvloop.run(call())


def test_it_reads_its_input_to_the_end(tmp_path: Path) -> None:
    text = "#!/usr/bin/python3 -I\nimport json, sys\nprint(json.load(sys.stdin)['local']['serverId'])\n"
    assert run(tmp_path / "mine", text, local={"serverId": "here"}).value == "here"


def test_an_input_larger_than_a_pipe_is_read_too(tmp_path: Path) -> None:
    assert run(tmp_path / "mine", "#!/bin/sh\nwc -c\n", data={"params": {"long": "x" * 3_000_000}}).value > "3000000"


def test_the_balancer_of_release_4_is_given_nodes(tmp_path: Path) -> None:
    text = "#!/usr/bin/python3 -I\nimport json, sys\nprint(json.load(sys.stdin)['nodes'][0]['id'])\n"
    assert run(tmp_path / "mine", text, v4=True).value == sample(find("start-balance"))["servers"][0]["serverId"]


def test_one_that_does_not_read_its_input_is_fine(tmp_path: Path) -> None:
    assert run(tmp_path / "mine", "#!/bin/sh\necho here\n", data={"params": {"long": "x" * 3_000_000}}).value == "here"


def test_one_that_takes_too_long_ends(tmp_path: Path) -> None:
    with pytest.raises(FunctionFailed) as failed:
        run(tmp_path / "mine", "#!/bin/sh\nsleep 60 & sleep 60\n", wall=0.3)
    assert failed.value.extra["cause"] == "time"


def test_a_metrics_command_finds_its_input_at_its_end() -> None:
    row = find("metric")

    async def call() -> Any:
        engine = JavaScript(workers=1)
        try:
            text = "async function() { return (await exec(['wc', '-c'])).stdout.trim(); }"
            return (await engine.run(Source("m", text), Call(row, sample(row)))).value
        finally:
            await engine.close()

    assert uvloop.run(call()) == "0"
