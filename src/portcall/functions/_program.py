"""Runs a program for a function: input and output bounded, in a group of its own that is killed with it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

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
    if shutil.which(argv[0], path=environment["PATH"]) is None:
        raise FunctionFailed(f"there is no program {argv[0]!r}", cause="missing")
    loop = asyncio.get_running_loop()
    try:
        transport, watched = await loop.subprocess_exec(
            lambda: _Watched(loop, output), *words, env=environment, cwd="/", start_new_session=True
        )
    except (OSError, ValueError) as error:
        raise FunctionFailed(f"{argv[0]!r} cannot be run: {error}", cause="missing") from error
    group = transport.get_pid()
    try:
        watched.feed(cast("asyncio.WriteTransport", transport.get_pipe_transport(0)), stdin)
        async with asyncio.timeout(wall):
            await watched.exited
            _kill(group)  # what it left running may hold its output open
            await watched.closed
    except TimeoutError as error:
        raise FunctionFailed(f"{argv[0]!r} took longer than {wall:g} seconds and was stopped", cause="time") from error
    except _TooMuch as error:
        raise FunctionFailed(f"{argv[0]!r} printed more than {output} bytes and was stopped", cause="output") from error
    finally:
        _kill(group)
        transport.close()
        await watched.exited_for_sure()
    code = transport.get_returncode()
    out, err = (bytes(watched.data[fd]).decode("utf-8", "replace") for fd in (1, 2))
    return Ran(-1 if code is None else code, out, err)


class _TooMuch(Exception):
    pass


class _Watched(asyncio.SubprocessProtocol):
    """``exited``: the process ended. ``closed``: nothing more can come. Both fail when too much came."""

    def __init__(self, loop: asyncio.AbstractEventLoop, most: int) -> None:
        self.data = {1: bytearray(), 2: bytearray()}
        self.exited: asyncio.Future[None] = loop.create_future()
        self.closed: asyncio.Future[None] = loop.create_future()
        self._most = most
        self._open = {1, 2}
        self._gone = asyncio.Event()

    def feed(self, pipe: asyncio.WriteTransport, data: bytes) -> None:
        """It need not read its input. uvloop's pipes are none of asyncio's classes, whatever the annotation says."""
        with contextlib.suppress(ConnectionError, RuntimeError):  # uvloop's word for a reader that is gone already
            pipe.write(data)
            pipe.write_eof()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self.data[fd] += data
        if len(self.data[fd]) > self._most:
            for future in (self.exited, self.closed):
                if not future.done():
                    future.set_exception(_TooMuch())
                    future.exception()  # one of them nobody waits for

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        self._open.discard(fd)
        if not self._open and not self.closed.done():
            self.closed.set_result(None)

    def process_exited(self) -> None:
        self._gone.set()
        if not self.exited.done():
            self.exited.set_result(None)

    async def exited_for_sure(self) -> None:
        await self._gone.wait()


def _kill(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


@lru_cache(maxsize=1)
def _with_the_server() -> tuple[str, ...]:
    """A program must not outlive the server that asked for it."""
    found = shutil.which("setpriv", path=_PATH)
    return (found, "--pdeathsig", "KILL", "--") if found else ()
