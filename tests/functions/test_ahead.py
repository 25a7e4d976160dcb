"""Calls that are made at once though perhaps not all are wanted: each says what it would say when asked alone."""

from __future__ import annotations

import contextlib

import pytest

from portcall.errors import FunctionFailed, FunctionThrew, PortcallError
from portcall.functions.base import Call, Result, Source
from portcall.functions.javascript import JavaScript
from portcall.model.function import BY_NAME, Limits
from portcall.model.function_sample import sample

FILTER, SCHEDULE, EVENT = BY_NAME["form-filter"], BY_NAME["schedule"], BY_NAME["start-event"]
NAMED = Source("named", "function (input) { console.log('named'); return input.forms[0].name; }")
QUEUED = Source("queued", "async function (input) { console.log(1); console.log(2); return {queue: input.admin}; }")
BUSY = Source("busy", "function (input) { throw 'Come back later'; }")


def call(kind: str, **changes: object) -> Call:
    return Call(BY_NAME[kind], {**sample(BY_NAME[kind]), **changes})


async def known(engine: JavaScript, *calls: tuple[Source, Call]) -> None:
    """Each has proven quick, and a worker for such is up."""
    for source, one in [*calls, *calls]:
        with contextlib.suppress(FunctionThrew):
            await engine.run(source, one)


def values(said: list[Result | PortcallError]) -> list[object]:
    return [one.value if isinstance(one, Result) else type(one) for one in said]


async def test_they_say_what_they_say_when_asked_alone(javascript: JavaScript) -> None:
    calls = [(NAMED, call("form-filter")), (QUEUED, call("schedule")), (QUEUED, call("schedule", admin="no"))]
    await known(javascript, *calls)
    alone = [await javascript.run(*one) for one in calls]
    said = await javascript.ahead(calls)
    assert values(said) == [one.value for one in alone]
    assert [one.log for one in said if isinstance(one, Result)] == [("named",), ("1", "2"), ("1", "2")]


async def test_one_that_throws_does_not_end_those_beside_it(javascript: JavaScript) -> None:
    calls = [(BUSY, call("start-event")), (NAMED, call("form-filter")), (BUSY, call("start-event"))]
    await known(javascript, *calls)
    said = await javascript.ahead(calls)
    assert values(said) == [FunctionThrew, sample(FILTER)["forms"][0]["name"], FunctionThrew]
    assert str(said[0]) == "Come back later"


async def test_the_worker_is_as_good_as_before(javascript: JavaScript) -> None:
    calls = [(NAMED, call("form-filter")), (BUSY, call("start-event")), (QUEUED, call("schedule"))]
    await known(javascript, *calls)
    for _ in range(5):
        assert len(await javascript.ahead(calls)) == 3
        assert (await javascript.run(QUEUED, call("schedule", admin=7))).value == {"queue": 7}
    assert len(javascript.steady.workers) <= 2


async def test_what_one_leaves_behind_is_not_there_for_the_next(javascript: JavaScript) -> None:
    leaves = Source("leaves", "function (input) { leftover = 5; input.user.login = 'mallory'; return 1; }")
    looks = Source("looks", "function (input) { return typeof leftover + input.user.login; }")
    calls = [(leaves, call("schedule")), (looks, call("schedule"))]
    await known(javascript, *calls)
    assert values(await javascript.ahead(calls)) == [1, "undefined" + sample(SCHEDULE)["user"]["login"]]


async def test_functions_that_have_not_proven_quick_are_not_asked(javascript: JavaScript) -> None:
    assert await javascript.ahead([(NAMED, call("form-filter")), (QUEUED, call("schedule"))]) == []
    await known(javascript, (NAMED, call("form-filter")))
    assert len(await javascript.ahead([(NAMED, call("form-filter")), (QUEUED, call("schedule"))])) == 1


async def test_one_that_loops_this_time_is_left_to_who_asks_for_it(javascript: JavaScript) -> None:
    loops = Source("loops", "function (input) { while (input.admin) {} return 1; }")
    limits = Limits(cpu=0.1, wall=1.0)
    calm, caught = call("schedule", admin=False), call("schedule", admin=True)
    calls = [(NAMED, call("form-filter")), (loops, Call(SCHEDULE, caught.input, limits=limits)), (QUEUED, calm)]
    await known(javascript, (loops, calm), *[one for one in calls if one[0] is not loops])
    assert values(await javascript.ahead(calls)) == [sample(FILTER)["forms"][0]["name"]]
    with pytest.raises(FunctionFailed):
        await javascript.run(*calls[1])
    assert (await javascript.run(QUEUED, calm)).value == {"queue": False}


async def test_one_that_cannot_be_read_is_left_to_who_asks_for_it(javascript: JavaScript) -> None:
    assert await javascript.ahead([(Source("slip", "function ("), call("schedule"))]) == []
    await known(javascript, (NAMED, call("form-filter")))
    calls = [(NAMED, call("form-filter")), (Source("slip", "function ("), call("schedule"))]
    assert len(await javascript.ahead(calls)) == 1


async def test_all_of_them_took_no_longer_than_the_clock_says(javascript: JavaScript) -> None:
    calls = [(NAMED, call("form-filter")), (QUEUED, call("schedule")), (NAMED, call("form-filter"))]
    await known(javascript, *calls)
    said = [one for one in await javascript.ahead(calls) if isinstance(one, Result)]
    assert len(said) == 3
    assert all(one.took > 0 for one in said)
