"""The keymap that displays begin with is the one that they would have without it."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from portcall import keymap, userside
from portcall.displays import xvnc
from portcall.displays.base import PROGRAMS, DisplayPlan

# the names of the pieces, and entries that say what holds without them
_NAMES = re.compile(r'^(xkb_\w+) ".*" \{$|^\s*map\[[^\]]*\]= Level1;\n', re.MULTILINE)


@contextmanager
def _x_server(*options: str) -> Iterator[dict[str, str]]:
    """The environment in which its display is found."""
    read, write = os.pipe()
    argv = [
        "Xvnc",
        "-displayfd",
        str(write),
        "-rfbport",
        "-1",
        "-SecurityTypes",
        "None",
        "-nolisten",
        "tcp",
        "-noreset",
    ]
    server = subprocess.Popen([*argv, *options], pass_fds=[write], stderr=subprocess.DEVNULL, start_new_session=True)
    os.close(write)
    try:
        with open(read) as said:
            yield {**os.environ, "DISPLAY": f":{said.readline().strip()}"}
    finally:
        server.terminate()
        server.wait()


def _keymap_of(environment: dict[str, str]) -> str:
    argv = ["xkbcomp", "-w", "0", "-xkb", environment["DISPLAY"], "-"]
    said = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True)
    return _NAMES.sub(r"\1", said.stdout)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("keymap")
    assert keymap.make(made)
    return made


@pytest.mark.serial
def test_it_is_the_hosts_own_and_other_layouts_are_found_as_ever(folder: Path) -> None:
    with _x_server("-extension", "GLX") as plain, _x_server("-extension", "GLX", "-xkbdir", str(folder)) as ours:
        assert "<AD01>" in _keymap_of(ours)
        assert _keymap_of(ours) == _keymap_of(plain)
        for layout in (["de"], ["us", "intl"], ["us,ru", ""]):
            for environment in (plain, ours):
                argv = ["setxkbmap", "-layout", layout[0], *(["-variant", layout[1]] if layout[1:] else [])]
                subprocess.run(argv, env=environment, check=True)
            assert _keymap_of(ours) == _keymap_of(plain)


def test_everyone_can_read_it_where_the_user_side_is_installed(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        root = userside.install(tmp_path)
    finally:
        os.umask(before)
    made = root / "portcall/displays/keymap"
    assert {path.name for path in made.iterdir()} == {"compat", "geometry", "keycodes", "rules", "symbols", "types"}
    for path in made.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o755 if path.is_dir() else 0o644)


def test_a_host_without_xkbcomp_starts_displays_without_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not keymap.make(tmp_path / "keymap")
    assert not (tmp_path / "keymap").exists()


def test_displays_are_given_it_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = DisplayPlan("800x600", "/d/rfb", "/d/Xauthority", 7, "a name")
    assert "-xkbdir" not in xvnc.IMPLEMENTATION().argv(plan)  # of these sources
    monkeypatch.setattr(xvnc, "KEYMAP", str(tmp_path))
    argv = xvnc.IMPLEMENTATION().argv(plan)
    assert argv[argv.index("-xkbdir") + 1] == str(tmp_path)
    monkeypatch.setenv(PROGRAMS, "/runtime/bin")  # in containers, X programs have their own
    assert "-xkbdir" not in xvnc.IMPLEMENTATION().argv(plan)
