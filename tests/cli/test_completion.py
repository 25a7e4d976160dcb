"""Completion by the shells themselves, of commands and of what the server knows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Portcall
from tests.cli.terminal import Terminal
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


class Zsh(Terminal):
    """A zsh that a person types into, with the completion of the documentation: a file in a directory of $fpath."""

    def __init__(self, directory: Path) -> None:
        environment = {**os.environ, "PATH": f"{directory}:{os.environ['PATH']}", "TERM": "dumb"}
        script = subprocess.run(
            ["portcall", "completion", "zsh"], capture_output=True, text=True, env=environment, check=True
        )
        assert script.stdout.startswith("#compdef portcall")
        (directory / "_portcall").write_text(script.stdout)
        super().__init__(["zsh", "--no-rcs", "--interactive"], environment)
        self.type(
            f"PROMPT='> ' LISTMAX=0 fpath=({directory} $fpath); autoload -Uz compinit && compinit -D; echo re''ady\n"
        )
        self.wait_for("ready\r\n")


def test_zsh_completes_commands_sessions_and_settings(at: Portcall, place: StandIn, bin_: Path) -> None:
    place.add(name="wing")
    place.add(id=OTHER, name="two words; rm -rf /")
    with Zsh(bin_) as zsh:
        zsh.type("portcall screenshot w\t")
        zsh.wait_for("portcall screenshot wing ")
        zsh.type("\x15portcall susp\t")  # what is called a second time is another piece of the script
        zsh.wait_for("portcall suspend ")
        zsh.type("\x15portcall terminate bb\t")
        zsh.wait_for(OTHER)
        zsh.type("\x15portcall settings get start_t\t")
        zsh.wait_for("settings get start_timeout")
        zsh.type("\x15portcall info \t\t")
        zsh.wait_for("-- two words; rm -rf /")  # said beside its id, which would be completed
