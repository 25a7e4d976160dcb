"""What the how-to pages about functions, launchers and simulations claim."""

from __future__ import annotations

import json
import re
from pathlib import Path

from portcall import plugins
from portcall.config import load
from portcall.model import dotenv
from portcall.model.function import BY_NAME
from portcall.model.launch import Weblink
from portcall.model.option import COMMON, read_all
from portcall.model.script import script_input
from portcall.testing.contracts.launcher import host, order
from tests.cli.conftest import Portcall, portcall  # noqa: F401
from tests.installation import TOP

FUNCTIONS = (TOP / "docs/howto/functions.md").read_text()
LAUNCHERS = (TOP / "docs/howto/launchers.md").read_text()


def test_the_page_on_functions_names_every_shipped_step() -> None:
    for name in plugins.names("policies"):
        assert f"| `{name}` |" in FUNCTIONS or name == "function"


def test_the_page_on_launchers_names_every_shipped_one_every_option_and_every_member_of_stdin() -> None:
    for name in plugins.names("launchers"):
        assert f"`{name}`" in LAUNCHERS
    for option in COMMON:
        assert f"| `{option.name}` |" in LAUNCHERS
    found = re.search(r"Standard input:\n\n```json\n(.*?)```", LAUNCHERS, re.DOTALL)
    assert found is not None
    shown = json.loads(found.group(1))
    link = Weblink("https://here.example", "token", "ann")
    given = script_input(order(), host(weblink=link, settings={"WEBLINK_PORT": "3301"}))
    assert list(shown) == list(given)
    assert set(shown["weblink"]) == set(given["weblink"])
    assert set(shown["start"]) <= set(given["start"])


def test_the_page_on_weblinks_explains_every_variable_that_a_person_sets_or_hands_on() -> None:
    page = (TOP / "docs/howto/weblinks.md").read_text()
    source = "".join(path.read_text() for path in (TOP / "src/portcall").rglob("*.py"))
    ours = {"WEBLINK_HOST_ID", "WEBLINK_SOCKET"}  # by jobScript, for a session that is on the server's host after all
    for name in set(re.findall(r'"(WEBLINK_[A-Z_]+[A-Z])"', source)) - ours:
        assert f"| `{name}` |" in page


def test_the_settings_of_the_page_on_launchers_are_settings(tmp_path: Path) -> None:
    found = re.search(r"```toml\n(launcher = .*?)```", LAUNCHERS, re.DOTALL)
    assert found is not None
    (tmp_path / "portcall.toml").write_text(found.group(1))
    options = load(environment={"FX_CONFIG_DIR": str(tmp_path)})["launcher_options"]["slurm"]
    assert read_all(COMMON, options["set"]) == {"queue": "interactive", "time": 8 * 3600}
    assert set(read_all(COMMON, options["maximum"])) == {"time", "cores", "memory"}
    variables = re.search(r"```sh\n(LAUNCHER_SCRIPT.*?)```", LAUNCHERS, re.DOTALL)
    assert variables is not None
    assert dotenv.values(variables.group(1))["LAUNCHER_ARGS"] == "--arg1,--arg2"


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
