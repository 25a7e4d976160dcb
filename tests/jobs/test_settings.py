"""fastx.env, read for launchers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from portcall.errors import InvalidValue, SettingRefused
from portcall.jobs.settings import site_settings, weblink_port


def test_the_environment_is_stronger_than_the_file(tmp_path: Path) -> None:
    """S0, S1: set the following environment variables in $FX_CONFIG_DIR/fastx.env."""
    (tmp_path / "fastx.env").write_text("LAUNCHER_SCRIPT=/file\nexport LAUNCHER_ARGS='--a,--b'\nMINE=1\n")
    given = {"LAUNCHER_SCRIPT": "/environment", "LAUNCH_AS_CURRENT_USER": "true", "MINE": "2", "SECRET": "3"}
    assert site_settings(tmp_path, given) == {
        "LAUNCHER_SCRIPT": "/environment", "LAUNCHER_ARGS": "--a,--b", "LAUNCH_AS_CURRENT_USER": "true", "MINE": "1",
    }  # fmt: skip


def test_without_a_file_the_environment_is_all(tmp_path: Path) -> None:
    assert site_settings(tmp_path, {"WEBLINK_PORT": "3301"}) == {"WEBLINK_PORT": "3301"}


def test_the_servers_own_environment_stays_as_it_was(tmp_path: Path) -> None:
    before = dict(os.environ)
    (tmp_path / "fastx.env").write_text("LAUNCHER_SCRIPT=/file\nPATH=/nowhere\n")
    site_settings(tmp_path, os.environ)
    assert dict(os.environ) == before


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "fastx.env").write_bytes(b"A=\xff\n")
    with pytest.raises(InvalidValue, match=r"fastx\.env"):
        site_settings(tmp_path, {})


def test_a_file_that_everybody_can_write_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "fastx.env"
    path.write_text("LAUNCHER_SCRIPT=/tmp/x\n")
    path.chmod(0o666)
    with pytest.raises(InvalidValue, match="written by everybody"):
        site_settings(tmp_path, {})
    path.chmod(0o664)
    assert site_settings(tmp_path, {}) == {"LAUNCHER_SCRIPT": "/tmp/x"}


def test_where_weblinks_are_taken_is_a_port_or_nothing() -> None:
    assert [weblink_port({"WEBLINK_PORT": text}) for text in ("", " 3301 ", "0")] == ["", "3301", "0"]
    assert weblink_port({}) == ""
    for wrong in ("abc", "-1", "65536", "http://host:3301", "３３０１"):
        with pytest.raises(SettingRefused, match="is not a port"):
            weblink_port({"WEBLINK_PORT": wrong})
