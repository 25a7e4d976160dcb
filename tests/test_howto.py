"""What the how-to pages about functions and simulations claim."""

from __future__ import annotations

import json
import re
from pathlib import Path

from portcall import plugins
from portcall.model.function import BY_NAME
from tests.cli.conftest import Portcall, portcall  # noqa: F401
from tests.installation import TOP

FUNCTIONS = (TOP / "docs/howto/functions.md").read_text()


def test_the_page_on_functions_names_every_shipped_step() -> None:
    for name in plugins.names("policies"):
        assert f"| `{name}` |" in FUNCTIONS or name == "function"


def test_the_first_function_of_the_page_runs(tmp_path: Path, portcall: Portcall) -> None:  # noqa: F811
    found = re.search(r"```js\n(.*?)```", FUNCTIONS, re.DOTALL)
    assert found is not None
    (tmp_path / "gpu.js").write_text(found.group(1))
    given = {"data": {"params": {"gpu": "yes"}}, "servers": [
        {"serverId": "a", "staticData": {}}, {"serverId": "b", "staticData": {"gpu": True}},
    ]}  # fmt: skip
    (tmp_path / "start.json").write_text(json.dumps(given))
    assert BY_NAME["start-balance"].servers
    ran = portcall("function", "run", "--kind", "start-balance", str(tmp_path / "gpu.js"), "--input",
                   str(tmp_path / "start.json"))  # fmt: skip
    assert [one["serverId"] for one in ran.json] == ["b"]


def test_chains_of_policies_and_function_files_are_compared_side_by_side(tmp_path: Path, portcall: Portcall) -> None:  # noqa: F811
    (tmp_path / "mine.js").write_text("function(input) { return input.servers.filter(s => s.staticData.gpu); }")
    (tmp_path / "start.json").write_text(
        '{"name": "ours", "steps": ["mine.js", "fewest_sessions"], "prefilter": {"serverId": {"$ne": "s00000"}}}'
    )
    plot = tmp_path / "out.svg"
    options = ["simulate", "--servers", "8", "--starts", "40", "--chain", "fewest_sessions", "--chain",
               f"@{tmp_path / 'start.json'}", "--plot", str(plot)]  # fmt: skip
    ran = portcall(*options, "--json")
    assert ran.code == 0, ran.err
    first, second = ran.json["chains"]
    assert (first["chain"], second["chain"]) == ("fewest_sessions", "ours")
    assert second["figures"]["placed"] == 40
    # all of them on the one server with a GPU that the prefilter leaves
    assert second["figures"]["sessions max-min p95"] > first["figures"]["sessions max-min p95"]
    assert plot.read_text().startswith("<svg")
    shown = portcall(*options)
    assert shown.out.splitlines()[0].split() == ["fewest_sessions", "ours"]
    assert "sessions that run" in shown.out


def test_what_cannot_be_simulated_is_said(tmp_path: Path, portcall: Portcall) -> None:  # noqa: F811
    for words, said in (
        (["--chain", "nonesuch"], "there is no policy 'nonesuch'"),
        (["--chain", "./gone.js"], "no such file"),
        (["--chain", "@gone.json"], "gone.json"),
        (["--servers", "20000"], "1 to 10000"),
        (["--rate", "often"], "a rate such as"),
        (["--duration", "gamma:1h"], "lognormal"),
    ):
        refused = portcall("simulate", "--starts", "5", *words)
        assert refused.code == 1
        assert said in refused.err
    (tmp_path / "bad.js").write_text("function(input) { return ")
    refused = portcall("simulate", "--starts", "5", "--chain", str(tmp_path / "bad.js"))
    assert refused.code == 1
    assert "line" in refused.err
