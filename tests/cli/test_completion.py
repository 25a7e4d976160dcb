"""Completion by the shells themselves, of commands and of what the server knows."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Portcall
from tests.client.stand_in import ID, OTHER, StandIn


@pytest.fixture
def bin_(tmp_path: Path) -> Path:
    """A directory with a ``portcall`` that is this one."""
    directory = tmp_path / "bin"
    directory.mkdir()
    (directory / "portcall").write_text(f'#!/bin/sh\nexec {sys.executable} -m portcall "$@"\n')
    (directory / "portcall").chmod(0o755)
    return directory


def bash(directory: Path, *words: str) -> list[str]:
    """What bash offers for the last word."""
    quoted = " ".join(f"'{word}'" for word in words)
    script = f"""
      eval "$(portcall completion bash)"
      COMP_WORDS=({quoted}) COMP_CWORD={len(words) - 1}
      _portcall_completion portcall '{words[-1]}' '{words[-2]}'
      printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    environment = {**os.environ, "PATH": f"{directory}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, env=environment, check=True)
    return [line for line in done.stdout.splitlines() if line]


def test_bash_completes_commands(at: Portcall, bin_: Path) -> None:
    found = ["start", "suspend", "screenshot", "server", "servers", "settings", "simulate", "static-data"]
    assert bash(bin_, "portcall", "s") == found
    assert bash(bin_, "portcall", "param", "") == ["ls", "rm", "set"]


def test_bash_completes_ids_and_plain_names_of_sessions(at: Portcall, place: StandIn, bin_: Path) -> None:
    place.add(name="wing")
    place.add(id=OTHER, name="two words; rm -rf /")
    assert bash(bin_, "portcall", "info", "") == [ID, OTHER, "wing"]
    assert bash(bin_, "portcall", "terminate", "bb") == [OTHER]
    assert bash(bin_, "portcall", "param", "set", "w") == ["wing"]


def test_bash_completes_settings(at: Portcall, bin_: Path) -> None:
    assert bash(bin_, "portcall", "settings", "get", "st") == ["start_timeout"]


def test_completion_is_silent_where_no_server_answers(
    portcall: Portcall, bin_: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTCALL_URL", "http://127.0.0.1:1")
    assert bash(bin_, "portcall", "info", "a") == []


def test_the_script_for_zsh_names_this_command(portcall: Portcall) -> None:
    shown = portcall("completion", "zsh").out
    assert shown.startswith("#compdef portcall")
    assert "_PORTCALL_COMPLETE=zsh_complete" in shown
    if zsh := shutil.which("zsh"):
        subprocess.run([zsh, "-n"], input=shown, text=True, check=True)
