"""Engine javascript: quickjs-ng in sandboxed worker processes that keep the server list."""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections import OrderedDict
from collections.abc import Sequence
from itertools import compress
from typing import Any, cast

from portcall.errors import FunctionFailed, FunctionInvalid, FunctionThrew
from portcall.functions import _program
from portcall.functions._js.advice import hint, invalid, refuse
from portcall.functions._js.lane import Lane
from portcall.functions._js.nursery import Nursery
from portcall.functions._js.process import Exec, OutOfTime, Reply, Request, Worker, WorkerGone, encode
from portcall.functions._js.source import Prepared, member, only_throw, prepare
from portcall.functions.base import Call, Engine, Result, Source
from portcall.model.function import Kind, Limits
from portcall.model.roster import Picked, Roster

_COPY = 40e-6  # seconds of processor time for the copies that a server's record may need
_TELL = 10.0  # seconds to tell a worker what changed
_QUICK = 0.25  # seconds; slower functions stay where they hold up no other
_SOME = bytes(sign == ord("1") for sign in range(256))
_PLACE = re.compile(r"<input>:(\d+):(\d+)")
_READ = re.compile(r"cannot (?:read|set) property '([^']+)' of ")


class JavaScript(Engine):
    """Three lanes: ``steady`` for functions that have proven quick; ``trial`` for the rest, new ones and those that ran
    into a limit the last time, with what processor time is left over; ``slow`` for those that may run commands.
    So a function that loops holds up its own kind alone.
    """

    name = "javascript"
    title = "JavaScript"

    def __init__(self, workers: int = 2) -> None:
        self.nursery = Nursery()
        self.steady = Lane(self.nursery, workers, 2 * workers)
        self.trial = Lane(self.nursery, 0, 1, nice=10)
        self.slow = Lane(self.nursery, 0, 4, nice=5)
        self._proven: OrderedDict[str, None] = OrderedDict()
        self._number = itertools.count(1)

    def warm(self) -> None:
        """Have workers up before the first call."""
        self.steady.warm()

    async def close(self) -> None:
        await asyncio.gather(self.steady.close(), self.trial.close(), self.slow.close())
        await self.nursery.close()

    async def check(self, source: Source, kind: Kind) -> None:
        refuse(source.name, source.text)
        prepared = prepare(source.text)
        worker = await self.trial.take()
        try:
            await self._compile(worker, source, prepared)
        except FunctionInvalid:
            raise
        except BaseException:
            worker.kill()
            raise
        finally:
            self.trial.give(worker)

    async def run(self, source: Source, call: Call) -> Result:
        prepared = _prepare(source)
        began = time.perf_counter()
        lane = self._lane(prepared, call)
        if call.roster is not None:
            lane.follow(call.roster)
        held = getattr(call.servers, "held", 0) if call.servers is not None else 0
        worker = await lane.take(held)
        try:
            await self._compile(worker, source, prepared)
            if call.roster is not None:
                async with asyncio.timeout(_TELL):
                    await worker.sync(call.roster)
            request, given = self._request(worker, prepared, call, held)
            if lane is self.trial:
                began = time.perf_counter()
            reply = await worker.run(request, self._exec(call.bounds) if call.kind.may_run else None)
        except OutOfTime as error:
            self._proven.pop(prepared.key, None)
            raise _over_time(source, call.bounds.wall) from error
        except (WorkerGone, TimeoutError) as error:
            self._proven.pop(prepared.key, None)
            worker.kill()
            raise FunctionFailed(
                f"{source.name}: the engine stopped while it ran", function=source.name, cause="crash"
            ) from error
        except FunctionInvalid:
            raise
        except BaseException:
            worker.kill()  # given up in the middle: what it says next belongs to nobody
            raise
        else:
            if reply.retire:
                worker.kill()
        finally:
            lane.give(worker)
        self._judge(prepared, reply)
        value = self._value(source, call, reply, given)
        if isinstance(value, Picked):
            worker.held = request.spec["number"]
            # the worker has all of them, also one that left meanwhile
            value.held = worker.held if call.roster and len(call.roster) == len(call.roster.documents) else 0
        return Result(value, reply.log, time.perf_counter() - began, reply.cpu)

    def _lane(self, prepared: Prepared, call: Call) -> Lane:
        if call.kind.may_run:
            return self.slow
        return self.steady if prepared.key in self._proven else self.trial

    def _judge(self, prepared: Prepared, reply: Reply) -> None:
        self._proven.pop(prepared.key, None)
        if not reply.retire and reply.cpu < _QUICK:
            self._proven[prepared.key] = None
            if len(self._proven) > 1000:
                self._proven.popitem(last=False)

    async def _compile(self, worker: Worker, source: Source, prepared: Prepared) -> None:
        head = _head(prepared)
        try:
            said = await worker.compile(prepared.key, f"{head}{prepared.text}\n); }})")
        except (TimeoutError, WorkerGone) as error:
            worker.kill()
            raise FunctionFailed(
                f"{source.name}: the engine stopped while it read the function", function=source.name, cause="crash"
            ) from error
        if said:
            raise _syntax(source, said)

    def _request(
        self, worker: Worker, prepared: Prepared, call: Call, held: int
    ) -> tuple[Request, Sequence[int] | None]:
        """With it the servers that it will be given, where that is certain: then an answer need only say which."""
        limits = call.bounds
        spec: dict[str, Any] = {
            "seed": call.seed & 0xFFFFFFFF, "roster": call.roster is not None, "writes": prepared.writes,
            "exec": call.kind.may_run, "number": next(self._number), "output": limits.output,
        }  # fmt: skip
        cpu, given = limits.cpu, None
        if call.roster is not None:
            if prepared.writes:
                cpu += _COPY * len(call.roster.documents)
            if held and worker.held == held:
                spec["held"] = True
            elif call.servers is not None:
                spec["items"] = list(call.servers)
            given = _given(call, worker.knows(call.roster))
            spec["whole"] = given is not None
        wall = limits.wall + (cpu - limits.cpu)
        if prepared.key not in self._proven:
            wall *= 2  # it runs with what the others leave
        return Request(prepared.key, spec, encode(call.input), cpu, wall, limits.memory), given

    def _exec(self, limits: Limits) -> Exec:
        async def execute(argv: list[str], stdin: str) -> dict[str, Any]:
            # a little less than the function has, so that it can still say what it makes of it
            wall = 0.9 * limits.wall
            ran = await _program.run(argv, stdin.encode("utf-8", "replace"), wall, limits.output)
            return {"code": ran.code, "stdout": ran.stdout, "stderr": ran.stderr}

        return execute

    def _value(self, source: Source, call: Call, reply: Reply, given: Sequence[int] | None) -> Any:
        out = reply.out
        if (error := out.get("error")) is not None:
            raise _error(source, call.bounds, error, reply.log)
        if "value" in out:
            return out["value"]
        found = _picked(call.roster, out, given)
        if found is None:
            raise FunctionFailed(f"{source.name}: it returned no servers", function=source.name, cause="result")
        return found


