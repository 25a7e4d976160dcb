"""Daemons that a test starts for itself: all of them are ended with it, each by its process."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Self


class Daemons(ABC):
    """A context manager. ``close`` is called too where ``start`` has come only half way."""

    def __init__(self) -> None:
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    @abstractmethod
    def start(self) -> Self: ...

    @abstractmethod
    def close(self) -> None: ...

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _stop(self, name: str, number: int = signal.SIGTERM) -> None:
        """Also where it is not there; it has 10 s."""
        process = self._processes.pop(name, None)
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def until(ready: Callable[[], object], what: str, said: Callable[[], str] = str, within: float = 60.0) -> None:
    """AssertionError, with what the daemons have said, where it takes longer."""
    deadline, pause = time.monotonic() + within, threading.Event()
    while not ready():
        if time.monotonic() > deadline:
            raise AssertionError(f"not in time: {what}: {said()}")
        pause.wait(0.05)
