"""Runs a program for a function: input and output bounded, in a group of its own that is killed with it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
from dataclasses import dataclass
from functools import lru_cache

from portcall.errors import FunctionFailed

ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TZ", "HOME", "FX_CONFIG_DIR", "FX_VAR_DIR", "FX_TEMP_DIR")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Ran:
    """``code``: negative for a signal, as Python has it."""

    code: int
    stdout: str
    stderr: str


async def run(argv: list[str], stdin: bytes, wall: float, output: int) -> Ran:
    """FunctionFailed when it cannot be run, takes longer than ``wall`` seconds or prints more than ``output`` bytes."""
    environment = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    environment.setdefault("PATH", _PATH)
    if any("\0" in word for word in argv):
        raise FunctionFailed("an argument has a NUL character", cause="missing")
    # its end, if it has one to give us, does not reach this far: it goes when the server goes
    words = [word.encode("utf-8", "surrogateescape") for word in (*_with_the_server(), *argv)]
    if "/" not in argv[0] and shutil.which(argv[0], path=environment["PATH"]) is None:
        raise FunctionFailed(f"there is no program {argv[0]!r}", cause="missing")
    try:
        process = await asyncio.create_subprocess_exec(
            *words, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env=environment, cwd="/", start_new_session=True,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        raise FunctionFailed(f"{argv[0]!r} cannot be run: {error}", cause="missing") from error
    try:
        async with asyncio.timeout(wall):
            _, out, err = await asyncio.gather(
                _feed(process, stdin), _read(process.stdout, output, argv[0]), _read(process.stderr, output, argv[0])
            )
            code = await process.wait()
    except TimeoutError as error:
        raise FunctionFailed(f"{argv[0]!r} took longer than {wall:g} seconds and was stopped", cause="time") from error
    finally:
        # also what it left running
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    return Ran(code, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))


async def _feed(process: asyncio.subprocess.Process, data: bytes) -> None:
    if process.stdin is None:
        return
    with contextlib.suppress(ConnectionError):  # it need not read its input
        for begin in range(0, len(data), 65_536):
            process.stdin.write(data[begin : begin + 65_536])
            await process.stdin.drain()
    with contextlib.suppress(ConnectionError):
        process.stdin.close()
        await process.stdin.wait_closed()


async def _read(stream: asyncio.StreamReader | None, most: int, name: str) -> bytes:
    data = bytearray()
    while stream is not None and (chunk := await stream.read(65_536)):
        data += chunk
        if len(data) > most:
            raise FunctionFailed(f"{name!r} printed more than {most} bytes and was stopped", cause="output")
    return bytes(data)


@lru_cache(maxsize=1)
def _with_the_server() -> tuple[str, ...]:
    """A program must not outlive the server that asked for it."""
    found = shutil.which("setpriv", path=_PATH)
    return (found, "--pdeathsig", "KILL", "--") if found else ()
