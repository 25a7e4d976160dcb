"""The peer of the viewer's path: websockify, a process for each connection."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from bench import processes
from bench.place import HOST
from bench.waiting import until


@dataclass(frozen=True)
class Bridge:
    """A running websockify. ``argv`` is for the reader of the table."""

    argv: list[str]
    kind: str
    port: str
    pid: int

    @property
    def target(self) -> list[str]:
        return [self.kind, HOST, self.port]

    def tickets(self, _count: int) -> str:
        return "-"

    def pss_kib(self) -> int:
        """The process itself and one for each connection."""
        return sum(processes.pss_kib(pid) for pid in (self.pid, *processes.children(self.pid)))


@contextlib.contextmanager
def bridge(unix_target: str, tls: tuple[str, str] | None = None) -> Iterator[Bridge]:
    port = _free_port()
    argv = [str(Path(sys.executable).parent / "websockify"), "--unix-target", unix_target]
    if tls:
        argv += ["--ssl-only", "--cert", tls[0], "--key", tls[1]]
    argv.append(f"{HOST}:{port}")
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: _answers(port), "websockify", 20)
        yield Bridge(argv, "tls" if tls else "tcp", str(port), process.pid)
    finally:
        process.terminate()
        process.wait(10)


def settings() -> str:
    return f"websockify {version('websockify')} as it comes, numpy {version('numpy')} for its masks"


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        return int(sock.getsockname()[1])


def _answers(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex((HOST, port)) == 0
