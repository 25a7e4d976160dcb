"""Bare Xvnc, with the options that a session's display has: what a start is compared with."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from bench.tools import Tool
from portcall.displays.base import DisplayPlan
from portcall.displays.xvnc import IMPLEMENTATION as XVNC


def bare(folder: Path, geometry: str, open_gl: bool = True) -> tuple[Tool, list[str]]:
    """The tool that starts it, and the argv it uses (``@`` is the number of the start)."""
    authority = folder / "Xauthority"
    cookie = b"MIT-MAGIC-COOKIE-1"
    # one record that holds for every display: family wild, no address, no number
    authority.write_bytes(
        struct.pack(">HHHH", 0xFFFF, 0, 0, len(cookie)) + cookie + struct.pack(">H", 16) + os.urandom(16)
    )
    socket_path = f"{folder}/rfb@"
    plan = DisplayPlan(geometry, socket_path, str(authority), display_fd=3, name="bench", open_gl=open_gl)
    argv = XVNC().argv(plan)  # without our keymap, which only an installed user side has
    return Tool("bare", [socket_path, *argv]), argv
