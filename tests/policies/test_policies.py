"""Every shipped policy: what it does, that its JavaScript does the same, and that it only looks."""

# ruff: noqa: E501 - one case, one line

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall import plugins
from portcall.errors import FunctionThrew
from portcall.functions.base import Call, Source
from portcall.functions.javascript import JavaScript
from portcall.model.function import Candidates, Chosen, Continue, Outcome, find, read_result
from portcall.model.roster import Roster
from portcall.policies.base import Policy, Question

NAMES = [name for name in plugins.names("policies") if name != "function"]
SHIPPED = {
    "Most Free Memory", "Local Server", "Random Server", "Fewest Sessions", "User's Logged In Server", "User Selection",
    "Needs GPU", "Use GPU System", "Get GPU", "Find Logged in", "Filter not logged in servers", "Filter Vnode servers",
    "Round Robin",
}  # fmt: skip


def policy(name: str) -> Policy:
    made: Policy = plugins.find("policies", name)()
    return made


def record(number: int, chance: random.Random) -> dict[str, Any]:
    return {
        "serverId": f"s{number}", "sessions": chance.randrange(5), "pending": chance.randrange(2),
        "freemem": chance.randrange(10**9), "loggedInUsers": chance.sample(["alice", "bob", "eve"], chance.randrange(4)),
        "staticData": chance.choice([{}, {"gpu": True}, {"gpu": "false"}, {"vnode": 1}, {"gpu": 2, "vnode": True}]),
        "lastPlaced": float(chance.randrange(3)),
    }  # fmt: skip


def question(seed: int, count: int = 8, **changes: Any) -> Question:
    chance = random.Random(seed)
    roster = Roster()
    for number in range(count):
        roster.put(record(number, chance))
    params = chance.choice([{}, {"gpu": True}, {"serverId": "s1"}, {"gpu": "no"}])
    asked = {
        "action": "session/start", "user": {"login": "alice", "sub": "alice", "serverId": f"s{chance.randrange(12)}"},
        "local": {"serverId": f"s{chance.randrange(12)}"}, "data": {"params": params}, **changes,
    }  # fmt: skip
    return Question(asked, roster, roster.slots(), seed)


def test_all_that_are_listed_are_shipped_each_with_source_and_help() -> None:
    policies = [policy(name) for name in NAMES]
    assert {one.title for one in policies} == SHIPPED
    for one in policies:
        assert one.javascript.startswith("function(input) {\n")
        assert one.help.endswith(".")
        assert plugins.find("policies", one.name) is type(one)


def outcome(one: Policy, asked: Question) -> Outcome | str:
    try:
        return one.decide(asked).outcome
    except FunctionThrew as error:
        return str(error)


@pytest.mark.parametrize("name", NAMES)
@given(seed=st.integers(0, 10**6), count=st.integers(0, 8))
def test_a_verdict_is_about_the_candidates_and_the_same_each_time(name: str, seed: int, count: int) -> None:
    one, asked = policy(name), question(seed, count)
    before = [dict(document or {}) for document in asked.roster.documents]
    found = outcome(one, asked)
    assert outcome(one, asked) == found
    assert before == [dict(document or {}) for document in asked.roster.documents]
    if isinstance(found, Chosen) and name != "user_selection":
        assert asked.roster.slot(found.server_id) in asked.candidates
    if isinstance(found, Candidates):
        assert set(found.servers) <= set(asked.candidates)
        assert found.servers.plain


@pytest.fixture
async def javascript() -> AsyncIterator[JavaScript]:
    engine = JavaScript(workers=1)
    yield engine
    await engine.close()


@pytest.mark.parametrize("name", NAMES)
async def test_its_javascript_does_the_same(javascript: JavaScript, name: str) -> None:
    one, kind = policy(name), find("start-balance")
    for seed in range(40):
        asked = question(seed, seed % 9)
        try:
            result = await javascript.run(
                Source(name, one.javascript), Call(kind, asked.input, asked.roster, seed=seed)
            )
            theirs: Outcome | str = read_result(kind, result.value)
        except FunctionThrew as error:
            theirs = str(error)
        ours = outcome(one, asked)
        if isinstance(ours, Chosen) and isinstance(theirs, Chosen) and name != "user_selection":
            # of equal servers another may have been drawn
            figures = one.decide(asked).figures
            slots = [asked.roster.slot(found.server_id) for found in (ours, theirs)]
            if figures is not None:
                assert figures[slots[0] or 0] == figures[slots[1] or 0]
            elif name != "random_server":
                assert ours == theirs
        else:
            assert ours == theirs


def test_fewest_sessions_counts_what_waits_too() -> None:
    roster = Roster()
    roster.put({"serverId": "a", "sessions": 1, "pending": 3})
    roster.put({"serverId": "b", "sessions": 3, "pending": 0})
    asked = Question({}, roster, roster.slots())
    verdict = policy("fewest_sessions").decide(asked)
    assert verdict.outcome == Chosen("b")
    assert list(verdict.figures or ()) == [4, 3]


def test_the_last_placed_is_the_last_in_turn() -> None:
    roster = Roster()
    for name, placed in (("a", 3.0), ("b", 0.0), ("c", 1.0)):
        roster.put({"serverId": name, "lastPlaced": placed})
    assert policy("round_robin").decide(Question({}, roster, roster.slots())).outcome == Chosen("b")


@pytest.mark.parametrize(
    ("params", "expected"),
    [({}, Continue()), ({"gpu": "no"}, Continue()), ({"gpu": True}, [0]), ({"gpu": "true"}, [0])],
)
def test_a_gpu_is_only_needed_when_asked_for(params: dict[str, Any], expected: Any) -> None:
    roster = Roster()
    roster.put({"serverId": "a", "staticData": {"gpu": True}})
    roster.put({"serverId": "b", "staticData": {}})
    found = policy("needs_gpu").decide(Question({"data": {"params": params}}, roster, roster.slots())).outcome
    assert (list(found.servers) if isinstance(found, Candidates) else found) == expected


def test_no_gpu_anywhere_is_refused_in_words() -> None:
    roster = Roster()
    roster.put({"serverId": "a"})
    with pytest.raises(FunctionThrew, match="No GPU server is available"):
        policy("use_gpu_system").decide(Question({}, roster, roster.slots()))