def _given(call: Call, all_known: bool) -> Sequence[int] | None:
    """The slots of the servers that a call gives, if it gives them as they are and none has left the cluster."""
    if call.roster is None:
        return None
    if call.servers is None:
        return call.roster.slots() if all_known else None
    complete = len(call.roster) == len(call.roster.documents)
    return cast("Sequence[int]", call.servers) if call.servers.plain and complete else None


def _picked(roster: Roster | None, out: dict[str, Any], given: Sequence[int] | None) -> Picked | None:
    """The servers that came back; None if it is not what a worker may say."""
    if roster is None:
        return None
    if "some" in out:
        some = out["some"]
        if given is None or not isinstance(some, str) or len(some) != len(given) or not some.isascii():
            return None
        found = Picked(compress(given, some.encode().translate(_SOME)))
        found.plain = True
        return found
    found = Picked(out.get("slots", out.get("items")) or [])
    found.plain = "slots" in out
    if not _known(found, len(roster.documents)):
        return None
    if len(roster) < len(roster.documents):  # one may have left the cluster meanwhile
        left = Picked(item for item in found if not isinstance(item, int) or roster.documents[item] is not None)
        left.plain = found.plain
        return left
    return found


def _known(items: Picked, count: int) -> bool:
    if items.plain:
        return not items or (set(map(type, items)) == {int} and min(items) >= 0 and max(items) < count)  # type: ignore[type-var,operator]
    return all((isinstance(item, int) and 0 <= item < count) or isinstance(item, dict) for item in items)


