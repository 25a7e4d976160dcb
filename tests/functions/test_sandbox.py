"""What a worker that was taken over could still do: nothing but compute and talk to the server."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

import portcall.functions._js as js

ENTER = f"""
import ctypes, mmap, os, socket, sys, time
sys.path.insert(0, {str(Path(js.__path__[0]))!r})
import sandbox
sandbox.enter(1 << 30, os.getppid())
"""
FORBIDDEN = {
    "open a file": "open('/etc/passwd')",
    "list a folder": "os.listdir('/')",
    "look at a file": "os.stat('/')",
    "make a socket": "socket.socket()",
    "send a descriptor": "socket.send_fds(socket.socket(fileno=0), [b'x'], [1])",
    "fork": "os.fork()",
    "run a program": "os.execv('/bin/true', ['true'])",
    "kill": "os.kill(os.getppid(), 0)",
    "trace": "sandbox._libc.ptrace(0, 0, 0, 0)",
    "become another": "os.setuid(1)",
    "take the filter off": "sandbox._libc.prctl(22, 0)",
    "raise a limit": "sandbox.resource.setrlimit(sandbox.resource.RLIMIT_AS, (1 << 40, 1 << 40))",
    "make memory executable": "mmap.mmap(-1, 4096, prot=mmap.PROT_EXEC | mmap.PROT_READ)",
    "make memory executable later": "sandbox._libc.mprotect(0, 4096, 4)",
    "start a thread": "import threading; threading.Thread(target=print).start()",
}


@pytest.mark.parametrize("code", FORBIDDEN.values(), ids=FORBIDDEN.keys())
def test_a_forbidden_call_kills(code: str) -> None:
    ran = subprocess.run([sys.executable, "-I", "-S", "-c", f"{ENTER}\n{code}"], capture_output=True, check=False)
    assert ran.returncode == -signal.SIGSYS, ran.stderr.decode()


def test_computing_and_talking_goes_on() -> None:
    code = "data = bytearray(50_000_000); os.write(1, str(sum(range(1000))).encode())"
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"{ENTER}\n{code}\nos._exit(0)"], capture_output=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (0, b"499500"), ran.stderr.decode()


def test_memory_is_limited() -> None:
    code = "try:\n    bytearray(2 << 30)\nexcept MemoryError:\n    os._exit(9)"
    ran = subprocess.run([sys.executable, "-I", "-S", "-c", f"{ENTER}\n{code}"], capture_output=True, check=False)
    assert ran.returncode == 9


def test_it_ends_when_its_parent_is_another() -> None:
    code = ENTER.replace("os.getppid()", "1 << 22") + "\nos._exit(9)"
    assert subprocess.run([sys.executable, "-I", "-S", "-c", code], check=False).returncode == 0
