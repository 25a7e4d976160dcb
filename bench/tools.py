"""The compiled load tools of bench/load: built when their source changed, and spoken with line by line."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Sequence
from pathlib import Path

SOURCE = Path(__file__).parent / "load"
TOP = Path(__file__).parent.parent
_FLAGS = ("-O2", "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra")


class ToolFailed(Exception):
    """A load tool ended with an error: its words."""


def build(name: str) -> Path:
    """The program made from load/NAME.c and the files that all share."""
    files = sorted({*SOURCE.glob("*.h"), SOURCE / "stream.c", SOURCE / "ws.c", SOURCE / f"{name}.c"})
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
    program = TOP / "build" / "bench" / f"{name}-{digest}"
    if not program.exists():
        program.parent.mkdir(parents=True, exist_ok=True)
        made = program.with_suffix(".new")
        sources = [str(file) for file in files if file.suffix == ".c"]
        subprocess.run(
            ["gcc", *_FLAGS, "-o", str(made), *sources, "-lssl", "-lcrypto", "-lpthread"], check=True, timeout=120
        )
        made.replace(program)
    return program


def build_all() -> None:
    for name in ("bare", "source", "start", "tickets", "view"):
        build(name)


def run(name: str, arguments: Sequence[str], stdin: str = "", timeout: float = 120) -> str:
    """What the tool printed; ToolFailed with its words when it failed."""
    done = subprocess.run(
        [str(build(name)), *arguments], input=stdin, capture_output=True, text=True, timeout=timeout, check=False
    )
    if done.returncode != 0:
        raise ToolFailed(f"{name}: {done.stderr.strip() or done.returncode}")
    return done.stdout


class Tool:
    """A tool that is told things line by line and answers each with lines up to ``until``."""

    def __init__(self, name: str, arguments: Sequence[str], until: str = "done") -> None:
        self._name = name
        self._until = until
        self._process = subprocess.Popen(
            [str(build(name)), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def answer(self) -> list[str]:
        assert self._process.stdout is not None
        lines: list[str] = []
        while (line := self._process.stdout.readline().rstrip("\n")) != self._until:
            if not line:
                raise ToolFailed(f"{self._name} ended with {self._process.wait(10)}; its words are above")
            lines.append(line)
        return lines

    def ask(self, line: str) -> list[str]:
        self.tell(line)
        return self.answer()

    def close(self) -> None:
        """Its stdin ends, and so does it; what serves for ever is ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(3)
        except subprocess.TimeoutExpired:
            self._process.terminate()
            self._process.wait(10)
        self._process.stdout.close()
