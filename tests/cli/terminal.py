"""A terminal that a program believes in: it is read until a text appears, and typed into."""

from __future__ import annotations

import os
import select
import subprocess
from collections.abc import Mapping, Sequence
from types import TracebackType

SECONDS = 60.0


class Terminal:
    """Runs one program with a pseudo-terminal as its controlling one; ``seen`` is all that it wrote."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str]) -> None:
        self._mine, theirs = os.openpty()
        self.seen = ""
        self.process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", *argv], stdin=theirs, stdout=theirs, stderr=theirs, env=dict(environment)
        )
        os.close(theirs)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._mine)

    def wait_for(self, text: str) -> None:
        """Until ``text`` has been written; fails with what was seen instead."""
        while text not in self.seen:
            ready, _, _ = select.select([self._mine], [], [], SECONDS)
            if not ready or not self._read():
                raise AssertionError(f"{text!r} did not come; seen: {self.seen!r}")

    def type(self, text: str) -> None:
        os.write(self._mine, text.encode())

    def end(self) -> int:
        """The exit code, after everything was read."""
        while self._read():
            pass
        return self.process.wait(SECONDS)

    def _read(self) -> bool:
        try:
            data = os.read(self._mine, 65536)
        except OSError:  # EIO: the last program has closed the other side
            return False
        self.seen += data.decode(errors="replace")
        return bool(data)
