"""Guessing becomes slow."""

from __future__ import annotations

import pytest

from portcall.errors import TooManyAttempts
from portcall.login.limits import FORGET, FailureLimit
from tests.fixtures.clocks import HandClock


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def limit(clock: HandClock) -> FailureLimit:
    return FailureLimit(clock, lambda: 3)


def wait(limit: FailureLimit, address: str, name: str) -> int:
    try:
        limit.check(address, name)
    except TooManyAttempts as refusal:
        return int(refusal.extra["retry_after"])
    return 0


def test_an_address_waits_longer_and_longer(limit: FailureLimit, clock: HandClock) -> None:
    waits = []
    for number in range(7):
        limit.failed("192.0.2.1", f"user{number}")
        waits.append(wait(limit, "192.0.2.1", "another"))
        clock.move(waits[-1])
    assert waits == [0, 0, 16, 31, 61, 121, 241]


def test_a_name_waits_a_minute_at_most(limit: FailureLimit) -> None:
    for number in range(50):
        limit.failed(f"192.0.2.{number}", "ann")
    assert 0 < wait(limit, "198.51.100.1", "ann") <= 61
    assert wait(limit, "198.51.100.1", "bob") == 0


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "local"])
def test_nobody_on_the_host_can_shut_the_others_out_for_long(limit: FailureLimit, address: str) -> None:
    for number in range(50):
        limit.failed(address, f"user{number}")
    assert 0 < wait(limit, address, "ann") <= 61


def test_a_success_clears_the_name_but_not_the_address(limit: FailureLimit) -> None:
    for _ in range(3):
        limit.failed("192.0.2.1", "ann")
    limit.succeeded("ann")
    assert wait(limit, "198.51.100.1", "ann") == 0
    assert wait(limit, "192.0.2.1", "bob") > 0


def test_failures_of_long_ago_do_not_count(limit: FailureLimit, clock: HandClock) -> None:
    for _ in range(2):
        limit.failed("192.0.2.1", "ann")
    clock.move(FORGET + 1)
    limit.failed("192.0.2.1", "ann")
    assert wait(limit, "192.0.2.1", "ann") == 0


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("local", "local", True),
    ],
)
def test_a_person_has_one_address_of_ipv4_or_a_network_of_ipv6(
    limit: FailureLimit, first: str, second: str, same: bool
) -> None:
    for number in range(3):
        limit.failed(first, f"user{number}")
    assert (wait(limit, second, "ann") > 0) is same
