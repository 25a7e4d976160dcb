"""Engine executable: any program, JSON on its standard input."""

from __future__ import annotations

import asyncio
import json
import os
import select
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from portcall.errors import FunctionFailed, FunctionThrew
from portcall.functions.base import Call, Result, Source
from portcall.functions.executable import Executable
from portcall.model.function import Limits, find
from portcall.model.function_sample import sample
from portcall.model.roster import Roster

Try = Callable[..., Awaitable[Result]]


@pytest.fixture
async def attempt(tmp_path: Path) -> AsyncIterator[Try]:
    engine = Executable()
    path = tmp_path / "mine"

    async def call(
        text: str, kind: str = "start-balance", roster: Roster | None = None, wall: float = 10.0,
        options: dict[str, Any] | None = None, mode: int = 0o755,
    ) -> Result:  # fmt: skip
        path.write_text(text)
        path.chmod(mode)
        row = find(kind)
        given = sample(row)
        if roster is not None:
            given.pop("servers")
        source = Source("mine", str(path), "executable", options or {})
        return await engine.run(source, Call(row, given, roster, limits=Limits(wall=wall)))

    yield call
    await engine.close()


def ends(pid: int) -> bool:
    """Wait for the end of somebody's process."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    ready, _, _ = select.select([pidfd], [], [], 5)
    os.close(pidfd)
    return bool(ready)


PYTHON = "#!/usr/bin/python3 -I\nimport json, sys\ninput = json.load(sys.stdin)\n"


async def test_it_is_given_json_and_prints_json_or_text(attempt: Try, roster: Roster) -> None:
    fewest = PYTHON + "print(min(input['servers'], key=lambda s: s['sessions'])['serverId'])\n"
    assert (await attempt(fewest, roster=roster)).value == "node2"
    gpu = PYTHON + "print(json.dumps([s for s in input['servers'] if s['staticData'].get('gpu')]))\n"
    assert list((await attempt(gpu, roster=roster)).value) == [2]
    assert (await attempt("#!/bin/sh\necho 12\n", "metric")).value == 12
    assert (await attempt("#!/bin/sh\necho 12\n")).value == "12"  # an id
    assert (await attempt("#!/bin/sh\necho SERVERLIST\n", "form-filter")).value == "SERVERLIST"
    assert (await attempt("#!/bin/sh\nexit 0\n")).value is None
    assert (await attempt("#!/bin/sh\necho false\n")).value is False
    template = "#!/bin/sh\necho 'bsub ${ start.command }'\n"
    assert (await attempt(template, "schedule")).value == "bsub ${ start.command }"


async def test_the_balancer_of_release_4_is_given_nodes_and_prints_an_id(attempt: Try, roster: Roster) -> None:
    text = PYTHON + (
        "assert set(input) == {'nodes', 'params'}, input\n"
        "assert input['params']['me']['sub'] == 'alice' and input['params']['start']['command'] == 'xterm -ls'\n"
        "print([n['id'] for n in input['nodes'] if n['metadata'].get('gpu')][0])\n"
    )
    assert (await attempt(text, roster=roster, options={"contract": "v4"})).value == "node3"


async def test_another_exit_code_is_a_throw_with_its_words(attempt: Try) -> None:
    with pytest.raises(FunctionThrew) as caught:
        await attempt("#!/bin/sh\necho 'All GPU servers are in use' >&2\nexit 3\n")
    assert str(caught.value) == "All GPU servers are in use"
    with pytest.raises(FunctionThrew, match="ended with code 3"):
        await attempt("#!/bin/sh\nexit 3\n")
    with pytest.raises(FunctionThrew, match="ended by signal 11"):
        await attempt("#!/bin/sh\nkill -SEGV $$\n")


async def test_what_it_says_on_standard_error_is_its_log(attempt: Try) -> None:
    assert (await attempt("#!/bin/sh\necho one >&2\necho two >&2\necho node1\n")).log == ("one", "two")


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("#!/bin/sh\nsleep 60\n", "time"),
        ("#!/bin/sh\ntrap '' TERM INT HUP\nwhile :; do :; done\n", "time"),
        ("#!/bin/sh\nsleep 60 &\nsleep 60 &\nwait\n", "time"),
        ("#!/bin/sh\nexec 1>&- 2>&-\nsleep 60\n", "time"),
        ("#!/bin/sh\nexec cat /dev/zero\n", "output"),
        ("#!/bin/sh\nexec cat /dev/zero >&2\n", "output"),
        ("#!/no/such/interpreter\n", "threw"),
    ],
)
async def test_a_hostile_program_ends_in_time_and_the_next_works(attempt: Try, text: str, cause: str) -> None:
    try:
        await attempt(text, wall=1.0 if cause == "time" else 30.0)
        pytest.fail("it returned")
    except (FunctionFailed, FunctionThrew) as error:
        found = error.extra.get("cause", "threw")
    assert found == cause
    assert (await attempt("#!/bin/sh\necho node1\n")).value == "node1"


async def test_what_it_left_running_is_killed(attempt: Try, tmp_path: Path) -> None:
    noted = tmp_path / "pid"
    await attempt(f"#!/bin/sh\nsleep 60 >/dev/null 2>&1 &\necho $! > {noted}\n")
    assert await asyncio.to_thread(ends, int(noted.read_text()))


async def test_a_program_that_others_can_write_is_not_run(attempt: Try) -> None:
    with pytest.raises(FunctionFailed, match="other users"):
        await attempt("#!/bin/sh\n", mode=0o777)
    with pytest.raises(FunctionFailed, match="no executable file"):
        await attempt("#!/bin/sh\n", mode=0o644)


async def test_the_servers_own_environment_is_not_given_to_it(attempt: Try, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "x")
    seen = (await attempt("#!/bin/sh\nexec env -0 | tr '\\0' '\\n' >&2\n")).log
    assert not any(line.startswith("SECRET") for line in seen)
    assert any(line.startswith("PATH=") for line in seen)


async def test_a_program_that_does_not_read_its_input_is_fine(attempt: Try, roster: Roster) -> None:
    for number in range(1000):
        roster.put({"serverId": f"more{number}", "note": "x" * 1000})
    assert (await attempt("#!/bin/sh\necho node1\n", roster=roster)).value == "node1"
    assert json.loads(json.dumps(os.getpid()))  # and we are still here
