"""A stand-in server, and a person's environment with nothing in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client.stand_in import StandIn, served


@pytest.fixture
def place() -> Iterator[StandIn]:
    with served(StandIn()) as place:
        yield place


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """An environment whose home and runtime directory are empty."""
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    return {"HOME": str(tmp_path), "PORTCALL_RUNTIME_DIR": str(tmp_path / "no-server")}
