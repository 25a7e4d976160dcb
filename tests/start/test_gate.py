"""So many at once, in their order, and nobody's place is lost with them."""

from __future__ import annotations

import asyncio
import random

from portcall.start.gate import Gate
from portcall.testing.time import in_virtual_time


class Counted:
    """Who went through, and how many were inside at most."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.gate = Gate(lambda: self.limit)
        self.inside = self.most = 0
        self.order: list[int] = []

    async def go(self, number: int, seconds: float = 1.0) -> None:
        async with self.gate:
            self.order.append(number)
            self.inside += 1
            self.most = max(self.most, self.inside)
            try:
                await asyncio.sleep(seconds)
            finally:
                self.inside -= 1


@in_virtual_time
async def test_no_more_than_the_limit_are_inside_and_all_come_through_in_order() -> None:
    counted = Counted(3)
    await asyncio.gather(*(counted.go(number) for number in range(20)))
    assert counted.most == 3
    assert counted.order == list(range(20))


@in_virtual_time
async def test_a_limit_that_is_raised_or_lowered_counts_from_then_on() -> None:
    counted = Counted(1)
    going = [asyncio.ensure_future(counted.go(number)) for number in range(20)]
    await asyncio.sleep(1.5)
    counted.limit = 5
    await asyncio.sleep(1)
    assert counted.inside == 5
    counted.limit = 2
    await asyncio.sleep(1)
    assert counted.inside == 2
    await asyncio.gather(*going)


@in_virtual_time
async def test_who_gives_up_takes_nobodys_place() -> None:
    counted = Counted(2)
    chosen = random.Random(7)
    going = [asyncio.ensure_future(counted.go(number, chosen.random())) for number in range(200)]
    for _ in range(150):
        await asyncio.sleep(0.05)
        chosen.choice(going).cancel()
    await asyncio.gather(*going, return_exceptions=True)
    assert counted.most == 2
    assert counted.inside == 0
    counted.most = 0
    await asyncio.gather(*(counted.go(number) for number in range(10)))
    assert counted.most == 2


@in_virtual_time
async def test_it_is_crowded_while_somebody_waits_and_empty_when_all_are_through() -> None:
    counted = Counted(2)
    assert counted.gate.empty
    going = [asyncio.ensure_future(counted.go(number)) for number in range(3)]
    await asyncio.sleep(0.5)
    assert counted.gate.crowded
    await asyncio.sleep(1)
    assert not counted.gate.crowded
    assert not counted.gate.empty
    await asyncio.gather(*going)
    assert counted.gate.empty
