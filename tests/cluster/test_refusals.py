"""What a person reads when no server fits: for each server what it lacks, and what would fit."""

from __future__ import annotations

from typing import Any

from portcall import plugins
from portcall.clock import Clock
from portcall.cluster.balance import Balance
from portcall.cluster.chain import START
from portcall.cluster.placed import Placed
from portcall.cluster.query import Prefilter
from portcall.errors import FunctionThrew
from portcall.model.roster import Roster
from portcall.policies.base import Passed, Policy, Question, Verdict


def balance(*records: dict[str, Any]) -> Balance:
    roster = Roster()
    made = Balance(Placed(roster, Clock()), roster)
    for one in records:
        made.placed.record({"startsEnabled": True, "sessions": 0, "staticData": {}, **one})
    return made


def refusal(servers: Balance, *policies: str, params: dict[str, Any] | None = None, prefilter: Any = None) -> str:
    chain = [plugins.find("policies", name)() for name in policies]
    decision = servers.choose_now(chain, START, {"data": {"params": params or {}}}, prefilter=prefilter)
    return str(decision.error)


def test_each_server_is_named_with_what_it_lacks_and_its_figure() -> None:
    servers = balance(
        {"serverId": "a", "startsEnabled": False}, {"serverId": "b", "draining": True},
        {"serverId": "c", "staticData": {"vnode": False}},
    )  # fmt: skip
    said = refusal(servers, "filter_vnode", "fewest_sessions")
    for words in ("“starts are enabled” does not hold for a (false).", "“not draining” does not hold for b (true).",
                  "static data has vnode” does not hold for c"):  # fmt: skip
        assert words in said
    assert "What would fit: a server for which holds: " in said


def test_of_many_servers_the_first_are_named_and_the_rest_counted() -> None:
    said = refusal(balance(*({"serverId": f"s{n}", "startsEnabled": False} for n in range(1000))), "fewest_sessions")
    assert "does not hold for s0 (false), s1 (false), s2 (false), s3 (false), s4 (false) and 995 more." in said
    assert len(said) < 400


def test_a_prefilter_is_shown_as_it_is_written() -> None:
    prefilter = Prefilter({"staticData.maintenance": {"$ne": True}})
    said = refusal(balance({"serverId": "a", "staticData": {"maintenance": True}}), prefilter=prefilter)
    assert '“the prefilter {"staticData.maintenance": {"$ne": true}}” does not hold for a.' in said


def test_what_a_function_printed_before_it_threw_is_in_the_trace_and_not_in_the_error() -> None:
    class Prints(Policy):
        name = title = "prints"
        help = javascript = ""

        def decide(self, question: Question) -> Verdict:
            raise FunctionThrew("All GPU servers are in use", log="ann has both\nbob waits")

    decision = balance({"serverId": "a"}).choose_now([Prints()], START, {})
    assert decision.error is not None
    assert "log" not in decision.error.extra
    assert decision.document()["steps"][0]["log"] == ["ann has both", "bob waits"]


def test_a_step_that_is_passed_over_says_why() -> None:
    chain = [Passed("gpu", "passed over: it is switched off"), plugins.find("policies", "fewest_sessions")()]
    decision = balance({"serverId": "a"}).choose_now(chain, START, {})
    assert decision.server_id == "a"
    assert decision.document()["steps"][0]["log"] == ["passed over: it is switched off"]
