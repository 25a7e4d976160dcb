"""Engines for a test, gone afterwards, and a few servers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from portcall.functions.base import Call, Source
from portcall.functions.javascript import JavaScript
from portcall.model.function import find
from portcall.model.function_sample import sample, servers
from portcall.model.roster import Picked, Roster

Run = Callable[..., Awaitable[Any]]


@pytest.fixture
async def javascript() -> AsyncIterator[JavaScript]:
    engine = JavaScript(workers=1)
    yield engine
    await engine.close()
    assert not engine.steady.workers | engine.trial.workers | engine.slow.workers


@pytest.fixture
def roster() -> Roster:
    made = Roster()
    for server in servers():
        made.put(server)
    return made


@pytest.fixture
def run(javascript: JavaScript) -> Run:
    """The value that a JavaScript function returns, given the made-up input of its kind with changes."""

    async def call(
        text: str, kind: str = "start-balance", roster: Roster | None = None, servers: Picked | None = None,
        seed: int = 0, **changes: Any,
    ) -> Any:  # fmt: skip
        row = find(kind)
        given = {**sample(row), **changes}
        if roster is not None:
            given.pop("servers", None)
        result = await javascript.run(Source("f", text), Call(row, given, roster, servers, seed))
        return result.value

    return call
