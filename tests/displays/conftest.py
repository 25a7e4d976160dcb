"""What tests of real sessions share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fixtures.ground import Ground


@pytest.fixture
def ground() -> Iterator[Ground]:
    """With the server there."""
    made = Ground()
    made.server.start()
    try:
        yield made
    finally:
        made.close()
