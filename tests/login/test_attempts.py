"""Conversations under way: how many there may be, and whose they are."""

from __future__ import annotations

import asyncio

import pytest

from portcall.authenticators.base import Ask, Prompt, Round
from portcall.errors import LoginExpired, NotFound, TooManyAttempts
from portcall.login.attempts import Attempts


async def asking(ask: Ask) -> str:
    (answer,) = await ask(Round((Prompt("Code:"),)))
    return answer


@pytest.mark.parametrize(
    ("first", "second"),
    [("192.0.2.1", "192.0.2.1"), ("2001:db8::1", "2001:db8::ffff:1"), ("::ffff:192.0.2.1", "192.0.2.1")],
)
async def test_one_person_may_leave_so_many_unfinished(first: str, second: str) -> None:
    """Who has an IPv6 network has addresses without end, and must not take all places with them."""
    attempts: Attempts[str] = Attempts(at_once=2)
    attempts.open(first, asking)
    attempts.open(first, asking)
    with pytest.raises(TooManyAttempts):
        attempts.open(second, asking)
    attempts.open("198.51.100.7", asking)
    await attempts.close()


async def test_somebody_elses_attempt_does_not_exist_also_from_the_same_network() -> None:
    attempts: Attempts[str] = Attempts()
    mine = attempts.open("2001:db8::1", asking)
    await mine.advance()
    with pytest.raises(NotFound):
        attempts.get(mine.id, "2001:db8::2")
    assert await attempts.get(mine.id, "2001:db8::1").advance(["123456"]) == "123456"
    await asyncio.wait_for(attempts.close(), 5)


async def test_a_few_addresses_cannot_keep_others_out() -> None:
    attempts: Attempts[str] = Attempts(at_once=4, in_all=8)
    taken = [attempts.open(f"192.0.2.{number % 2}", asking) for number in range(8)]
    for attempt in taken:
        await attempt.advance()
    mine = attempts.open("198.51.100.7", asking)
    await mine.advance()
    with pytest.raises(LoginExpired):
        await taken[0].advance(["123456"])
    assert await mine.advance(["123456"]) == "123456"
    assert await taken[1].advance(["123456"]) == "123456"
    await attempts.close()


async def test_where_nobody_has_more_than_one_the_next_has_to_wait() -> None:
    attempts: Attempts[str] = Attempts(in_all=3)
    for number in range(3):
        attempts.open(f"192.0.2.{number}", asking)
    with pytest.raises(TooManyAttempts, match="too many people"):
        attempts.open("198.51.100.7", asking)
    await attempts.close()
