"""Waits for what will become true, within a time limit. For what no event tells: other people's processes and files."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_EVERY = 0.02


def until(condition: Callable[[], T], what: str, within: float = 15.0) -> T:
    """The first true value of ``condition``; AssertionError, with its last value, where there is none in time."""
    deadline = time.monotonic() + within
    pause = threading.Event()
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:g} s: {what} (last: {value!r})")
        pause.wait(_EVERY)
    return value


def stays(condition: Callable[[], object], what: str, seconds: float) -> None:
    """AssertionError if ``condition`` is not true for so long."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while time.monotonic() < deadline:
        assert condition(), what
        pause.wait(_EVERY)
