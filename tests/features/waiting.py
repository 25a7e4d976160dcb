"""Waits for what will become true, within a time limit. For what no event tells: other people's processes and files.

A limit is there to end a test that will never pass, and says nothing of how fast things are: a busy machine takes its
time.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
WITHIN = 30.0
_EVERY = 0.02


def until(condition: Callable[[], T], what: str, within: float = WITHIN) -> T:
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


def removed(place: Path) -> bool:
    """A try; who still writes there may have been quicker."""
    shutil.rmtree(place, ignore_errors=True)
    return not place.exists()
