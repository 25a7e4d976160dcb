"""One worker process, as the server sees it: started, told the servers, given one call at a time, killed, reaped."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import struct
import weakref
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from portcall.errors import FunctionFailed
from portcall.model.roster import Roster

START_WITHIN = 10.0  # seconds
_CHUNK = 100  # servers in a frame; encoding one takes a few microseconds
_LARGEST = 64 << 20  # bytes of a frame that is believed

Exec = Callable[[list[str], str], Awaitable[dict[str, Any]]]


class WorkerGone(Exception):
    """The process ended: crashed, was killed, or broke the protocol."""


class OutOfTime(Exception):
    """The wall time was over; the process has been killed."""


@dataclass(frozen=True)
class Request:
    """``key``: of the compiled source. ``spec`` is host.js's."""

    key: str
    spec: dict[str, Any]
    body: bytes
    cpu: float
    wall: float
    memory: int


@dataclass(frozen=True)
class Reply:
    out: dict[str, Any]
    log: tuple[str, ...] = ()
    cpu: float = 0.0
    retire: str = field(default="")


class Worker:
    """``compiled``: sources it knows. ``held``: the number of the call whose array of servers it still has."""

    def __init__(self, pid: int, pidfd: int, sock: socket.socket) -> None:
        self.pid = pid
        self.ended = asyncio.Event()
        self.held = 0
        self.calls = 0
        self.alive = True  # until it is killed or ends by itself
        self._pidfd = pidfd
        self._socket = sock
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter | None = None
        self._compiled: set[str] = set()
        self._roster: weakref.ref[Roster] | None = None
        self._revision = 0
        self._bytes = 0  # of JSON, that it was given as servers
        asyncio.get_running_loop().add_reader(pidfd, self._gone)

    async def ready(self) -> None:
        """Wait until it is locked in; FunctionFailed says why it is not."""
        try:
            self._reader, self._writer = await asyncio.open_connection(sock=self._socket, limit=1 << 20)
            async with asyncio.timeout(START_WITHIN):
                what, parts = await self._receive()
        except (TimeoutError, WorkerGone) as error:
            await self.stop()
            raise FunctionFailed("a worker for functions did not come up", cause="crash") from error
        except BaseException:
            self.kill()
            raise
        if what != b"Y":
            await self.stop()
            raise FunctionFailed(f"a worker for functions did not come up: {_message(parts)}", cause="crash")

    async def compile(self, key: str, text: str) -> str:
        """What the engine finds wrong with it, or nothing."""
        if key in self._compiled:
            return ""
        async with asyncio.timeout(5.0):
            await self._send(b"C", key.encode(), text.encode("utf-8", "surrogatepass"))
            what, parts = await self._receive()
        if what != b"O":
            return _message(parts)
        self._compiled.add(key)
        if len(self._compiled) > 400:
            self._compiled.clear()  # it forgets the oldest itself
        return ""

    async def sync(self, roster: Roster, most: int = 1 << 30) -> bool:
        """Tell it up to ``most`` servers that changed; whether it knows all now."""
        if self._roster is None or self._roster() is not roster:
            await self._send(b"Z")
            self._roster, self._revision, self._bytes, self.held = weakref.ref(roster), 0, 0, 0
        changed = list(roster.changes(self._revision))
        changed.reverse()
        for begin in range(0, min(len(changed), most), _CHUNK):
            chunk = changed[begin : begin + min(_CHUNK, most - begin)]
            text = encode([[slot, roster.documents[slot]] for slot, _ in chunk])
            self._bytes = max(self._bytes, len(text) // len(chunk) * len(roster.documents))
            await self._send(b"P", text)
            # a slot that changed again meanwhile has a later revision and comes again
            self._revision = chunk[-1][1]
            await asyncio.sleep(0)
        return len(changed) <= most

    def knows(self, roster: Roster) -> bool:
        """Whether it knows everything about these servers."""
        return self._roster is not None and self._roster() is roster and self._revision == roster.revision

    async def run(self, request: Request, execute: Exec | None = None) -> Reply:
        """One call. OutOfTime and WorkerGone leave a dead worker behind."""
        tasks: set[asyncio.Task[None]] = set()
        self.calls += 1
        try:
            async with asyncio.timeout(request.wall):
                memory = request.memory + 5 * self._bytes
                await self._send(b"R", request.key.encode(), msgspec.json.encode(request.spec), request.body,
                                 str(request.cpu).encode(), str(memory).encode())  # fmt: skip
                what, parts = await self._receive()
                while what == b"H":
                    if execute is None:
                        raise WorkerGone("it asked for a command that its function may not run")
                    for call in _json(parts, 0)["calls"]:
                        task = asyncio.ensure_future(self._answer(execute, call))
                        tasks.add(task)
                        task.add_done_callback(tasks.discard)
                    what, parts = await self._receive()
            if what != b"D" or len(parts) != 4:
                raise WorkerGone("it said something else than a result")
            log = _json(parts, 1)
            return Reply(_json(parts, 0), tuple(str(line) for line in log), float(parts[2]), parts[3].decode())
        except TimeoutError as error:
            self.kill()
            raise OutOfTime from error
        except BaseException:
            self.kill()  # cancelled in the middle of a call: what it says next belongs to nobody
            raise
        finally:
            for task in list(tasks):
                task.cancel()

    async def _answer(self, execute: Exec, call: dict[str, Any]) -> None:
        answer: dict[str, Any] = {"id": call["id"]}
        try:
            answer["result"] = await execute([str(word) for word in call["argv"]], str(call.get("input", "")))
        except FunctionFailed as error:
            answer["error"] = str(error)
        with contextlib.suppress(WorkerGone):
            await self._send(b"A", encode(answer))

    async def _send(self, what: bytes, *parts: bytes) -> None:
        body = [what]
        for part in parts:
            body += (struct.pack("!I", len(part)), part)
        if self._writer is None or not self.alive:
            raise WorkerGone("it has been stopped")
        try:
            data = b"".join((struct.pack("!I", sum(map(len, body))), *body))
            sent = 0
            if not self._writer.transport.get_write_buffer_size():  # at once, not at the end of the loop's turn
                with contextlib.suppress(BlockingIOError):
                    sent = self._socket.send(data)
            if sent < len(data):
                self._writer.write(data[sent:])
                await self._writer.drain()
        except (OSError, RuntimeError) as error:
            raise WorkerGone(str(error)) from error

    async def _receive(self) -> tuple[bytes, list[bytes]]:
        try:
            (size,) = struct.unpack("!I", await self._reader.readexactly(4))
            if not 1 <= size <= _LARGEST:
                raise WorkerGone("a frame of impossible size")
            frame = await self._reader.readexactly(size)
            parts, at = [], 1
            while at < size:
                (length,) = struct.unpack_from("!I", frame, at)
                parts.append(frame[at + 4 : at + 4 + length])
                at += 4 + length
        except (asyncio.IncompleteReadError, ConnectionError, struct.error) as error:
            raise WorkerGone(str(error)) from error
        return frame[:1], parts

    def kill(self) -> None:
        """It is gone at once for everybody; ``ended`` says when the kernel agrees."""
        self.alive = False
        if not self.ended.is_set():
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        self._close()

    async def stop(self) -> None:
        """Kill it, and come back when it is gone."""
        self.kill()
        await self.ended.wait()

    def _gone(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
        self.alive = False
        self.ended.set()
        self._close()

    def _close(self) -> None:
        if self._writer is None:
            self._socket.close()
        else:
            self._writer.close()


def encode(value: Any) -> bytes:
    """JSON in UTF-8, whatever text is in it."""
    try:
        return msgspec.json.encode(value)
    except (UnicodeEncodeError, TypeError, ValueError):  # half of a surrogate pair
        return json.dumps(value, default=str).encode()


def _json(parts: list[bytes], number: int) -> Any:
    try:
        try:
            return msgspec.json.decode(parts[number])
        except msgspec.DecodeError:
            return _whole(json.loads(parts[number]))  # half of a surrogate pair
    except (IndexError, ValueError, RecursionError) as error:
        raise WorkerGone("what it said is no JSON") from error


def _whole(value: Any) -> Any:
    """With halves of surrogate pairs replaced, which no other program could read."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return {_whole(key): _whole(item) for key, item in value.items()} if isinstance(value, dict) else value


def _message(parts: list[bytes]) -> str:
    found = _json(parts, 0)
    return str(found.get("message", "")) if isinstance(found, dict) else ""
