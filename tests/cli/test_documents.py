"""What administrators write, from the command line to a real server and back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Portcall
from tests.cli.real import Real, served
from tests.cli.terminal import Terminal

PROJECT = """<div class="form-group"><label for="p">Project</label><input id="p" name="project" required></div>
<label for="m">Memory</label><select id="m" name="minRam" data-type="number"><option value="1">1 GB</option>
<option value="2" selected>2 GB</option></select><input type="hidden" name="site" value="here">"""
EXTRAS = '<label for="e">Run for hours</label><input id="e" name="hours" data-type="number" required>'


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    with served(tmp_path_factory.mktemp("real")) as real:
        yield real


@pytest.fixture
def here(real: Real, portcall: Portcall, monkeypatch: pytest.MonkeyPatch) -> Portcall:
    monkeypatch.setenv("PORTCALL_URL", real.url)
    monkeypatch.setenv("PORTCALL_TOKEN", real.token)
    return portcall


@pytest.fixture
def forms(here: Portcall, tmp_path: Path) -> None:
    (tmp_path / "project.html").write_text(PROJECT)
    (tmp_path / "extras.html").write_text(EXTRAS)
    for name in ("project", "extras"):
        assert here("forms", "put", str(tmp_path / f"{name}.html"), "--set", f"name={name.title()}").code == 0
    bookmark = {"name": "Matlab", "command": "xclock", "forms": ["project", "extras"], "geometry": "800x600",
                "keyboardLayout": "de"}  # fmt: skip
    (tmp_path / "matlab.json").write_text(json.dumps(bookmark))
    put = here("bookmarks", "put", str(tmp_path / "matlab.json"))
    assert put.code == 0, put.err


def test_a_form_is_written_as_html_read_changed_and_had_back(here: Portcall, tmp_path: Path) -> None:
    path = tmp_path / "site.html"
    path.write_text("<p>one</p>")
    assert here("forms", "put", str(path)).code == 0
    assert here("forms", "get", "site", "--text").out == "<p>one</p>\n"
    path.write_text("<p>two</p>")
    assert here("forms", "put", str(path), "--set", "name=Site").code == 0
    assert here("forms", "get", "site").json["name"] == "Site"
    (tmp_path / "before.json").write_text(here("forms", "get", "site", "--version", "1").out)
    assert here("forms", "put", str(tmp_path / "before.json"), "--id", "site").code == 0
    assert here("forms", "get", "site").json["html"] == "<p>one</p>"
    assert len(here("forms", "versions", "site", "--json").json) == 3
    assert "site" in here("forms").out
    assert here("forms", "rm", "site").code == 0
    assert here("forms", "get", "site").code == 3


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(here: Portcall, tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    path.write_text('{"geometry": "800x600"}')
    assert here("profiles", "put", str(path), "--id", "kiosk").code == 0
    path.write_text(here("profiles", "get", "kiosk").out)
    assert here("profiles", "put", str(path)).code == 0
    refused = here("profiles", "put", str(path))
    assert refused.code == 1
    assert "changed" in refused.err
    assert here("profiles", "put", str(path), "--force").code == 0
    assert here("profiles", "ls", "--json").json[0]["name"]


def test_functions_chains_and_static_data(here: Portcall, tmp_path: Path) -> None:
    (tmp_path / "gpu.js").write_text("function(input) { return input.servers; }")
    assert here("functions", "put", str(tmp_path / "gpu.js"), "--set", "kind=start-balance").code == 0
    assert here("functions", "ls", "--json").json[0]["name"] == "gpu"
    (tmp_path / "start.json").write_text('{"steps": ["function:gpu", "fewest_sessions"]}')
    assert here("chains", "put", str(tmp_path / "start.json")).code == 0
    assert "function:gpu, fewest_sessions" in here("chains").out
    (tmp_path / "here.json").write_text('{"gpu": true}')
    assert here("static-data", "put", str(tmp_path / "here.json")).code == 0
    assert here("static-data", "get", "here").json["data"] == {"gpu": True}
    (tmp_path / "gpu.js").write_text("function(input) { return input.servers")
    refused = here("functions", "put", str(tmp_path / "gpu.js"))
    assert refused.code == 1
    assert "line" in refused.err
    started = here("start", "xterm")
    assert started.code == 0, started.err
    explained = here("explain", started.json["id"])
    assert "1. gpu: 1 of 1 left" in explained.out
    assert "2. Fewest Sessions: chose here" in explained.out
    assert "SERVER" in explained.out
    (tmp_path / "start.json").write_text('{"steps": ["fewest_sessions"]}')
    assert here("chains", "put", str(tmp_path / "start.json")).code == 0


def test_permissions_are_shown_and_those_of_a_file_stay(here: Portcall, tmp_path: Path) -> None:
    shown = here("permissions", "get")
    assert "default" in shown.out
    assert "permissions.toml" in shown.out
    (tmp_path / "permissions.json").write_text(here("permissions", "get", "--json").out)
    assert here("permissions", "put", str(tmp_path / "permissions.json")).code == 1


@pytest.mark.usefixtures("forms")
def test_a_bookmark_starts_through_two_forms_in_the_terminal(here: Portcall) -> None:
    program = [sys.executable, "-m", "portcall", "start", "--bookmark", "matlab"]
    with Terminal(program, {**os.environ, "COLUMNS": "200"}) as terminal:
        terminal.wait_for("Project:")
        terminal.type("\n")
        terminal.wait_for("This is needed")
        terminal.type("wing\n")
        terminal.wait_for("Memory [2]")
        terminal.type("7\n")
        terminal.wait_for("One of: 1, 2")
        terminal.type("1\n")
        terminal.wait_for("Run for hours")
        terminal.type("many\n")
        terminal.wait_for("no number")
        terminal.type("2.5\n")
        assert terminal.end() == 0
    sessions = [one for one in here("ls", "--ended", "--json").json if one["command"] == "xclock"]
    assert len(sessions) == 1
    params = sessions[0]["params"]
    assert {name: params[name] for name in ("project", "minRam", "hours", "site")} == {
        "project": "wing", "minRam": 1, "hours": 2.5, "site": "here",
    }  # fmt: skip
    assert params["bookmarkId"] == "matlab"


def test_a_notice_is_shown_in_the_terminal_before_the_start(here: Portcall, tmp_path: Path) -> None:
    (tmp_path / "friday.html").write_text("<p>The servers are down on Friday.</p>")
    assert here("forms", "put", str(tmp_path / "friday.html"), "--set", "name=Attention").code == 0
    (tmp_path / "told.json").write_text('{"name": "Told", "command": "xeyes", "forms": ["friday"]}')
    assert here("bookmarks", "put", str(tmp_path / "told.json")).code == 0
    with Terminal([sys.executable, "-m", "portcall", "start", "--bookmark", "told"], os.environ) as terminal:
        assert terminal.end() == 0
    assert terminal.seen.startswith("Attention\r\nThe servers are down on Friday.\r\n{")
    assert [one["command"] for one in here("ls", "--ended", "--json").json].count("xeyes") == 1


@pytest.mark.usefixtures("forms")
def test_three_forms_and_the_list_of_servers_are_asked_in_the_terminal(
    here: Portcall, real: Real, tmp_path: Path
) -> None:
    (tmp_path / "notes.html").write_text('<label for="n">Remarks</label><textarea id="n" name="notes"></textarea>')
    assert here("forms", "put", str(tmp_path / "notes.html")).code == 0
    (tmp_path / "filter.js").write_text("async function(input) { return input.forms[0] || 'SERVERLIST'; }\n")
    assert here("functions", "put", str(tmp_path / "filter.js"), "--set", "kind=form-filter").code == 0
    (tmp_path / "all.json").write_text('{"name": "All", "command": "xlogo", "forms": ["project", "extras", "notes"]}')
    assert here("bookmarks", "put", str(tmp_path / "all.json")).code == 0
    server_id = here("servers", "--json").json[0]["serverId"]
    program = [sys.executable, "-m", "portcall", "start", "--bookmark", "all"]
    with Terminal(program, {**os.environ, "COLUMNS": "200"}) as terminal:
        for question, answer in (
            ("Project:", "wing"), ("Memory [2]", "1"), ("Run for hours", "2.5"), ("Remarks", "none"),
            ("Choose a server", ""), (f"Server [{server_id}]", ""),
        ):  # fmt: skip
            terminal.wait_for(question)
            if question != "Choose a server":
                terminal.type(f"{answer}\n")
        assert terminal.end() == 0
    refused = here("functions", "rm", "filter")
    assert refused.code == 1
    assert "used by starts (as form filter): they would go on without it. --force" in refused.err
    assert here("functions", "rm", "filter", "--force").code == 0
    (session,) = [one for one in here("ls", "--ended", "--json").json if one["command"] == "xlogo"]
    names = ("project", "minRam", "hours", "notes", "serverId", "bookmarkId")
    assert [session["params"][name] for name in names] == ["wing", 1, 2.5, "none", server_id, "all"]
    assert session["serverId"] == server_id


@pytest.mark.usefixtures("forms")
def test_without_a_terminal_the_error_says_what_to_give_and_that_starts(here: Portcall) -> None:
    refused = here("start", "--bookmark", "matlab")
    assert refused.code == 1
    assert "'Project'" in refused.err
    assert "Missing: project" in refused.err
    assert "--param project=VALUE" in refused.err
    refused = here("start", "--bookmark", "matlab", "--param", "project=wing", "--param", "minRam=9")
    assert "not one of the choices" in refused.err
    refused = here("start", "--bookmark", "matlab", "--param", "project=wing")
    assert "--param hours=NUMBER" in refused.err
    started = here("start", "--bookmark", "matlab", "--param", "project=wing", "--param", "hours=3")
    assert started.code == 0, started.err
    assert started.json["params"]["hours"] == 3
    assert (started.json["keyboardLayout"], started.json["geometry"]) == ("de", "800x600")


@pytest.mark.usefixtures("forms")
def test_bookmarks_are_listed_and_complete(here: Portcall) -> None:
    assert "matlab" in here("bookmarks").out
    words = {"_PORTCALL_COMPLETE": "bash_complete", "COMP_WORDS": "portcall bookmarks get m", "COMP_CWORD": "3"}
    program = [str(Path(sys.executable).parent / "portcall")]
    done = subprocess.run(program, env={**os.environ, **words}, capture_output=True, text=True, check=True)
    assert "matlab" in done.stdout


def test_the_profiles_that_one_may_choose_complete(here: Portcall, tmp_path: Path) -> None:
    for name, document in {"kiosk-open": {"description": "Open"}, "kiosk-hidden": {"hidden": True}}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
        assert here("profiles", "put", str(tmp_path / f"{name}.json")).code == 0
    words = {"_PORTCALL_COMPLETE": "bash_complete", "COMP_WORDS": "portcall start --profile kiosk", "COMP_CWORD": "3"}
    program = [str(Path(sys.executable).parent / "portcall")]
    done = subprocess.run(program, env={**os.environ, **words}, capture_output=True, text=True, check=True)
    assert "kiosk-open" in done.stdout
    assert "kiosk-hidden" not in done.stdout
    assert "kiosk-hidden" not in here("profiles").out
    assert "kiosk-hidden" in here("profiles", "ls", "--all").out
    refused = here("start", "--profile", "kiosk-hidden", "xterm")
    assert "is for bookmarks alone" in refused.err


def test_what_the_server_recorded_is_played_on_its_servers(here: Portcall) -> None:
    assert here("start", "xterm").code == 0
    assert here("start", "--profile", "nonesuch", "xterm").code != 0
    played = here("simulate", "--recorded", "--chain", "fewest_sessions", "--json")
    assert played.code == 0, played.err
    assert played.json["servers"] == 1
    assert played.json["starts"] >= 2
    assert played.json["chains"][0]["figures"]["placed"] == played.json["starts"]
