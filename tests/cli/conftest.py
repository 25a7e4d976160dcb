"""The command line in this process, talking to a stand-in server, as a person without anything in the home."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from portcall.cli.main import run
from tests.client.stand_in import StandIn, served


@dataclass(frozen=True)
class Ran:
    """What a command printed and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Portcall = Callable[..., Ran]


@pytest.fixture
def place() -> Iterator[StandIn]:
    with served(StandIn()) as place:
        yield place


@pytest.fixture
def portcall(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Portcall:
    """Run ``portcall`` with these arguments; the environment names no server and no token."""
    for name in ("PORTCALL_URL", "PORTCALL_TOKEN", "PORTCALL_CA", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PORTCALL_RUNTIME_DIR", str(tmp_path / "no-server"))
    # whatever else runs on this host, on the usual port too
    monkeypatch.setattr("portcall.client.address.DEFAULT_URL", "http://127.0.0.1:9")

    def call(*arguments: str) -> Ran:
        capfd.readouterr()
        code = run(list(arguments))
        out, err = capfd.readouterr()
        return Ran(code, out, err)

    return call


@pytest.fixture
def at(portcall: Portcall, place: StandIn, monkeypatch: pytest.MonkeyPatch) -> Portcall:
    """The same, logged in at the stand-in."""
    monkeypatch.setenv("PORTCALL_URL", place.url)
    monkeypatch.setenv("PORTCALL_TOKEN", "good")
    return portcall
