"""``portcall launcher``: without a server, and without running anything."""

from __future__ import annotations

import json
import os
import pwd
from pathlib import Path
from typing import Any

import pytest

from portcall.model import codec
from tests.cli.conftest import Portcall
from tests.client.stand_in import ID, StandIn, served

ME = pwd.getpwuid(os.getuid()).pw_name


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration with a script that would leave a mark if it ran."""
    config = tmp_path / "config"
    (config / "launchers/mine").mkdir(parents=True)
    for path in (tmp_path / "launch", config / "launchers/mine/start", config / "launchers/mine/status"):
        path.write_text(f"#!/bin/sh\ntouch {tmp_path}/it-ran\n")
        path.chmod(0o755)
    (config / "launchers/mine/launcher.toml").write_text('title = "Our farm"\noptions = ["queue", "time"]\n')
    (config / "fastx.env").write_text(f"LAUNCHER_SCRIPT={tmp_path}/launch\nLAUNCHER_ARGS=--a,--b\n")
    monkeypatch.setenv("FX_CONFIG_DIR", str(config))
    monkeypatch.setenv("FX_VAR_DIR", str(tmp_path / "var"))
    for name in ("LAUNCHER_SCRIPT", "LAUNCHER_ARGS", "LAUNCH_AS_CURRENT_USER", "WEBLINK_PORT"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def start_file(folder: Path, **members: Any) -> str:
    path = folder / "start.json"
    path.write_text(json.dumps({"command": "xterm", **members}))
    return str(path)


def test_the_list_has_ours_and_the_sites_own(site: Path, portcall: Portcall) -> None:
    rows = {row["name"]: row for row in portcall("launcher", "list", "--json").json}
    assert {"direct", "template", "custom", "mine"} <= set(rows)
    assert [name for name, row in rows.items() if row["own"]] == ["mine"]
    assert [name for name, row in rows.items() if row["default"]] == ["direct"]
    assert [option["name"] for option in rows["mine"]["options"]] == ["queue", "time"]
    (site / "config/launchers/Bad-Name").mkdir()
    listed = portcall("launcher", "list")
    assert "Our farm" in listed.out
    assert "Bad-Name is not used: a name is of a-z" in listed.err


def test_a_launcher_that_cannot_be_read_is_listed_with_the_reason(site: Path, portcall: Portcall) -> None:
    (site / "config/launchers/mine/launcher.toml").write_text("colour = 1\n")
    rows = {row["name"]: row for row in portcall("launcher", "list", "--json").json}
    assert "colour" in rows["mine"]["problem"]
    assert portcall("launcher", "dry", "mine").code == 1


def test_dry_prints_the_invocation_and_runs_nothing(site: Path, portcall: Portcall) -> None:
    ran = portcall("launcher", "dry", "custom", "--start", start_file(site, name="it's", params={"a": "$(id)"}))
    assert ran.code == 0, ran.err
    assert set(ran.json) >= {"argv", "stdin", "env", "user"}
    assert ran.json["argv"] == [f"{site}/launch", "--a", "--b"]
    document = json.loads(ran.json["stdin"])
    assert (document["login"], document["start"]["name"], document["start"]["params"]) == (ME, "it's", {"a": "$(id)"})
    assert document["start"]["signature"] == "SIGNATURE"
    assert ran.json["env"]["PYTHONPATH"] == f"{document['rootDir']}/scripts"
    assert ran.json["user"] == ME
    assert not (site / "it-ran").exists()
    assert not (site / "var").exists()


def test_dry_of_ones_own_launcher_has_its_options(site: Path, portcall: Portcall) -> None:
    ran = portcall("launcher", "dry", "mine", "--start", start_file(site, options={"time": "2:00:00"}))
    assert ran.json["argv"] == [f"{site}/config/launchers/mine/start"]
    assert json.loads(ran.json["stdin"])["options"] == {"time": 7200}
    refused = portcall("launcher", "dry", "mine", "--start", start_file(site, options={"colour": "red"}))
    assert (refused.code, "no option 'colour'" in refused.err) == (1, True)


def test_direct_runs_no_command(site: Path, portcall: Portcall) -> None:
    assert portcall("launcher", "dry", "direct").json["argv"] == []


def test_the_weblink_is_shown_without_its_token(
    site: Path, portcall: Portcall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEBLINK_PORT", "3301")
    document = json.loads(portcall("launcher", "dry", "custom").json["stdin"])
    assert (document["weblink"]["primary"], document["weblink"]["login"]) == ("TOKEN", ME)
    monkeypatch.setenv("LAUNCH_AS_CURRENT_USER", "true")  # the environment is stronger than the file
    assert portcall("launcher", "dry", "custom").json["asService"] is True


def test_a_weblink_port_that_is_none_is_refused_as_by_a_server(
    site: Path, portcall: Portcall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEBLINK_PORT", "abc")
    refused = portcall("launcher", "dry", "custom")
    assert (refused.code, "WEBLINK_PORT: 'abc' is not a port" in refused.err) == (1, True)


def test_the_stdin_of_a_script_is_a_start_too(site: Path, portcall: Portcall) -> None:
    first = portcall("launcher", "dry", "custom", "--start", start_file(site, name="A"))
    (site / "again.json").write_text(first.json["stdin"])
    again = portcall("launcher", "dry", "custom", "--start", str(site / "again.json"))
    assert again.json == first.json


@pytest.mark.parametrize(("text", "said"), [
    ("{", "not JSON"), ("[]", "a start is a JSON object"), ('{"command": ""}', "command: it is needed"),
    ('{"geometry": "huge"}', "geometry"), ('{"login": "no-such-person"}', "no account"), ('{"options": 5}', "options"),
    ('{"command": 5}', "command"),
])  # fmt: skip
def test_a_start_that_cannot_be_right_is_named(site: Path, portcall: Portcall, text: str, said: str) -> None:
    (site / "start.json").write_text(text)
    ran = portcall("launcher", "dry", "custom", "--start", str(site / "start.json"))
    assert (ran.code, ran.out) == (1, "")
    assert said in ran.err


def test_what_is_not_there_is_said(site: Path, portcall: Portcall) -> None:
    for words, said in (
        (["nonesuch"], "there is no launcher 'nonesuch'; there are: "),
        (["custom", "--start", "/nowhere.json"], "/nowhere.json"),
    ):
        ran = portcall("launcher", "dry", *words)
        assert (ran.code, ran.out) == (1, "")
        assert said in ran.err
    (site / "config/fastx.env").write_text("")
    ran = portcall("launcher", "dry", "custom")
    assert ran.code == 1
    assert "Write LAUNCHER_SCRIPT=" in ran.err


def test_dry_shows_a_person_the_lines_as_they_are(site: Path, portcall: Portcall) -> None:
    ran = portcall("launcher", "dry", "slurm", "--text", "--start", start_file(site, name="it's"))
    lines = ran.out.splitlines()
    assert lines[0] == f"Runs as: {ME}"
    assert lines[1].startswith("Command: ")
    assert lines[lines.index("Standard input:") + 1] == "#!/bin/sh"
    assert any(line.startswith("WEBLINK_URL=http://127.0.0.1:3300;") for line in lines), "as a server has it"
    assert "Environment:" in portcall("launcher", "dry", "custom", "--text").out.splitlines()
    assert "the user's link starts the session" in portcall("launcher", "dry", "direct", "--text").out


def test_a_member_that_nobody_looks_at_is_named(site: Path, portcall: Portcall, at: Portcall, place: StandIn) -> None:
    for verb in ("dry", "run"):
        ran = portcall("launcher", verb, "mine", "--start", start_file(site, options={"time": 3}, tmie=3))
        assert (ran.code, ran.out) == (1, "")
        assert "there is no member 'tmie' of a start; there are: command, geometry" in ran.err
    assert "only a server" in portcall("launcher", "dry", "mine", "--start", start_file(site, bookmarkId="b")).err
    assert not place.asked


def test_run_sends_the_options_and_prints_the_session(at: Portcall, site: Path, place: StandIn) -> None:
    session = codec.to_document(place.add(state="pending", message="Submitted as job 1."))
    place.sessions.clear()
    place.starts = [{"stage": "scheduled", "text": "Submitted as job 1.\n", "result": session, "trace": []}]
    ran = at("launcher", "run", "mine", "--start", start_file(site, options={"time": "3:00", "queue": "other"}))
    assert (ran.json["id"], ran.json["state"]) == (ID, "pending")
    assert "Submitted as job 1." in ran.err
    (sent,) = [body for method, path, body in place.asked if path == "/sessions"]
    assert (sent["launcher"], sent["launcherOptions"]) == ("mine", {"time": "3:00", "queue": "other"})


def test_what_was_set_on_the_pages_counts_where_the_server_can_be_asked(
    site: Path, portcall: Portcall, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "no server of this configuration runs here" in portcall("launcher", "list").err
    rows = [
        {"name": "launcher", "value": "mine"},
        {"name": "launcher_options", "value": {"podman": {"set": {"image": "site/x:1"}}}},
    ]
    runtime = site / "runtime"
    runtime.mkdir(mode=0o755)
    monkeypatch.setenv("PORTCALL_RUNTIME_DIR", str(runtime))
    with served(StandIn(peers=True, settings=rows), runtime / "api.sock"):
        listed, dry = portcall("launcher", "list", "--json"), portcall("launcher", "dry", "podman")
    assert (listed.err, [row["name"] for row in listed.json if row["default"]]) == ("", ["mine"])
    assert "site/x:1" in dry.json["argv"]
    assert "launcher_options.podman.set.image" in portcall("launcher", "dry", "podman").err, "as the file has it"


def test_settings_for_which_starts_are_refused_are_told(at: Portcall, place: StandIn) -> None:
    place.settings = [
        {"name": "launcher", "value": "farm", "default": "direct", "help": "how", "live": True, "fixed": "/etc/p.toml",
         "problem": "there is no launcher 'farm'"},
    ]  # fmt: skip
    for words in (["ls"], ["ls", "--changed"], ["get", "launcher"]):
        shown = at("settings", *words)
        assert (shown.code, shown.err) == (0, "portcall: there is no launcher 'farm' (/etc/p.toml)\n")
    assert at("settings", "ls", "--json").json[-1]["problem"] == "there is no launcher 'farm'"
