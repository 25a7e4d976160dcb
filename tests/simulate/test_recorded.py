from __future__ import annotations

import json
from pathlib import Path

import pytest

from portcall.errors import InvalidValue
from portcall.simulate.recorded import read
from portcall.simulate.start import MEMORY

SESSION = {"id": "a", "serverId": "s", "login": "ann", "command": "xterm", "created": 100.0, "started": 101.0,
           "ended": 401.0, "memory": 2**30, "params": {"gpu": "yes"}}  # fmt: skip
LIVE = {"id": "b", "login": "bob", "command": "xclock", "created": 50.0, "started": 51.0, "memory": 0}
TRACE = {"id": "c", "login": "cy", "at": 70.0, "outcome": "refused", "steps": []}
PLAIN = {"at": 10, "login": "dee", "duration": 60, "memory": 5_000_000, "groups": ["staff"], "params": {"a": 1}}


def test_sessions_traces_and_plain_starts_are_read_from_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "starts.jsonl"
    seen_again = {**TRACE, "id": "a"}
    form = {**TRACE, "id": "d", "outcome": "form"}
    lines = [SESSION, LIVE, TRACE, seen_again, form, PLAIN, {"what": "else"}]
    path.write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    starts, unusable = read(path)
    assert [(start.login, start.at) for start in starts] == [("dee", 10), ("bob", 50), ("cy", 70), ("ann", 100)]
    dee, bob, cy, ann = starts
    assert (ann.duration, ann.memory, ann.params) == (300, 2**30, {"gpu": "yes"})
    assert (dee.groups, dee.duration, dee.params) == (("staff",), 60, {"a": 1})
    assert (bob.memory, bob.command) == (MEMORY, "xclock")
    assert bob.duration == cy.duration == 300  # the median of what is known
    assert unusable == 2


def test_the_list_of_sessions_as_the_command_line_prints_it(tmp_path: Path) -> None:
    path = tmp_path / "ls.json"
    path.write_text(json.dumps([SESSION, LIVE], indent=2))
    assert [start.id for start in read(path)[0]] == ["b", "a"]


@pytest.mark.parametrize(("text", "words"), [("{}\n{", ":2: not JSON"), ("[1", "not JSON"), ("3\n", ":1: an object")])
def test_what_cannot_be_read_is_named_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "x.jsonl").write_text(text)
    with pytest.raises(InvalidValue, match=words):
        read(tmp_path / "x.jsonl")


def test_a_trace_in_the_standard_workload_format(tmp_path: Path) -> None:
    path = tmp_path / "cluster.swf"
    path.write_text(
        "; Version: 2.2\n; UnixStartTime: 0\n"
        "1 0 5 300 4 -1 1024 4 600 2048 1 3 2 1 7 1 -1 -1\n"
        "2 10 -1 -1 -1 -1 -1 8 60 -1 0 4 2 1 -1 1 -1 -1\n"
        "3 20 -1 -1 -1 -1 -1 1 -1 -1 5 4 2 1 7 1 -1 -1\n"
        "4 20 rubbish\n"
    )
    (one, two), unusable = read(path)
    assert (one.at, one.duration, one.memory, one.login) == (0, 300, 2048 * 1024 * 4, "user3")
    assert (one.groups, one.params, one.cpus) == (("group2",), {"queue": "7"}, 4)
    assert (two.at, two.duration, two.memory, two.cpus) == (10, 60, MEMORY, 8)
    assert unusable == 2
