"""Runs commands as the server's own user: what launchers ask for ``as_service``, and questions to schedulers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import stat

from portcall.clock import Clock
from portcall.model.start import Invocation, Output

_MOST_OUTPUT = 16 * 1024 * 1024  # bytes; a queue of ten thousand jobs is some
_TIMED_OUT, _NOT_RUN, _NOT_FOUND = 124, 126, 127  # as timeout(1) and a shell have them
_CLOCK = Clock()
_AFTER_EXIT = 0.2  # seconds for output of what it left in the background


async def run(invocation: Invocation) -> Output:
    """Its output, never an error: a command that cannot be run is one that failed. Killed with all that it started
    after its time, or when nobody waits any more."""
    if not _is_ours(invocation.argv[0]):
        said = "it belongs to somebody else, or can be written by everybody, and so is not run as the server's own user"
        return Output(_NOT_RUN, "", f"{invocation.argv[0]}: {said}\n")
    try:
        process = await asyncio.create_subprocess_exec(
            *invocation.argv, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE, env={**os.environ, **invocation.environment}, cwd="/",
            start_new_session=True,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        return Output(_NOT_FOUND, "", f"{invocation.argv[0]}: {getattr(error, 'strerror', None) or error}")
    texts: list[bytes] = [b"", b""]

    async def read(index: int, stream: asyncio.StreamReader) -> None:
        while data := await stream.read(65_536):
            texts[index] += data[: _MOST_OUTPUT - len(texts[index])]

    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    reading = [asyncio.ensure_future(read(0, process.stdout)), asyncio.ensure_future(read(1, process.stderr))]
    late = ""
    try:
        async with asyncio.timeout(invocation.timeout):
            with contextlib.suppress(ConnectionError, RuntimeError):  # uvloop's word for a reader that is gone already
                process.stdin.write(invocation.stdin.encode())
                await process.stdin.drain()
            process.stdin.close()
            await process.wait()
        await asyncio.wait(reading, timeout=_AFTER_EXIT)
    except TimeoutError:
        late = f"{invocation.argv[0]}: the time limit of {invocation.timeout:g} s was reached\n"
    finally:
        for task in reading:
            task.cancel()
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        # what has left its group may hold our pipes open for ever; they are not waited for, and not kept
        process._transport.close()  # type: ignore[attr-defined]
        await process.wait()
        with contextlib.suppress(ConnectionError):
            await process.stdin.wait_closed()
    stdout, stderr = (text.decode(errors="replace") for text in texts)
    code = process.returncode if process.returncode is not None else 1
    return Output(_TIMED_OUT if late else code if code >= 0 else 128 - code, stdout, stderr + late, _CLOCK.now())


def _is_ours(program: str) -> bool:
    """Of a file that is named by its whole path, as sites' scripts are."""
    try:
        found = os.stat(program) if program.startswith("/") else None
    except OSError:
        return True  # as what it is, is told by who tries to run it
    return found is None or (found.st_uid in (0, os.geteuid()) and not found.st_mode & stat.S_IWOTH)
