"""The server object that functions and pages see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from portcall.testing.server import Server


def urls(folder: Path, listening: str, **settings: Any) -> list[str]:
    here = Server(folder, **settings).services
    here.url = listening
    found: list[str] = here.members.here()["urls"]
    return found


def test_without_a_public_address_clients_may_use_the_one_that_it_listens_on(tmp_path: Path) -> None:
    assert urls(tmp_path / "1", "http://node7:3300") == ["http://node7:3300"]
    assert urls(tmp_path / "2", "http://node7:3300", public_url="https://lab.example.org") == [
        "https://lab.example.org"
    ]
    assert urls(tmp_path / "3", "") == []  # nowhere yet
