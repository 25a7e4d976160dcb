"""TCP ports for what a test starts, and starts again."""

from __future__ import annotations

import random
import socket
from pathlib import Path

_LOWEST = 15_000
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")  # what the kernel gives to whoever connects, or asks for any
_TRIES = 1000


def free_port() -> int:
    """A port of which nobody makes use, nor of the next one: free yet when the program that is to have it begins.

    One that the kernel has just given and taken back is the next client's, and so is the one after it.
    """
    first_of_others = int(_RANGE.read_text().split()[0])
    for _ in range(_TRIES):
        port = random.randrange(_LOWEST, first_of_others - 1)
        if _is_free(port) and _is_free(port + 1):
            return port
    raise RuntimeError(f"no free port below {first_of_others}")


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        try:
            listener.bind(("", port))
        except OSError:
            return False
    return True
