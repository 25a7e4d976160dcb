"""One worker process, as the server sees it: started, told the servers, given one call at a time, killed, reaped."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import weakref
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from portcall.errors import FunctionFailed
from portcall.functions._js.line import Line, WorkerGone, frame
from portcall.model.roster import Roster

START_WITHIN = 10.0  # seconds
_COMPILE_WITHIN, _TELL_WITHIN = 5.0, 10.0  # seconds
_CHUNK = 100  # servers in a frame; encoding one takes a few microseconds

Exec = Callable[[list[str], str], Awaitable[dict[str, Any]]]


class OutOfTime(Exception):
    """The wall time was over; the process has been killed."""


@dataclass(frozen=True)
class Request:
    """``key``: of the compiled source. ``spec`` is host.js's. ``body``: the input, None for that of the call before."""

    key: str
    spec: dict[str, Any]
    body: bytes | None
    cpu: float
    wall: float
    memory: int


@dataclass(frozen=True)
class Reply:
    """``cpu``, ``took``: seconds of the processor, by the clock. ``goes``: the call that follows this one is made."""

    out: dict[str, Any]
    log: tuple[str, ...] = ()
    cpu: float = 0.0
    took: float = 0.0
    retire: str = field(default="")
    goes: bool = False


class Worker:
    """``compiled``: sources it knows. ``held``: the number of the call whose array of servers it still has."""

    def __init__(self, pid: int, pidfd: int, sock: socket.socket) -> None:
        self.pid = pid
        self.ended = asyncio.Event()
        self.held = 0
        self.calls = 0
        self.alive = True  # until it is killed or ends by itself
        self._pidfd = pidfd
        self._line = Line(sock)
        self._compiled: set[str] = set()
        self._roster: weakref.ref[Roster] | None = None
        self._revision = 0
        self._bytes = 0  # of JSON, that it was given as servers
        self._began = 0.0
        self._news = b""  # frames that go out with the next call
        asyncio.get_running_loop().add_reader(pidfd, self._gone)

    async def ready(self) -> None:
        """Wait until it is locked in; FunctionFailed says why it is not."""
        try:
            what, parts = await self._line.receive(START_WITHIN)
        except (TimeoutError, WorkerGone) as error:
            await self.stop()
            raise FunctionFailed("a worker for functions did not come up", cause="crash") from error
        except BaseException:
            self.kill()
            raise
        if what != b"Y":
            await self.stop()
            raise FunctionFailed(f"a worker for functions did not come up: {_message(parts)}", cause="crash")

    def has(self, key: str) -> bool:
        """Whether it knows this source."""
        return key in self._compiled

    async def compile(self, key: str, text: str) -> str:
        """What the engine finds wrong with it, or nothing."""
        await self._send(frame(b"C", key.encode(), text.encode("utf-8", "surrogatepass")), _COMPILE_WITHIN)
        what, parts = await self._line.receive(_COMPILE_WITHIN)
        if what != b"O":
            return _message(parts)
        self._compiled.add(key)
        if len(self._compiled) > 400:
            self._compiled.clear()  # it forgets the oldest itself
        return ""

    async def sync(self, roster: Roster, most: int = 1 << 30, ahead: bool = False) -> bool:
        """Tell it up to ``most`` servers that changed; whether it knows all now. ``ahead``: a call follows at once, and
        a few go with it."""
        if self._roster is None or self._roster() is not roster:
            self._news = frame(b"Z")
            self._roster, self._revision, self._bytes, self.held = weakref.ref(roster), 0, 0, 0
        if self._revision == roster.revision and not self._news:
            return True
        changed = list(roster.changes(self._revision))
        changed.reverse()
        for begin in range(0, min(len(changed), most), _CHUNK):
            chunk = changed[begin : begin + min(_CHUNK, most - begin)]
            text = encode([[slot, roster.documents[slot]] for slot, _ in chunk])
            self._bytes = max(self._bytes, len(text) // len(chunk) * len(roster.documents))
            self._news += frame(b"P", text)
            # a slot that changed again meanwhile has a later revision and comes again
            self._revision = chunk[-1][1]
            if not ahead or len(changed) > _CHUNK:
                await self._send(b"", _TELL_WITHIN)
                await asyncio.sleep(0)
        if self._news and not ahead:
            await self._send(b"", _TELL_WITHIN)
        return len(changed) <= most

    def knows(self, roster: Roster) -> bool:
        """Whether it knows everything about these servers."""
        return self._roster is not None and self._roster() is roster and self._revision == roster.revision

    async def ask(self, requests: Sequence[Request]) -> None:
        """Begin calls that follow one another; ``answer`` brings the first, and the next as long as one ``goes``."""
        self.calls += 1
        frames = []
        for request in requests:
            memory = request.memory + 5 * self._bytes
            head = f"{request.key} {request.cpu} {memory}".encode()
            body = () if request.body is None else (request.body,)
            frames.append(frame(b"R", head, msgspec.json.encode(request.spec), *body))
        self._began = asyncio.get_running_loop().time()
        try:
            await self._send(b"".join(frames), requests[0].wall)
        except TimeoutError as error:
            self.kill()
            raise OutOfTime from error

    async def answer(self, request: Request, execute: Exec | None = None) -> Reply:
        """What came of a call. OutOfTime and WorkerGone leave a dead worker behind; of calls that follow one another it
        may be a later one that did not end."""
        tasks: set[asyncio.Task[None]] = set()
        clock = asyncio.get_running_loop().time
        until = self._began + request.wall
        try:
            what, parts = await self._line.receive(until - clock())
            while what == b"H":
                if execute is None:
                    raise WorkerGone("it asked for a command that its function may not run")
                for call in _json(parts, 0)["calls"]:
                    task = asyncio.ensure_future(self._execute(execute, call))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
                what, parts = await self._line.receive(until - clock())
            self._began = clock()
            return _reply(what, parts)
        except TimeoutError as error:
            self.kill()
            raise OutOfTime from error
        except BaseException:
            self.kill()  # cancelled in the middle of a call: what it says next belongs to nobody
            raise
        finally:
            for task in list(tasks):
                task.cancel()

    async def _execute(self, execute: Exec, call: dict[str, Any]) -> None:
        answer: dict[str, Any] = {"id": call["id"]}
        try:
            answer["result"] = await execute([str(word) for word in call["argv"]], str(call.get("input", "")))
        except FunctionFailed as error:
            answer["error"] = str(error)
        with contextlib.suppress(WorkerGone, TimeoutError):
            await self._send(frame(b"A", encode(answer)), _TELL_WITHIN)

    async def _send(self, data: bytes, within: float) -> None:
        if not self.alive:
            raise WorkerGone("it has been stopped")
        news, self._news = self._news, b""
        await self._line.send(news + data if news else data, within)

    def kill(self) -> None:
        """It is gone at once for everybody; ``ended`` says when the kernel agrees."""
        self.alive = False
        if not self.ended.is_set():
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        self._line.close()

    async def stop(self) -> None:
        """Kill it, and come back when it is gone."""
        self.kill()
        await self.ended.wait()

    def _gone(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
        self.alive = False
        self.ended.set()
        self._line.close()


def encode(value: Any) -> bytes:
    """JSON in UTF-8, whatever text is in it."""
    try:
        return msgspec.json.encode(value)
    except (UnicodeEncodeError, TypeError, ValueError):  # half of a surrogate pair
        return json.dumps(value, default=str).encode()


def _reply(what: bytes, parts: list[bytes]) -> Reply:
    try:
        if what != b"D":
            raise ValueError(what)
        out, (cpu, took, retire, goes, log) = _json(parts, 0), _json(parts, 1)
        if not isinstance(out, dict):
            raise ValueError(out)
        return Reply(out, tuple(map(str, log)), float(cpu), float(took), str(retire), bool(goes))
    except (TypeError, ValueError) as error:
        raise WorkerGone("it said something else than a result") from error


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
