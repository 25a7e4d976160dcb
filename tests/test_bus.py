"""Events in order, to everybody, from the moment they asked."""

from __future__ import annotations

import asyncio
import gc

import pytest

from portcall.bus import Bus
from portcall.model.event import SESSION, Event


def event(name: str) -> Event:
    return Event(SESSION, name)


async def test_what_happens_before_the_first_wait_is_not_missed() -> None:
    bus = Bus()
    bus.publish(event("before"))
    stream = bus.stream()
    bus.publish(event("a"))
    bus.publish(event("b"))
    assert await anext(stream) == (2, event("a"))
    assert await anext(stream) == (3, event("b"))


async def test_who_does_not_keep_up_loses_the_place_and_nobody_else() -> None:
    bus = Bus()
    slow, quick = bus.stream(), bus.stream()
    for number in range(2500):
        bus.publish(event(str(number)))
        assert (await anext(quick))[1].id == str(number)
    seen = [item async for _, item in slow]
    assert [item.id for item in seen] == [str(number) for number in range(2000)]
    with pytest.raises(StopAsyncIteration):
        await anext(slow)


async def test_a_subscription_that_is_forgotten_is_forgotten() -> None:
    bus = Bus()
    stream = bus.stream()
    left = bus.stream()
    bus.leave(left)
    del stream
    gc.collect()
    bus.publish(event("a"))
    assert not list(bus._subscriptions)


def test_events_after_a_number_are_given_again_as_long_as_they_are_kept() -> None:
    bus = Bus()
    assert bus.since(0) == []
    for number in range(1, 3001):
        bus.publish(event(str(number)))
    assert [number for number, _ in bus.since(2998) or []] == [2999, 3000]
    assert bus.since(3000) == []
    assert bus.since(1000) == [*bus._kept]
    assert bus.since(999) is None
    assert bus.since(3001) is None


def test_a_number_of_before_a_restart_is_no_place_to_go_on() -> None:
    before = Bus(1_000_000)
    before.publish(event("old"))
    after = Bus(2_000_000)
    assert after.since(before.last) is None
    after.publish(event("new"))
    assert after.since(before.last) is None
    assert after.since(2_000_000) == [(2_000_001, event("new"))]


async def test_a_listener_is_called_at_once_until_it_leaves() -> None:
    bus, seen = Bus(), []
    leave = bus.listen(lambda item: seen.append(item.id))
    bus.publish(event("a"))
    leave()
    leave()
    bus.publish(event("b"))
    assert seen == ["a"]
    await asyncio.sleep(0)
