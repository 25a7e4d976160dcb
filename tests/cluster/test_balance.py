"""The rules of a chain: string, array, falsy, throw, exhausted, empty; why each server was dropped; bursts."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall import plugins
from portcall.clock import Clock
from portcall.cluster.balance import Balance
from portcall.cluster.chain import LOGIN, START
from portcall.cluster.placed import FORGET, Placed
from portcall.errors import FunctionFailed, FunctionThrew, InvalidValue, NoServerFits
from portcall.functions.base import Source
from portcall.functions.javascript import JavaScript
from portcall.model.function import Candidates, Chosen, Continue, Outcome, find
from portcall.model.roster import Picked, Roster
from portcall.policies.base import Policy, Question, Verdict


class Hands(Clock):
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = 1000.0

    def now(self) -> float:
        return self.at


class Says(Policy):
    """A step that always says the same."""

    help = javascript = ""

    def __init__(self, outcome: Outcome, title: str = "step") -> None:
        self.outcome = outcome
        self.name = self.title = title

    def decide(self, question: Question) -> Verdict:
        return Verdict(self.outcome, f"rule of {self.title}")


class Throws(Says):
    def __init__(self) -> None:
        super().__init__(Continue(), "thrower")

    def decide(self, question: Question) -> Verdict:
        raise FunctionThrew("All GPU servers are in use")


def record(name: str, **more: Any) -> dict[str, Any]:
    return {"serverId": name, "sessions": 0, "pending": 0, "freemem": 64 << 30, "updated": 900.0,
            "startsEnabled": True, "loginsEnabled": True, **more}  # fmt: skip


def balance(*records: dict[str, Any], clock: Clock | None = None) -> Balance:
    roster = Roster()
    made = Balance(Placed(roster, clock or Hands()), roster, random.Random(1))
    for one in records:
        made.placed.record(one)
    return made


ABC = (record("a"), record("b"), record("c"))


def kept(*slots: int) -> Candidates:
    found = Picked(slots)
    found.plain = True
    return Candidates(found)


def test_a_string_is_the_server() -> None:
    decision = balance(*ABC).choose_now([Says(Continue()), Says(Chosen("b")), Throws()], START, {})
    assert decision.server_id == "b"
    assert decision.error is None
    assert [(row["serverId"], row["kept"]) for row in decision.rows()] == [("a", False), ("b", True), ("c", False)]


def test_a_string_must_be_a_server_of_the_cluster() -> None:
    decision = balance(*ABC).choose_now([Says(Chosen("nowhere"), "mine")], START, {})
    assert isinstance(decision.error, FunctionFailed)
    assert "mine chose the server 'nowhere'" in str(decision.error)


@pytest.mark.parametrize("name", ["user_selection", "their own"])
def test_a_server_that_the_user_made_up_is_the_users_fault_and_no_functions(name: str) -> None:
    chain = [plugins.find("policies", name)() if name == "user_selection" else Says(Chosen("nowhere"), name)]
    decision = balance(*ABC).choose_now(chain, START, {"data": {"params": {"serverId": "nowhere"}}})
    assert isinstance(decision.error, InvalidValue)
    assert str(decision.error) == "serverId: there is no server 'nowhere' in the cluster"
    assert decision.error.extra["field"] == "serverId"
    other = balance(*ABC).choose_now([Says(Chosen("no"))], START, {"data": {"params": {"serverId": "nowhere"}}})
    assert isinstance(other.error, FunctionFailed)


def test_an_array_is_what_the_next_step_is_given_and_falsy_leaves_it() -> None:
    seen: list[Sequence[int]] = []

    class Looks(Says):
        def decide(self, question: Question) -> Verdict:
            seen.append(list(question.candidates))
            return super().decide(question)

    chain = [Looks(kept(2, 0)), Looks(Continue()), Looks(kept(0)), Looks(Chosen("a"))]
    assert balance(*ABC).choose_now(chain, START, {}).server_id == "a"
    assert seen == [[0, 1, 2], [2, 0], [2, 0], [0]]


def test_a_throw_stops_and_its_message_is_the_users() -> None:
    decision = balance(*ABC).choose_now([Throws(), Says(Chosen("a"))], START, {})
    assert decision.server_id == ""
    assert str(decision.error) == "All GPU servers are in use"
    assert len(decision.steps) == 1


def test_a_chain_that_ends_without_a_string_is_an_error_that_says_who_is_left() -> None:
    decision = balance(*ABC).choose_now([Says(kept(0, 2), "GPU servers")], START, {})
    assert isinstance(decision.error, NoServerFits)
    assert "No load balancing function chose a server; 2 servers left: a, c." in str(decision.error)
    nothing = balance(*ABC).choose_now([], START, {})
    assert "no load balancing function is set" in str(nothing.error)


def test_an_empty_array_lists_why_each_server_was_dropped_and_what_would_fit() -> None:
    records = (record("a", startsEnabled=False), record("b"), record("c", draining=True), record("d"))
    decision = balance(*records).choose_now([Says(kept(1), "first"), Says(kept(), "second")], START, {})
    assert isinstance(decision.error, NoServerFits)
    rows = {row["serverId"]: (row["kept"], row["rule"], row["figure"]) for row in decision.error.extra["servers"]}
    assert rows == {
        "a": (False, "starts are enabled", False), "b": (False, "rule of second", None),
        "c": (False, "not draining", True), "d": (False, "rule of first", None),
    }  # fmt: skip
    assert "What would fit: a server for which holds: starts are enabled, not draining, rule of first" in str(
        decision.error
    )


@pytest.mark.parametrize(
    ("action", "left"), [(START, ["in", "nologins", "reserved"]), (LOGIN, ["in", "nostarts", "draining"])]
)
def test_servers_are_filtered_before_the_chain(action: str, left: list[str]) -> None:
    records = [record("in"), record("nologins", loginsEnabled=False), record("reserved", reserved=True),
               record("nostarts", startsEnabled=False), record("draining", draining=True)]  # fmt: skip
    made = balance(*records)
    decision = made.choose_now([Says(Continue())], action, {})
    assert [made.roster.ids[slot] for slot in decision.steps[-1].before] == left


def test_no_server_at_all_is_told() -> None:
    assert "of 0 servers none is left" in str(balance().choose_now([Says(Chosen("a"))], START, {}).error)
    prefiltered = balance(*ABC).choose_now([Says(Chosen("a"))], START, {}, prefilter=lambda server: False)
    assert "the prefilter" in str(prefiltered.error)


@given(
    outcomes=st.lists(
        st.one_of(
            st.just(Continue()), st.sampled_from("abcx").map(Chosen),
            st.lists(st.integers(0, 2), unique=True).map(lambda slots: kept(*slots)),
        ), max_size=6,
    ),
    seed=st.integers(0, 2**31),
)  # fmt: skip
def test_a_decision_is_a_server_or_an_error_and_every_server_has_its_reason(outcomes: list[Outcome], seed: int) -> None:
    chain = [Says(outcome, f"step {number}") for number, outcome in enumerate(outcomes)]
    decision = balance(*ABC).choose_now(chain, START, {}, seed=seed)
    assert bool(decision.server_id) != (decision.error is not None)
    rows = decision.rows()
    assert len({row["serverId"] for row in rows}) == len(rows)
    assert decision.document()["seed"] == seed
    if decision.server_id:
        assert [row["serverId"] for row in rows if row["kept"]] == [decision.server_id]
    again = balance(*ABC).choose_now(chain, START, {}, seed=seed)
    assert (again.server_id, str(again.error)) == (decision.server_id, str(decision.error))


def test_the_same_seed_draws_the_same_server() -> None:
    chain = [plugins.find("policies", "random_server")()]
    made = balance(*(record(f"s{number}") for number in range(50)))
    drawn = {made.choose_now(chain, START, {}, seed=seed).server_id for seed in range(20)}
    assert len(drawn) > 5
    assert made.choose_now(chain, START, {}, seed=3).server_id == made.choose_now(chain, START, {}, seed=3).server_id


@pytest.mark.parametrize("name", ["fewest_sessions", "most_free_memory", "round_robin"])
def test_a_burst_is_spread_though_records_come_late(name: str) -> None:
    clock = Hands()
    made = balance(*(record(f"s{number}") for number in range(20)), clock=clock)
    chain = [plugins.find("policies", name)()]
    counts: Counter[str] = Counter()
    for number in range(200):
        clock.at += 0.005
        counts[made.choose_now(chain, START, {}, f"id{number}").server_id] += 1
    assert max(counts.values()) - min(counts.values()) <= 1


@pytest.fixture
async def javascript() -> AsyncIterator[JavaScript]:
    engine = JavaScript(workers=2)
    yield engine
    await engine.close()


def functions(engine: JavaScript, *texts: str) -> list[Policy]:
    kind = find("start-balance")
    made = plugins.find("policies", "function")
    return [made(engine, Source(f"function {number}", text), kind) for number, text in enumerate(texts)]


async def test_a_burst_through_an_administrators_function_is_spread_too(javascript: JavaScript) -> None:
    made = balance(*(record(f"s{number}") for number in range(20)))
    chain = functions(javascript, "input => input.servers.sort((a, b) => a.sessions - b.sessions)[0].serverId")
    found = await asyncio.gather(*(made.choose(chain, START, {}, f"id{number}") for number in range(100)))
    assert set(Counter(decision.server_id for decision in found).values()) == {5}


async def test_functions_and_policies_follow_one_another(javascript: JavaScript) -> None:
    records = [
        record("a", staticData={"gpu": True}, sessions=5),
        record("b"),
        record("c", staticData={"gpu": True}, sessions=2),
    ]
    made = balance(*records)
    gpu = functions(
        javascript, "i => { console.log('looked'); return i.servers.filter(s => (s.staticData || {}).gpu) }"
    )
    decision = await made.choose([*gpu, plugins.find("policies", "fewest_sessions")()], START, {})
    assert decision.server_id == "c"
    assert decision.steps[0].log == ("looked",)
    assert {row["serverId"]: row["figure"] for row in decision.rows()} == {"a": 5, "b": None, "c": 2}
    back = await made.choose(
        [plugins.find("policies", "get_gpu")(), *functions(javascript, "i => i.servers[1].serverId")], START, {}
    )
    assert back.server_id == "c"
    scored = functions(
        javascript,
        "i => i.servers.map(s => ({ ...s, score: s.sessions * 2 }))",
        "i => null",
        "i => i.servers.sort((a, b) => b.score - a.score)[0].serverId",
    )
    assert (await made.choose(scored, START, {})).server_id == "a"


CHAINS = {
    "an array, its order and nothing": (
        "i => i.servers.filter(s => s.sessions)", "i => i.servers.sort((a, b) => b.sessions - a.sessions)", "i => null",
        "i => { console.log(i.servers.length); return i.servers[1].serverId }",
    ),
    "nothing first": ("() => {}", "async i => i.servers.slice(1)", "i => ''", "i => i.servers[0].serverId"),
    "changed documents": (
        "i => i.servers.map(s => ({ ...s, score: s.sessions }))", "i => { i.servers[0].score = 9; return i.servers }",
        "i => i.servers.filter(s => s.score === 9)", "i => i.servers[0].serverId",
    ),
    "a string before the end": ("i => i.servers[2].serverId", "() => { throw 'never asked' }"),
    "none left": ("i => i.servers.filter(s => s.sessions > 99)", "() => { throw 'never asked' }"),
    "a throw": ("i => i.servers.slice(1)", "() => { console.log('looked'); throw 'no' }", "i => i.servers[0].serverId"),
    "no server": ("i => i.servers", "i => [1]", "i => i.servers[0].serverId"),
    "chance": ("i => i.servers.filter(s => Math.random() < .8)", "i => Math.random() < .5 && i.servers[0].serverId",
               "i => i.servers[Math.floor(Math.random() * i.servers.length)].serverId"),
    "no end": ("i => i.servers", "i => i.servers.slice(1)"),
}  # fmt: skip


ENDLESS = (
    "i => { while (i.isAdmin); return i.servers }",
    # the engine looks at its clock between two steps alone
    "i => { const b = new Uint8Array(1 << 25); while (i.isAdmin) b.fill(1); return i.servers }",
)


@pytest.mark.parametrize("texts", CHAINS.values(), ids=CHAINS)
async def test_functions_that_are_made_in_one_go_decide_as_each_alone(javascript: JavaScript, texts: list[str]) -> None:
    made = balance(*(record(name, sessions=count) for count, name in enumerate("abcde")))
    chain = functions(javascript, *texts)
    # the first time each is new to the engine, and is asked alone
    decisions = [await made.choose(chain, START, {"isAdmin": False}, seed=5) for _ in range(4)]
    told = []
    for decision in decisions:
        document = decision.document()
        for step in document["steps"]:
            step.pop("took")
        told.append(document)
    assert told[0] == told[1] == told[2] == told[3]


@pytest.mark.parametrize("text", ENDLESS)
async def test_of_functions_made_in_one_go_the_one_that_does_not_end_is_named(
    javascript: JavaScript, text: str
) -> None:
    made = balance(*ABC)
    chain = functions(javascript, "i => i.servers", text, "i => i.servers[0].serverId")
    for _ in range(4):
        assert (await made.choose(chain, START, {"isAdmin": False})).server_id == "a"
    decision = await made.choose(chain, START, {"isAdmin": True})
    assert isinstance(decision.error, FunctionFailed)
    assert "function 1 took longer" in str(decision.error)
    assert [step.name for step in decision.steps] == ["function 0", "function 1"]
    assert (await made.choose(chain, START, {"isAdmin": False})).server_id == "a"


async def test_a_function_is_given_nothing_of_the_one_before_but_its_servers(javascript: JavaScript) -> None:
    made = balance(*ABC)
    look = """i => i.servers.leak === undefined && i.servers[0].leak === undefined && i.mine === undefined &&
      typeof leak === 'undefined' && i.servers.slice().length === 3 && i.servers[0].serverId"""
    for text in (
        "i => { i.mine = 1; leak = 1; const l = i.servers; l.leak = 1; return l }",
        "i => { const l = i.servers; l.slice = () => ['leak']; return l }",
        "i => { const l = i.servers; l.constructor = { [Symbol.species]: Object }; return l }",
        "i => new Proxy(i.servers, { get: (t, k) => k === 'leak' ? 1 : t[k] })",
        "i => i.servers.map(s => ({ ...s, get leak() { return undefined }, toJSON: undefined }))",
        "i => i.servers.map(s => Object.create(s, { leak: { value: 1 } }))",
        "async i => { const l = i.servers; (async () => { for (let n = 9; n--;) await 0; l.length = 1 })(); return l }",
    ):
        chain = functions(javascript, text, "() => {}", look)
        for _ in range(4):
            decision = await made.choose(chain, START, {})
            assert decision.server_id == "a", (text, decision.error)


async def test_a_functions_errors_end_the_chain(javascript: JavaScript) -> None:
    made = balance(*ABC)
    for text, kind, said in (
        ("i => { throw 'All GPU servers are in use' }", FunctionThrew, "All GPU servers are in use"),
        ("i => 42", FunctionFailed, "returned the number 42"),
        ("i => [{ serverId: 'nowhere' }]", FunctionFailed, "'nowhere'"),
        ("i => ['a']", FunctionFailed, "lement 0"),
        ("i => []", NoServerFits, "left none of 3 servers"),
        ("i => i.servers", NoServerFits, "3 servers left"),
    ):
        decision = await made.choose(functions(javascript, text), START, {})
        assert isinstance(decision.error, kind)
        assert said in str(decision.error)


class TestPlaced:
    def setup_method(self) -> None:
        self.clock = Hands()
        self.roster = Roster()
        self.placed = Placed(self.roster, self.clock)
        self.placed.record(record("a", sessions=3, pending=1))

    def seen(self) -> tuple[int, int]:
        document = self.roster.document(0)
        return document["sessions"], document["pending"]

    def report(self, sessions: int, pending: int) -> None:
        self.clock.at += 1
        self.placed.record(record("a", sessions=sessions, pending=pending, updated=self.clock.at))

    def test_a_session_counts_once_from_its_placing_to_its_record(self) -> None:
        self.placed.place("x", "a")
        assert self.seen() == (4, 1)
        self.report(3, 1)  # a record that does not know of it
        assert self.seen() == (4, 1)
        self.placed.arrived("x")
        self.report(3, 2)  # it is the second that is pending
        assert self.seen() == (4, 1)
        self.placed.running("x")
        self.report(4, 1)
        assert self.seen() == (4, 1)
        self.report(3, 1)  # it ended
        assert self.seen() == (3, 1)

    def test_one_that_failed_counts_no_more(self) -> None:
        self.placed.place("x", "a")
        self.placed.gone("x")
        assert self.seen() == (3, 1)

    def test_one_that_never_comes_up_is_forgotten(self) -> None:
        self.placed.place("x", "a")
        self.clock.at += FORGET
        self.report(3, 1)
        assert self.seen() == (3, 1)

    def test_free_memory_is_less_by_what_it_will_take(self) -> None:
        before = self.roster.document(0)["freemem"]
        self.placed.place("x", "a")
        assert self.roster.document(0)["freemem"] < before
        assert self.roster.document(0)["lastPlaced"] == self.clock.at

    def test_a_server_that_leaves_takes_its_sessions_with_it(self) -> None:
        self.placed.place("x", "a")
        self.placed.leave("a")
        assert self.roster.slots() == []
        self.placed.record(record("a"))
        assert self.seen() == (0, 0)
