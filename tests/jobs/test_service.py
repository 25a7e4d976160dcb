"""Commands of the service's own: ended in their time, and nothing of them is kept, whatever they leave behind."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvloop

from portcall.jobs.service import run
from portcall.model.start import Invocation, Output


def shell(text: str, timeout: float = 20.0, stdin: str = "") -> Invocation:
    return Invocation(("/bin/sh", "-c", text), stdin, timeout=timeout)


def done(work: Callable[[], Awaitable[Output]]) -> Output:
    """As the server runs it."""

    async def worked() -> Output:
        return await work()

    return uvloop.run(worked())


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_its_output_and_its_exit_code() -> None:
    output = done(lambda: run(shell("cat; echo no >&2; exit 3", stdin="yes")))
    assert (output.code, output.stdout, output.stderr) == (3, "yes", "no\n")


def test_a_command_that_is_not_there_is_one_that_failed() -> None:
    assert done(lambda: run(Invocation(("/nonexistent/x",)))).code == 127


def test_what_it_leaves_in_the_background_keeps_none_of_our_descriptors() -> None:
    left: list[int] = []

    async def several() -> Output:
        await run(shell("true"))
        before = descriptors()
        for _ in range(4):
            left.append(int((await run(shell("sleep 60 & echo $!"))).stdout))
        output = await run(shell("true"))  # what is closed is gone a moment later
        assert descriptors() <= before + 2
        return output

    try:
        assert done(several).code == 0
    finally:
        for pid in left:
            os.kill(pid, signal.SIGKILL)


def test_the_time_limit_holds_for_what_has_left_its_process_group() -> None:
    began = time.monotonic()
    output = done(lambda: run(shell("setsid sh -c 'echo $$; exec sleep 60' & exec sleep 60", timeout=0.5)))
    os.kill(int(output.stdout), signal.SIGKILL)
    assert output.code == 124
    assert "time limit" in output.stderr
    assert time.monotonic() - began < 40


def test_of_too_much_output_the_beginning_is_kept() -> None:
    output = done(lambda: run(shell("head -c 100000000 /dev/zero; echo end >&2")))
    assert (output.code, len(output.stdout), output.stderr) == (0, 16 << 20, "end\n")


def test_a_command_that_has_ended_before_its_input_came_is_no_error() -> None:
    async def several() -> Output:
        for _ in range(20):
            output = await run(shell("true", stdin="x" * 1_000_000))
            assert output.code == 0
        return output

    assert done(several).code == 0


def test_a_script_that_others_can_change_is_not_run_as_the_server(tmp_path: Path) -> None:
    script = tmp_path / "status"
    script.write_text("#!/bin/sh\necho ran\n")
    script.chmod(0o755)
    assert done(lambda: run(Invocation((str(script),)))).stdout == "ran\n"
    script.chmod(0o757)
    output = done(lambda: run(Invocation((str(script),))))
    assert (output.code, output.stdout) == (126, "")
    assert "written by everybody" in output.stderr


@pytest.mark.root
def test_a_script_of_somebody_elses_is_not_run_as_the_server(tmp_path: Path) -> None:
    script = tmp_path / "status"
    script.write_text("#!/bin/sh\necho ran\n")
    script.chmod(0o755)
    os.chown(script, 65_534, -1)
    assert done(lambda: run(Invocation((str(script),)))).code == 126
