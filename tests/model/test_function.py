"""Every kind of return for every kind of function, and what the table says of itself."""

from __future__ import annotations

import math
from typing import Any

import pytest

from portcall.errors import FunctionFailed, NotFound
from portcall.model.function import (
    KINDS,
    Candidates,
    Changed,
    Chosen,
    Continue,
    Launch,
    Measured,
    Outcome,
    ShowForm,
    ShowServerList,
    Template,
    find,
    read_result,
)
from portcall.model.function_sample import sample
from portcall.model.roster import Picked

FALSY: list[Any] = [None, False, 0, 0.0, "", math.nan]
SERVERS = [{"serverId": "a"}, {"serverId": "b"}]
EVENTS = ["start-event", "schedule-event", "event"]
BALANCE = ["login-balance", "start-balance"]

MEANT: list[tuple[str, Any, Outcome]] = [
    ("form-filter", {"name": "ram"}, ShowForm({"name": "ram"})),
    ("form-filter", "SERVERLIST", ShowServerList()),
    ("form-filter", {}, ShowForm({})),
    ("server-list", SERVERS, Candidates(Picked(SERVERS))),
    ("server-list", [], Candidates(Picked())),
    ("schedule", "bsub ${ start.command }", Template("bsub ${ start.command }")),
    ("schedule", {"launcher": "slurm", "options": {"queue": "q"}}, Launch("slurm", {"queue": "q"})),
    ("schedule", {"launcher": "slurm"}, Launch("slurm", {})),
    *[(kind, {"action": "x", "data": {"command": "ls"}}, Changed({"command": "ls"})) for kind in EVENTS],
    *[(kind, {"command": "ls"}, Changed({"command": "ls"})) for kind in EVENTS],
    *[(kind, "node1", Chosen("node1")) for kind in BALANCE],
    *[(kind, SERVERS, Candidates(Picked(SERVERS))) for kind in BALANCE],
    *[(kind, [], Candidates(Picked())) for kind in BALANCE],
    *[("metric", value, Measured(value)) for value in (3, 0, False, None, "x", {"a": 1}, [1], 2.5)],
    ("metric", math.nan, Measured(None)),
]


@pytest.mark.parametrize(("kind", "value", "outcome"), MEANT)
def test_a_return_means_what_the_guides_say(kind: str, value: Any, outcome: Outcome) -> None:
    assert read_result(find(kind), value) == outcome


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS if kind.name != "metric"])
@pytest.mark.parametrize("value", FALSY)
def test_falsy_goes_on(kind: str, value: Any) -> None:
    assert read_result(find(kind), value) == Continue()


WRONG: dict[str, list[Any]] = {
    "form-filter": ["serverlist", "‘SERVERLIST’", "other", 1, True, [], SERVERS],
    "server-list": ["node1", 1, True, {}, ["a"], [1], [None], [{}], [{"serverId": 1}]],
    "schedule": [1, True, [], {}, {"launcher": ""}, {"launcher": 1}, {"launcher": "a", "options": []}],
    "start-balance": [1, True, {}, {"serverId": "a"}, ["a"], [1], [{}]],
    "login-balance": [1, True, {}, ["a"]],
    **{kind: ["x", 1, True, [], {"data": 1}, {"data": []}] for kind in EVENTS},
}


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, values in WRONG.items() for value in values])
def test_what_makes_no_sense_is_told_with_what_may_be_returned(kind: str, value: Any) -> None:
    with pytest.raises(FunctionFailed) as caught:
        read_result(find(kind), value)
    assert caught.value.extra["cause"] == "result"
    assert "may return: " in str(caught.value)
    assert find(kind).title.lower() in str(caught.value)


def test_curly_quotes_around_serverlist_are_explained() -> None:
    with pytest.raises(FunctionFailed, match="exactly so"):
        read_result(find("form-filter"), "‘SERVERLIST’")


def test_there_are_nine_kinds_each_with_all_there_is_to_say() -> None:
    assert [kind.name for kind in KINDS] == [
        "form-filter", "server-list", "schedule", "start-event", "schedule-event", "login-balance", "start-balance",
        "metric", "event",
    ]  # fmt: skip
    for kind in KINDS:
        assert kind.title
        assert kind.help.endswith(".")
        assert kind.returns
        assert all(field.help and field.type for field in kind.input)
        assert set(sample(kind)) == set(kind.names)


def test_a_title_names_a_kind_too() -> None:
    assert all(find(kind.title) is kind for kind in KINDS)


@pytest.mark.parametrize("name", ["form-filter", "form_filter", "formFilter", "Form filter", "FORM-FILTER"])
def test_a_kind_is_found_by_any_spelling(name: str) -> None:
    assert find(name).name == "form-filter"


def test_an_unknown_kind_is_answered_with_those_there_are() -> None:
    with pytest.raises(NotFound, match="start-balance"):
        find("balancer")


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("form-filter", {"data", "user", "isAdmin", "isManager", "userGroups", "forms"}),
        ("server-list", {"data", "user", "servers", "isAdmin", "isManager", "userGroups"}),
        ("schedule", {"user", "admin", "start"}),
        ("start-balance", {"action", "user", "userGroups", "isManager", "isAdmin", "local", "servers", "data"}),
        ("login-balance", {"action", "user", "userGroups", "isManager", "isAdmin", "local", "servers", "data"}),
    ],
)
def test_inputs_are_those_of_the_guides_field_for_field(kind: str, fields: set[str]) -> None:
    assert set(find(kind).names) == fields
