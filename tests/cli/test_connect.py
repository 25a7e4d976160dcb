"""The viewer of portcall connect, without a server: a process that ends, is ended, or does not want to."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from portcall.cli import connect


def pid_of(written: Path) -> int:
    return int(written.read_text())


def test_the_code_of_a_viewer_that_ends_is_told() -> None:
    with connect._Enough() as enough:
        assert connect._run(["sh", "-c", "exit 7"], enough) == 7


def test_a_signal_that_comes_before_the_viewer_runs_ends_it() -> None:
    with connect._Enough() as enough:
        os.kill(os.getpid(), signal.SIGTERM)
        assert connect._run(["sleep", "600"], enough) == 0


def test_a_signal_while_the_viewer_runs_ends_it_and_it_is_waited_for(tmp_path: Path) -> None:
    written = tmp_path / "pid"
    command = f"echo $$ > {written}; kill -HUP {os.getpid()}; exec sleep 600"
    with connect._Enough() as enough:
        assert connect._run(["sh", "-c", command], enough) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(pid_of(written), 0)


def test_a_viewer_that_ignores_the_signal_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "_VIEWER_SECONDS", 0.05)
    written = tmp_path / "pid"
    command = f'trap "" TERM; echo $$ > {written}; kill -INT {os.getpid()}; while :; do sleep 0.01; done'
    with connect._Enough() as enough:
        assert connect._run(["sh", "-c", command], enough) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(pid_of(written), 0)


def test_the_signals_do_what_they_did_before_once_it_is_over() -> None:
    before = signal.getsignal(signal.SIGINT)
    with connect._Enough():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before
