"""Replays against what can be reckoned by hand."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from portcall import plugins
from portcall.cluster import query
from portcall.errors import FunctionThrew
from portcall.policies.base import Policy, Question, Verdict
from portcall.simulate.figures import Outcome, gini, imbalance, percentile
from portcall.simulate.replay import Replay, Rules
from portcall.simulate.servers import GIB, Server, fresh, make_up
from portcall.simulate.start import MIB, Start


def replay(
    starts: list[Start], servers: list[Server], *chain: str | Policy, prefilter: Any = None, **rules: Any
) -> Outcome:
    steps = [plugins.find("policies", step)() if isinstance(step, str) else step for step in chain]
    return asyncio.run(Replay("chain", steps, prefilter, servers, Rules(**rules)).run(starts))


def starts(count: int, every: float = 0.01, **members: Any) -> list[Start]:
    return [Start(f"s{number}", number * every, **members) for number in range(count)]


def test_a_storm_is_spread_evenly_although_no_record_came_meanwhile() -> None:
    servers = make_up(20)
    outcome = replay(starts(200), servers, "fewest_sessions", update=30)
    assert {server.count for server in servers} == {10}
    assert (len(outcome.waits), outcome.waits[0], outcome.full) == (200, 0, 0)


def test_sessions_end_and_their_memory_comes_back() -> None:
    servers = make_up(1, [GIB])
    outcome = replay(starts(10, 100.0, duration=50.0, memory=GIB), servers, "fewest_sessions")
    assert outcome.figures()["placed"] == 10
    assert outcome.figures()["waited"] == 0


def test_who_finds_every_server_full_waits_until_there_is_room() -> None:
    outcome = replay(starts(2, duration=60.0, memory=GIB), make_up(1, [GIB]), "fewest_sessions", retry=10, patience=300)
    # the first runs from 2 s to 62 s; the second is tried again at 70 s
    assert outcome.waits == [0, pytest.approx(70)]
    assert outcome.full == 7
    assert max(sample.waiting for sample in outcome.samples) <= 1


def test_patience_ends_and_the_refusal_says_why() -> None:
    outcome = replay(starts(2, duration=600.0, memory=GIB), make_up(1, [GIB]), "fewest_sessions", patience=60)
    assert (len(outcome.waits), dict(outcome.refused)) == (1, {"the chosen server was full": 1})


def test_at_most_so_many_sessions_run_on_a_server() -> None:
    servers = make_up(2, most=3)
    outcome = replay(starts(10), servers, "fewest_sessions", patience=0)
    assert [server.count for server in servers] == [3, 3]
    assert outcome.figures()["refused"] == 4


def test_a_chain_that_leaves_no_server_is_tried_again_and_then_refused() -> None:
    wants = starts(4, params={"gpu": "yes"})
    assert replay(wants, make_up(4), "needs_gpu", "fewest_sessions").figures()["placed"] == 4
    outcome = replay(wants, fresh(make_up(4)[1:]), "needs_gpu", "fewest_sessions", patience=0)
    assert dict(outcome.refused) == {"no server fits": 4}


class Refuses(Policy):
    name = title = "refuses"
    help = javascript = ""

    def decide(self, question: Question) -> Verdict:
        raise FunctionThrew("Not today.")


def test_what_a_function_threw_refuses_at_once() -> None:
    assert dict(replay(starts(3), make_up(1), Refuses()).refused) == {"Not today.": 3}


def test_a_prefilter_leaves_servers_out() -> None:
    servers = make_up(8)
    replay(starts(8), servers, "fewest_sessions",
           prefilter=lambda document: query.fits(document, {"staticData.gpu": True}))  # fmt: skip
    assert [server.count for server in servers] == [4, 0, 0, 0, 4, 0, 0, 0]


def test_the_same_seed_gives_the_same_figures() -> None:
    def once(seed: int) -> list[Any]:
        outcome = replay(starts(300, 5.0, memory=700 * MIB), make_up(10), "random_server", seed=seed)
        return outcome.samples

    assert once(1) == once(1) != once(2)


def test_figures_of_imbalance() -> None:
    assert imbalance([1, 1, 1, 1]) == (0, 0, 0)
    assert gini([0, 0, 0, 4]) == pytest.approx(0.75)
    assert imbalance([0, 2])[:2] == (2, 1)
    assert gini([0, 0]) == 0
    assert (percentile([], 0.5), percentile([3, 1, 2], 0.5), percentile([3, 1, 2], 1.0)) == (0, 2, 3)
