"""Engine executable: any program of the administrator's; JSON on its standard input, JSON or text on its output."""

from __future__ import annotations

import asyncio
import os
import stat
import time
from pathlib import Path
from typing import Any

import msgspec

from portcall.errors import FunctionFailed, FunctionsBusy, FunctionThrew
from portcall.functions import _program
from portcall.functions._js.process import encode
from portcall.functions.base import Call, Engine, Result, Source, picked
from portcall.model.function import SERVERLIST, Kind

_WALL, _OUTPUT = 10.0, 16 << 20  # a program needs time to start, and an array of servers room
_AT_ONCE, _WAITING = 8, 128
V4 = "v4"


class Executable(Engine):
    """Exit code 0: what it printed is the value, JSON or else text; anything else is a throw, with what it wrote on
    standard error. Text on standard error is the log otherwise.

    ``options["contract"] = "v4"``: the balancer's script of release 4 (``LOAD_BALANCER_SCRIPT``) is given
    ``{nodes, params: {me, start, jwt?}}`` and prints the id of one node.
    """

    name = "executable"
    title = "Executable"

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0
        self._running: set[asyncio.Task[_program.Ran]] = set()

    async def check(self, source: Source, kind: Kind) -> None:
        _trusted(source)

    async def run(self, source: Source, call: Call) -> Result:
        _trusted(source)
        if self._waiting >= _WAITING:
            raise FunctionsBusy("too many functions are waiting to run")
        body = await asyncio.to_thread(_body, source, call)
        self._waiting += 1
        try:
            async with self._room:
                began = time.perf_counter()
                wall = max(call.bounds.wall, _WALL) if call.limits is None else call.limits.wall
                task = asyncio.ensure_future(_program.run([source.text], body, wall, _OUTPUT))
                self._running.add(task)
                task.add_done_callback(self._running.discard)
                ran = await task
        except FunctionFailed as error:
            error.extra.setdefault("function", source.name)
            raise
        finally:
            self._waiting -= 1
        log = tuple(ran.stderr.splitlines())
        if ran.code != 0:
            said = ran.stderr.strip() or ran.stdout.strip()
            ended = f"ended with code {ran.code}" if ran.code > 0 else f"was ended by signal {-ran.code}"
            raise FunctionThrew(said[-4000:] or f"{source.name} {ended}", function=source.name, name="", log="")
        value = await asyncio.to_thread(lambda: picked(call, _read(source, call.kind, ran.stdout)))
        return Result(value, log, time.perf_counter() - began)

    async def close(self) -> None:
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)


def _body(source: Source, call: Call) -> bytes:
    given = dict(call.input)
    if call.roster is not None:
        given["servers"] = call.documents()
    if source.options.get("contract") == V4:
        given = _v4(given)
    return encode(given)


def _v4(given: dict[str, Any]) -> dict[str, Any]:
    nodes = [
        {
            "id": server["serverId"],
            "nodeData": {"health": server, "services": [], "sessions": server.get("sessions", 0)},
            "metadata": server.get("staticData") or {},
        }
        for server in given.get("servers", [])
    ]
    params: dict[str, Any] = {"me": given.get("user", {}), "start": given.get("data", {})}
    if "jwt" in given:
        params["jwt"] = given["jwt"]
    return {"nodes": nodes, "params": params}


def _read(source: Source, kind: Kind, text: str) -> Any:
    plain = text.strip()
    if not plain:
        return None
    if source.options.get("contract") == V4 or plain == SERVERLIST:
        return plain
    try:
        value = msgspec.json.decode(plain)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return plain
    # an id of digits is an id, not a number
    wants_text = any(row.when == "string" for row in kind.returns)
    return plain if wants_text and isinstance(value, int | float) and not isinstance(value, bool) and value else value


def _trusted(source: Source) -> None:
    """It runs as the server's user: nobody else may have been able to write it."""
    path = Path(source.text)
    if not path.is_absolute():
        raise FunctionFailed(f"{source.name}: give the full path of the program", function=source.name, cause="missing")
    try:
        found = path.stat()
    except OSError as error:
        raise FunctionFailed(
            f"{source.name}: {error.strerror}: {path}", function=source.name, cause="missing"
        ) from error
    if not stat.S_ISREG(found.st_mode) or not os.access(path, os.X_OK):
        raise FunctionFailed(f"{source.name}: {path} is no executable file", function=source.name, cause="missing")
    if found.st_uid not in (0, os.geteuid()) or found.st_mode & stat.S_IWOTH:
        raise FunctionFailed(
            f"{source.name}: {path} could have been written by other users", function=source.name, cause="missing"
        )


IMPLEMENTATION = Executable
