"""``portcall function``: without a server."""

# ruff: noqa: E501 - one case, one line

from __future__ import annotations

import json
from pathlib import Path

import pytest

from portcall.model.function import KINDS
from tests.cli.conftest import Portcall

FEWEST = """function(input) {
  console.log("looked at", input.servers.length);
  return input.servers.sort((a, b) => a.sessions - b.sessions)[0].serverId;
}
"""


def write(folder: Path, name: str, text: str, mode: int = 0o644) -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return str(path)


def test_a_function_is_run_on_a_made_up_input(portcall: Portcall, tmp_path: Path) -> None:
    ran = portcall("function", "run", "--kind", "start-balance", write(tmp_path, "fewest.js", FEWEST))
    assert (ran.code, ran.json, ran.err) == (0, "node2", "looked at 3\n")


def test_a_function_is_run_on_an_input_of_ones_own(portcall: Portcall, tmp_path: Path) -> None:
    given = write(tmp_path, "in.json", json.dumps({"servers": [{"serverId": "mine", "sessions": 9}]}))
    ran = portcall("function", "run", "--kind", "start-balance", write(tmp_path, "f.js", FEWEST), "--input", given)
    assert (ran.code, ran.json) == (0, "mine")
    array = write(tmp_path, "all.js", "input => input.servers")
    assert portcall("function", "run", "--kind", "start-balance", array, "--input", given).json[0]["sessions"] == 9


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS])
def test_every_kinds_example_runs(portcall: Portcall, tmp_path: Path, kind: str) -> None:
    example = next(row.example for row in KINDS if row.name == kind)
    ran = portcall("function", "run", "--kind", kind, write(tmp_path, "f.js", example))
    assert ran.code == 0, ran.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("function(input) {\n  return input.a.b.c;\n}", "f.js:2:18: line 2, column 18: TypeError: cannot read property 'b'"),
        ("function(input) {\n  return ‘x’;\n}", "f.js:2:10: line 2, column 10: the curly quote ‘ is not a quote"),
        ("function(input) {\n  throw 'All GPU servers are in use';\n}", "f.js:2:3: line 2, column 3: All GPU servers are in use"),
        ("function(input) {\n  for (;;);\n}", "f.js: took longer than"),  # of the processor, or by the clock
        ("function(input) { return 42; }", "f.js: The start balancing function returned the number 42"),
    ],
)  # fmt: skip
def test_an_error_has_line_and_column_and_exit_code_1(portcall: Portcall, tmp_path: Path, text: str, said: str) -> None:
    ran = portcall("function", "run", "--kind", "start-balance", write(tmp_path, "f.js", text))
    assert (ran.code, ran.out) == (1, "")
    assert said in ran.err.replace(f"{tmp_path}/", "")


def test_the_file_says_which_engine(portcall: Portcall, tmp_path: Path) -> None:
    module = write(tmp_path, "f.py", "def schedule(input):\n    return 'bsub ' + input['start']['command']\n")
    assert portcall("function", "run", "--kind", "schedule", module).json == "bsub xterm -ls"
    program = write(tmp_path, "program", "#!/bin/sh\necho node1\n", 0o755)
    assert portcall("function", "run", "--kind", "start-balance", program).json == "node1"
    neither = write(tmp_path, "text", "hello")
    ran = portcall("function", "run", "--kind", "start-balance", neither)
    assert ran.code == 1
    assert "neither .js nor .py nor executable" in ran.err


def test_nothing_returned_is_null(portcall: Portcall, tmp_path: Path) -> None:
    ran = portcall(
        "function", "run", "--kind", "form-filter", write(tmp_path, "f.js", "async function(input) { return; }")
    )
    assert (ran.code, ran.out) == (0, "null\n")


def test_the_table_of_kinds_is_printed(portcall: Portcall) -> None:
    printed = portcall("function", "kinds", "--json").json
    assert [row["name"] for row in printed] == [kind.name for kind in KINDS]
    for row in printed:
        assert row["input"]
        assert row["returns"]
        assert row["limits"]["cpu"] > 0
        assert all(field["help"] for field in row["input"])
    assert "start-balance" in portcall("function", "kinds").out


def test_an_unknown_kind_is_told_with_those_there_are(portcall: Portcall, tmp_path: Path) -> None:
    ran = portcall("function", "run", "--kind", "balancer", write(tmp_path, "f.js", FEWEST))
    assert ran.code == 3
    assert "form-filter" in ran.err
