"""Engine python: an administrator's module."""

# ruff: noqa: E501 - one case, one line

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from portcall.errors import FunctionFailed, FunctionInvalid, FunctionThrew, PortcallError
from portcall.functions.base import Call, Result, Source
from portcall.functions.python import Python
from portcall.model.function import Limits, find
from portcall.model.function_sample import sample
from portcall.model.roster import Picked, Roster

Try = Callable[..., Awaitable[Result]]


@pytest.fixture
async def attempt(tmp_path: Path) -> AsyncIterator[Try]:
    engine = Python()
    path = tmp_path / "mine.py"

    async def call(text: str, kind: str = "start-balance", roster: Roster | None = None, wall: float = 5.0) -> Result:
        if not path.exists() or path.read_text() != text:
            path.unlink(missing_ok=True)
            path.write_text(text)
        row = find(kind)
        given = sample(row)
        if roster is not None:
            given.pop("servers")
        source = Source("mine", str(path), "python")
        return await engine.run(source, Call(row, given, roster, limits=Limits(wall=wall)))

    yield call
    await engine.close()


async def test_a_function_named_as_its_kind_is_called(attempt: Try, roster: Roster) -> None:
    text = "def start_balance(input):\n    return min(input['servers'], key=lambda s: s['sessions'])['serverId']\n"
    assert (await attempt(text, roster=roster)).value == "node2"
    assert (await attempt(text)).value == "node2"
    assert (await attempt("async def function(input):\n    return 'node1'\n")).value == "node1"


async def test_an_array_of_servers_comes_back_as_those_servers(attempt: Try, roster: Roster) -> None:
    kept = (
        await attempt("def function(i):\n    return [s for s in i['servers'] if s['sessions'] > 1]", roster=roster)
    ).value
    assert isinstance(kept, Picked)
    assert list(kept) == [0, 2]
    changed = await attempt(
        "def function(i):\n    i['servers'][0]['staticData']['x'] = 1\n    return i['servers'][:2]", roster=roster
    )
    assert [type(item) for item in changed.value] == [dict, int]
    assert roster.document(0)["staticData"] == {}


async def test_what_it_prints_is_its_log(attempt: Try) -> None:
    assert (await attempt("def function(i):\n    print('looked at', len(i['servers']))")).log == ("looked at 3",)


@pytest.mark.parametrize(
    ("text", "kind", "message", "place"),
    [
        ("def function(i):\n    raise Exception('All GPU servers are in use')", FunctionThrew, "All GPU servers are in use", (2, 5)),
        ("def function(i):\n    return i['nothing']", FunctionThrew, "KeyError: 'nothing'", (2, 12)),
        ("def function(i):\n    return (1", FunctionInvalid, "mine, line 2, column 12: '(' was never closed", (2, 12)),
        ("def function(i):\n    return ‘a’", FunctionInvalid, "invalid character", (2, 12)),
        ("import nothing_of_the_kind", FunctionInvalid, "mine, line 1, column 1: ModuleNotFoundError", (1, 1)),
        ("def other(i):\n    pass", FunctionInvalid, "define a function start_balance", (1, 1)),
        ("def function(i):\n    import sys; sys.exit('no')", FunctionThrew, "SystemExit: no", (2, 17)),
        ("async def function(i):\n    raise PermissionError('not you')", FunctionThrew, "not you", (2, 5)),
    ],
)  # fmt: skip
async def test_an_error_says_what_and_where(
    attempt: Try, text: str, kind: type[PortcallError], message: str, place: tuple[int, int]
) -> None:
    with pytest.raises(kind) as caught:
        await attempt(text)
    assert message in str(caught.value)
    assert (caught.value.extra["line"], caught.value.extra["column"]) == place


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("def function(i):\n    while True:\n        pass", "time"),
        ("def function(i):\n    while True:\n        try:\n            while True: pass\n        except Exception: pass", "time"),
        ("import threading\ndef function(i):\n    threading.Event().wait(1.5)", "time"),
        ("import asyncio\nasync def function(i):\n    await asyncio.sleep(60)", "time"),
        ("def function(i):\n    return {1, 2}", "result"),
        ("def function(i):\n    l = []\n    l.append(l)\n    return l", "result"),
        ("def function(i):\n    raise KeyboardInterrupt", "crash"),
    ],
)  # fmt: skip
async def test_a_hostile_module_ends_in_time_and_the_next_works(attempt: Try, text: str, cause: str) -> None:
    with pytest.raises(FunctionFailed) as caught:
        await attempt(text, wall=0.3)
    assert caught.value.extra["cause"] == cause
    assert (await attempt("def function(i):\n    return 'node1'")).value == "node1"


async def test_a_module_that_was_changed_is_read_again(attempt: Try) -> None:
    assert (await attempt("def function(i):\n    return 'a'")).value == "a"
    assert (await attempt("def function(i):\n    return 'b'")).value == "b"
