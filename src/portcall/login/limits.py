"""Slows down guessing: failed logins are counted by address and by name."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from portcall.clock import Clock
from portcall.errors import TooManyAttempts

FIRST_WAIT, SHORT_WAIT, LONGEST_WAIT = 15.0, 60.0, 900.0
FORGET = 900.0
_KEPT = 20_000


class FailureLimit:
    """After ``allowed()`` failures in a row by one address, or for one name, the next must wait: 15 s, doubled by each
    further failure.

    A name waits a minute at most, and so does loopback: anybody can make somebody else wait there. A success clears the
    name's count, not the address's: who has one account must not guess others' between two logins of their own.
    """

    def __init__(self, clock: Clock, allowed: Callable[[], int]) -> None:
        self._clock = clock
        self._allowed = allowed
        self._failures: dict[tuple[str, str], tuple[int, float]] = {}

    def check(self, address: str, name: str) -> None:
        """TooManyAttempts with ``retry_after`` while either must wait."""
        wait = max(
            self._wait(("address", network(address)), SHORT_WAIT if _is_loopback(address) else LONGEST_WAIT),
            self._wait(("name", name), SHORT_WAIT),
        )
        if wait > 0:
            seconds = int(wait) + 1
            raise TooManyAttempts(f"too many failed logins; try again in {seconds} s", retry_after=seconds)

    def failed(self, address: str, name: str) -> None:
        now = self._clock.monotonic()
        for key in (("address", network(address)), ("name", name)):
            count, last = self._failures.pop(key, (0, now))
            self._failures[key] = (1 if now - last > FORGET else count + 1, now)
        while len(self._failures) > _KEPT:
            del self._failures[next(iter(self._failures))]

    def succeeded(self, name: str) -> None:
        self._failures.pop(("name", name), None)

    def _wait(self, key: tuple[str, str], longest: float) -> float:
        count, last = self._failures.get(key, (0, 0.0))
        over = count - self._allowed()
        if over < 0:
            return 0.0
        wait = min(FIRST_WAIT * 2.0 ** min(over, 20), longest)
        return last + wait - self._clock.monotonic()


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return True  # a unix socket


def network(address: str) -> str:
    """A person's share of addresses: all of IPv4's, the /64 of IPv6's."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((int(parsed), 64), strict=False))
    return str(parsed)
