"""Waiting, for what can be seen and for what gives no sign."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(true: Callable[[], object], what: str, seconds: float = 60, every: float = 0.005) -> None:
    """TimeoutError with the name of what did not come."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not come within {seconds:g} s")
        rest(every)


def rest(seconds: float) -> None:
    """Doing nothing is what is measured, or what is waited for cannot be seen."""
    time.sleep(seconds)  # noqa: TID251