def _prepare(source: Source) -> Prepared:
    if len(source.text) > 65_536:
        refuse(source.name, source.text)
    return prepare(source.text)


def _head(prepared: Prepared) -> str:
    """What stands before the source on its first line. A variable that was not declared lives for one call."""
    declared = f"var {', '.join(prepared.variables)}; " if prepared.variables else ""
    return f"(function (exec, console) {{ {declared}return (\n"


def _over_time(source: Source, seconds: float, log: tuple[str, ...] = ()) -> FunctionFailed:
    return FunctionFailed(
        f"{source.name} took longer than {seconds:g} seconds and was stopped", function=source.name, cause="time",
        log="\n".join(log),
    )  # fmt: skip


def _syntax(source: Source, said: str) -> FunctionInvalid:
    refuse(source.name, source.text)  # its words are better than the engine's, where it has any
    message = said.split("\n", 1)[0].removeprefix("SyntaxError: ")
    line, column = _place(said) or (1, 1)
    lines = source.text.count("\n") + 1
    if line > lines:
        return invalid(source.name, "the function is not complete", lines, 1, "a bracket is not closed")
    return invalid(source.name, message, line, column)


def _place(stack: str) -> tuple[int, int] | None:
    match = _PLACE.search(stack)
    # the source begins on the second line of what the engine reads
    return (int(match.group(1)) - 1, int(match.group(2))) if match and match.group(1) != "1" else None


def _error(source: Source, limits: Limits, error: dict[str, Any], log: tuple[str, ...]) -> Exception:
    cause, extra = str(error.get("cause")), {"function": source.name, "log": "\n".join(log)}
    message = str(error.get("message", ""))
    if cause == "threw":
        return _threw(source, error, message, extra)
    if cause == "time":
        return _over_time(source, limits.cpu, log)
    if cause == "memory":
        what = f"used more than {limits.memory >> 20} MiB of memory and was stopped"
    elif cause == "unsettled":
        what = "waits for a promise that nothing can settle any more"
    elif cause == "result":
        what = message
    else:
        cause, what = "crash", "the engine stopped while it ran"
    return FunctionFailed(f"{source.name}: {what}", cause=cause, **extra)


def _threw(source: Source, error: dict[str, Any], message: str, extra: dict[str, Any]) -> FunctionThrew:
    text = prepare(source.text).text
    name = str(error.get("name", ""))
    stack = _own_part(str(error.get("stack", "")))
    found = _place(stack) if stack else only_throw(text, message)
    if match := _READ.search(message):
        found = member(text, match.group(1), found) or found
    if advice := hint(name, message):
        message = f"{message} ({advice})"
    if found:
        extra |= {"line": found[0], "column": found[1]}
    # what somebody wrote for users is shown as it is; a slip is shown as one
    said = message if name in ("", "Error") or not name.endswith("Error") else f"{name}: {message}"
    shown = _PLACE.sub(lambda match: "{}:{}:{}".format(source.name, *(_place(match.group()) or (1, 1))), stack)
    return FunctionThrew(said, name=name, stack=shown, **extra)


def _own_part(stack: str) -> str:
    """The stack without our own frames."""
    lines = stack.splitlines()
    while lines and "__host" in lines[0]:
        lines.pop(0)
    ours = next((number for number, line in enumerate(lines) if "__host" in line), len(lines))
    del lines[ours:]
    while lines and "(native)" in lines[-1]:
        lines.pop()
    return "\n".join(lines)


IMPLEMENTATION = JavaScript
