"""Engine javascript: quickjs-ng in sandboxed worker processes that keep the server list."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import Any, cast

from portcall.errors import FunctionFailed, FunctionInvalid, FunctionThrew, PortcallError
from portcall.functions import _program
from portcall.functions._js.advice import refuse
from portcall.functions._js.failures import failure, over_time, stopped, syntax
from portcall.functions._js.lane import Lane
from portcall.functions._js.line import WorkerGone
from portcall.functions._js.nursery import Nursery
from portcall.functions._js.process import Exec, OutOfTime, Reply, Request, Worker, encode
from portcall.functions._js.source import Prepared, prepare
from portcall.functions.base import Call, Engine, Result, Source
from portcall.model.function import Kind, Limits
from portcall.model.roster import Picked, Roster

_COPY = 40e-6  # seconds of processor time for the copies that a server's record may need
_QUICK = 0.25  # seconds; slower functions stay where they hold up no other
_NOTHING = Request("", {}, None, 0.0, 0.0, 0)
_SOME = bytes(sign == ord("1") for sign in range(256))


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
        (said,) = await self.chain([(source, call)])
        if isinstance(said, PortcallError):
            raise said
        return said

    async def chain(self, calls: Sequence[tuple[Source, Call]]) -> list[Result | PortcallError]:
        """Functions that have proven quick go to a worker together: each begins there when the one before is done."""
        began = time.perf_counter()
        first = calls[0][1]
        together = self._together(calls)
        lane = self._lane(together[0].prepared, first)
        if first.roster is not None:
            lane.follow(first.roster)
        worker = lane.take_idle(first.held) or await lane.take(first.held)
        try:
            await self._ask(worker, together)
            if lane is self.trial:
                began = time.perf_counter()
            found = await self._answers(worker, together, began)
        except (FunctionInvalid, FunctionFailed):
            raise
        except BaseException:
            worker.kill()  # given up in the middle: what it says next belongs to nobody
            raise
        finally:
            lane.give(worker)
        return found or await self.chain(calls[:1])

    async def ahead(self, calls: Sequence[tuple[Source, Call]]) -> list[Result | PortcallError]:
        """In one journey to a worker that has nothing to do; those that have proven quick and are given no servers."""
        began = time.perf_counter()
        steps: list[_Step] = []
        for source, call in calls:
            step = _Step(source, call, _prepare(source))
            if call.roster is not None or self._lane(step.prepared, call) is not self.steady:
                break
            steps.append(step)
        worker = self.steady.take_idle() if steps else None
        if worker is None:
            return []
        found: list[Result | PortcallError] = []
        try:
            await self._ask(worker, steps, beside=True)
            for step in steps:
                reply = await worker.answer(step.request)
                self._judge(step.prepared, reply)
                if reply.retire:
                    worker.kill()
                    break
                try:
                    found.append(Result(self._value(worker, step, reply), reply.log, reply.took, reply.cpu))
                except (FunctionThrew, FunctionFailed) as error:
                    found.append(error)
        except (FunctionInvalid, FunctionFailed):
            pass  # said when it is asked for alone
        except (OutOfTime, WorkerGone):
            for step in steps[len(found) :]:
                self._proven.pop(step.prepared.key, None)
        except BaseException:
            worker.kill()
            raise
        finally:
            self.steady.give(worker)
        return _with_the_way(found, began)

    def _together(self, calls: Sequence[tuple[Source, Call]]) -> list[_Step]:
        steps: list[_Step] = []
        for source, call in calls:
            step = _Step(source, call, _prepare(source))
            if steps and (
                self._lane(step.prepared, call) is not self.steady or call.roster is not steps[0].call.roster
            ):
                break
            steps.append(step)
            if call.roster is None or self._lane(step.prepared, call) is not self.steady:
                break
        return steps

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

    async def _ask(self, worker: Worker, steps: list[_Step], beside: bool = False) -> None:
        """Send them off, with all that the worker needs to know; without those that cannot be read. They follow one
        another, or are made ``beside`` one another."""
        for number, step in enumerate(steps):
            if worker.has(step.prepared.key):
                continue
            try:
                await self._compile(worker, step.source, step.prepared)
            except FunctionInvalid:
                if number == 0:
                    raise
                del steps[number:]  # one before it may decide
                break
        first = steps[0]
        try:
            if first.call.roster is not None:
                await worker.sync(first.call.roster, ahead=True)
            self._request(worker, steps, beside)
            await worker.ask([step.request for step in steps])
        except OutOfTime as error:
            raise self._late(first) from error
        except (WorkerGone, TimeoutError) as error:
            worker.kill()
            raise self._stopped(first) from error

    async def _compile(self, worker: Worker, source: Source, prepared: Prepared) -> None:
        head = _head(prepared)
        try:
            said = await worker.compile(prepared.key, f"{head}{prepared.text}\n); }})")
        except (TimeoutError, WorkerGone) as error:
            worker.kill()
            raise stopped(source, "while it read the function") from error
        if said:
            raise syntax(source, said)

    def _request(self, worker: Worker, steps: list[_Step], beside: bool) -> None:
        before: _Step | None = None
        for step in steps:
            call, limits, writes = step.call, step.call.bounds, step.prepared.writes
            step.number = next(self._number)
            spec: dict[str, Any] = {
                "seed": call.seed & 0xFFFFFFFF, "roster": call.roster is not None, "writes": writes,
                "exec": call.kind.may_run, "number": step.number, "output": limits.output,
                "beside" if beside else "more": step is not steps[-1],
            }  # fmt: skip
            cpu = limits.cpu
            if call.roster is not None and writes:
                cpu += _COPY * len(call.roster.documents)
            if before is not None:
                spec["follows"] = before.number
            elif call.roster is not None:
                if call.held and worker.held == call.held:
                    spec["held"] = True
                elif call.servers is not None:
                    spec["items"] = list(call.servers)
                step.given = _given(call, worker.knows(call.roster))
                spec["whole"] = step.given is not None
            wall = limits.wall + (cpu - limits.cpu)
            if step.prepared.key not in self._proven:
                wall *= 2  # it runs with what the others leave
            body = None if before is not None and call.input is before.call.input else encode(call.input)
            step.request = Request(step.prepared.key, spec, body, cpu, wall, limits.memory)
            before = None if beside else step

    def _exec(self, limits: Limits) -> Exec:
        async def execute(argv: list[str], stdin: str) -> dict[str, Any]:
            # a little less than the function has, so that it can still say what it makes of it
            wall = 0.9 * limits.wall
            ran = await _program.run(argv, stdin.encode("utf-8", "replace"), wall, limits.output)
            return {"code": ran.code, "stdout": ran.stdout, "stderr": ran.stderr}

        return execute

    async def _answers(self, worker: Worker, steps: list[_Step], began: float) -> list[Result | PortcallError]:
        """None where one of several did not end: each has to be asked alone."""
        found: list[Result | PortcallError] = []
        for number, step in enumerate(steps):
            try:
                reply = await worker.answer(
                    step.request, self._exec(step.call.bounds) if step.call.kind.may_run else None
                )
            except (OutOfTime, WorkerGone) as error:
                if step is not steps[-1]:
                    for one in steps[number:]:
                        self._proven.pop(one.prepared.key, None)
                    break
                failed = self._late(step) if isinstance(error, OutOfTime) else self._stopped(step)
                failed.__cause__ = error
                found.append(failed)
                break
            self._judge(step.prepared, reply)
            if reply.retire:
                worker.kill()
            try:
                value = self._value(worker, step, reply)
            except (FunctionThrew, FunctionFailed) as error:
                if reply.goes:
                    worker.kill()  # it says more
                found.append(error)
                break
            found.append(Result(value, reply.log, reply.took, reply.cpu))
            if not reply.goes or number + 1 == len(steps):
                break
            steps[number + 1].given = step.left
        return _with_the_way(found, began)

    def _late(self, step: _Step) -> FunctionFailed:
        self._proven.pop(step.prepared.key, None)
        return over_time(step.source, step.call.bounds.wall)

    def _stopped(self, step: _Step) -> FunctionFailed:
        self._proven.pop(step.prepared.key, None)
        return stopped(step.source, "while it ran")

    def _value(self, worker: Worker, step: _Step, reply: Reply) -> Any:
        out, roster = reply.out, step.call.roster
        if (error := out.get("error")) is not None:
            raise failure(step.source, step.call.bounds, error, reply.log)
        if "value" in out:
            step.left = step.given
            return out["value"]
        found = _picked(roster, out, step.given)
        if found is None or roster is None:
            raise FunctionFailed(
                f"{step.source.name}: it returned no servers", function=step.source.name, cause="result"
            )
        step.left = cast("Sequence[int]", found) if found.plain else None
        worker.held = step.number
        if len(roster) < len(roster.documents):  # one may have left the cluster meanwhile
            there = Picked(item for item in found if not isinstance(item, int) or roster.documents[item] is not None)
            there.plain = found.plain
            return there
        found.held = step.number  # the worker has all of them
        return found


@dataclass(slots=True)
class _Step:
    """A call on its way. ``given``: the slots of the servers that it is given, if it gives them as they are; ``left``
    the same for the one that follows."""

    source: Source
    call: Call
    prepared: Prepared
    number: int = 0
    request: Request = _NOTHING
    given: Sequence[int] | None = None
    left: Sequence[int] | None = None


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
    return found if _known(found, len(roster.documents)) else None


def _known(items: Picked, count: int) -> bool:
    if items.plain:
        return not items or (set(map(type, items)) == {int} and min(items) >= 0 and max(items) < count)  # type: ignore[type-var,operator]
    return all((isinstance(item, int) and 0 <= item < count) or isinstance(item, dict) for item in items)


def _with_the_way(found: list[Result | PortcallError], began: float) -> list[Result | PortcallError]:
    """The first took what they all took, the way there too, but for what the others say that they took."""
    if found and isinstance(found[0], Result):
        after = sum(one.took for one in found[1:] if isinstance(one, Result))
        found[0] = replace(found[0], took=max(0.0, time.perf_counter() - began - after))
    return found


def _prepare(source: Source) -> Prepared:
    if len(source.text) > 65_536:
        refuse(source.name, source.text)
    return prepare(source.text)


def _head(prepared: Prepared) -> str:
    """What stands before the source on its first line. A variable that was not declared lives for one call."""
    declared = f"var {', '.join(prepared.variables)}; " if prepared.variables else ""
    return f"(function (exec, console) {{ {declared}return (\n"


IMPLEMENTATION = JavaScript
