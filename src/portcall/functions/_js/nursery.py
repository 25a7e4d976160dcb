"""Where workers come from: a process that has the engine loaded and forks them, so that the server never does."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import socket
import subprocess
import sys
from pathlib import Path

from portcall.errors import FunctionFailed
from portcall.functions._js.process import START_WITHIN, Worker

ADDRESS_SPACE = 1 << 30  # bytes of a worker
_HERE = Path(__file__).parent


class Nursery:
    """The process is started with the first worker, and again if it should end; it ends with the server."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._door: socket.socket | None = None
        self._turn = asyncio.Lock()

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    async def worker(self, nice: int, into: set[Worker]) -> Worker:
        """A worker that is ready, in ``into`` from its first moment; FunctionFailed says why there is none."""
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                async with self._turn:
                    pid, pidfd = await self._fork(theirs, nice)
        except BaseException:
            ours.close()
            raise
        ours.setblocking(False)
        worker = Worker(pid, pidfd, ours)
        into.add(worker)
        await worker.ready()
        return worker

    async def close(self) -> None:
        if self._door is not None:
            self._door.close()
        if self._process is not None:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)
        self._process = self._door = None

    async def _fork(self, theirs: socket.socket, nice: int) -> tuple[int, int]:
        if self._process is None or self._process.poll() is not None or self._door is None:
            await self._open()
        door = self._door
        assert door is not None
        try:
            socket.send_fds(door, [str(nice).encode()], [theirs.fileno()])
            said, pidfds = await self._hear(door)
        except BaseException:
            # what it answers later would be taken for the answer to another
            await self.close()
            raise
        if not said.isdigit() or not pidfds:
            raise FunctionFailed(f"a worker for functions cannot be started: {said[1:].decode()}", cause="crash")
        return int(said), pidfds[0]

    async def _open(self) -> None:
        await self.close()
        door, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        door.setblocking(False)
        self._door = door
        with theirs:
            command = [
                sys.executable, "-I", "-S", "-B", str(_HERE / "worker.py"), str(theirs.fileno()), engine_path(),
                str(_HERE / "host.js"), str(ADDRESS_SPACE), str(os.getpid()),
            ]  # fmt: skip
            try:
                # of this thread: it must live as long as the server does (PDEATHSIG)
                self._process = subprocess.Popen(  # noqa: ASYNC220 - once
                    command, pass_fds=[theirs.fileno()], env={}, cwd="/", start_new_session=True,
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                )  # fmt: skip
            except OSError as error:
                raise FunctionFailed(f"workers for functions cannot be started: {error}", cause="crash") from error
        try:
            said, _ = await self._hear(door)
        except BaseException:
            await self.close()
            raise
        if said != b"Y":
            await self.close()
            raise FunctionFailed(f"workers for functions cannot be started: {said[1:].decode()}", cause="crash")

    async def _hear(self, door: socket.socket) -> tuple[bytes, list[int]]:
        loop = asyncio.get_running_loop()
        there = asyncio.Event()
        loop.add_reader(door, there.set)
        try:
            async with asyncio.timeout(START_WITHIN):
                await there.wait()
            said, fds, _, _ = socket.recv_fds(door, 4096, 1)
        except (TimeoutError, OSError) as error:
            raise FunctionFailed("workers for functions cannot be started", cause="crash") from error
        finally:
            with contextlib.suppress(ValueError, OSError):
                loop.remove_reader(door)
        if not said:
            raise FunctionFailed("the process that starts workers for functions has ended", cause="crash")
        return said, list(fds)


def engine_path() -> str:
    """The engine's extension module."""
    spec = importlib.util.find_spec("_quickjs")
    if spec is None or spec.origin is None:
        raise FunctionFailed("the JavaScript engine quickjs-ng is not installed", cause="missing")
    return spec.origin
