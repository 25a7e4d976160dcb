"""Xvnc: reachable by its socket alone, by its user alone, with the cookie alone."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from portcall import plugins
from portcall.displays.base import DisplayPlan
from portcall.displays.xvnc import IMPLEMENTATION
from portcall.sessiond import processes
from tests.fixtures.ground import Ground

_PLAN = DisplayPlan("800x600", "/d/rfb", "/d/Xauthority", 7, "a name")


def test_it_is_found_by_its_name() -> None:
    assert plugins.find("displays", "xvnc") is IMPLEMENTATION
    assert IMPLEMENTATION().missing() == ""


def test_gl_and_clipboard_are_as_the_profile_says() -> None:
    argv = IMPLEMENTATION().argv(_PLAN)
    assert "GLX" not in argv
    assert IMPLEMENTATION().argv(replace(_PLAN, open_gl=False))[-2:] == ["-extension", "GLX"]
    for mode, accept, send in (
        ("both", 1, 1),
        ("to-session", 1, 0),
        ("from-session", 0, 1),
        ("off", 0, 0),
        ("?", 0, 0),
    ):
        argv = IMPLEMENTATION().argv(replace(_PLAN, clipboard=mode))
        assert {f"-AcceptCutText={accept}", f"-SendCutText={send}"} <= set(argv)


@pytest.mark.serial
class TestReal:
    @pytest.fixture
    def session(self, ground: Ground) -> str:
        return ground.running(ground.order("exec sleep 1000"))

    def test_no_tcp_port_is_open(self, ground: Ground, session: str) -> None:
        inodes = set()
        for pid in (ground.process(session, "display").pid, ground.process(session, "daemon").pid):
            for descriptor in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(FileNotFoundError):  # closed since
                    inodes.add(os.readlink(f"/proc/{pid}/fd/{descriptor}"))
        assert any(link.startswith("socket:") for link in inodes)
        for table in ("tcp", "tcp6", "udp", "udp6"):
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                assert f"socket:[{line.split()[9]}]" not in inodes

    def test_directory_and_sockets_are_the_users_alone(self, ground: Ground, session: str) -> None:
        directory = ground.directory(session)
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert stat.S_IMODE(directory.parent.parent.stat().st_mode) == 0o700
        for name in ("rfb", "control", "Xauthority", "session.json", "log", "display.log"):
            assert stat.S_IMODE((directory / name).stat().st_mode) == 0o600, name

    def test_x_needs_the_cookie(self, ground: Ground, session: str) -> None:
        display = f":{ground.record(session)['number']}"

        def ask(authority: str) -> int:
            environment = {"DISPLAY": display, "XAUTHORITY": authority, "PATH": "/usr/bin:/bin"}
            return subprocess.run(["xdpyinfo"], env=environment, capture_output=True, check=False).returncode

        assert ask(str(ground.directory(session) / "Xauthority")) == 0
        assert ask("/dev/null") != 0

    def test_several_viewers_are_served(self, ground: Ground, session: str) -> None:
        for _ in range(12):  # more than a blacklist would let in
            with socket.socket(socket.AF_UNIX) as viewer:
                viewer.settimeout(30)
                viewer.connect(str(ground.directory(session) / "rfb"))
                assert viewer.recv(12) == b"RFB 003.008\n"

    def test_nothing_secret_is_in_its_arguments(self, ground: Ground, session: str) -> None:
        cookie = (ground.directory(session) / "Xauthority").read_bytes()[-16:].hex()
        for pid in ground.of_session(session):
            assert cookie not in processes.command_line(pid)
