"""Commands on sessions, against a server shaped by the contract."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from portcall.cli.main import _refused
from portcall.errors import StartFailed
from portcall.model.job import Job
from tests.cli.conftest import Portcall
from tests.client.stand_in import ID, OTHER, StandIn


def test_sessions_are_listed_in_columns_that_programs_can_count(at: Portcall, place: StandIn) -> None:
    place.add(name="wing run 12")
    place.add(id=OTHER, state="ended", created=2e9)
    shown = at("ls")
    assert shown.code == 0
    head, *rows = shown.out.splitlines()
    assert head.split() == ["ID", "NAME", "STATE", "SERVER", "GEOMETRY", "AGE", "VIEWERS", "CPU", "MEMORY", "COMMAND"]
    assert len(rows) == 1
    assert rows[0].startswith(ID)
    assert [one["id"] for one in at("ls", "--ended", "--json").json] == [ID, OTHER]


def test_an_empty_cell_is_a_dash(at: Portcall, place: StandIn) -> None:
    place.add(name="")
    assert at("ls").out.splitlines()[1].split()[1] == "-"


def test_what_was_not_measured_is_not_said_to_be_none(at: Portcall, place: StandIn) -> None:
    place.add(name="new", command="xterm", memory=0, cpu_percentage=0.0)
    place.add(id=OTHER, name="old", command="xterm", memory=2**20, cpu_percentage=0.0)
    new, old = at("ls").out.splitlines()[1:]
    assert new.split()[-3:] == ["-", "-", "xterm"]
    assert old.split()[-4:] == ["0%", "1.0", "MiB", "xterm"]
    assert "memory" not in at("info", "new").out
    assert "1.0 MiB" in at("info", "old").out


@pytest.mark.parametrize("word", [ID, "aaaa", "wing"])
def test_a_session_is_named_by_id_by_its_beginning_or_by_its_name(at: Portcall, place: StandIn, word: str) -> None:
    place.add(name="wing")
    place.add(id=OTHER)
    assert at("info", word, "--json").json["id"] == ID
    assert "aaaa" in at("info", word).out


def test_what_fits_two_sessions_is_refused_with_both(at: Portcall, place: StandIn) -> None:
    place.add(name="wing")
    place.add(id=OTHER, name="wing")
    shown = at("terminate", "wing")
    assert shown.code == 1
    assert ID in shown.err
    assert OTHER in shown.err
    assert not shown.out


def test_one_that_lives_comes_before_one_that_ended_under_the_same_name(at: Portcall, place: StandIn) -> None:
    place.add(name="wing", state="ended")
    place.add(id=OTHER, name="wing")
    assert at("info", "wing", "--json").json["id"] == OTHER


def test_exit_codes_say_what_kind_of_error_it_was(
    at: Portcall, place: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.add(login="bob")
    assert at("info", "nobody").code == 3
    assert at("info").code == 2
    assert at("terminate", ID).code == 4
    monkeypatch.setenv("PORTCALL_TOKEN", "bad")
    shown = at("ls")
    assert shown.code == 4
    assert shown.err == "portcall: Log in first. Run: portcall login (p-401)\n"
    monkeypatch.setenv("PORTCALL_URL", "http://127.0.0.1:1")
    shown = at("ls")
    assert shown.code == 1
    assert shown.err.count("\n") == 1
    assert "Is it running" in shown.err


def test_a_session_is_suspended_terminated_and_purged(at: Portcall, place: StandIn) -> None:
    place.add()
    assert at("suspend", ID).out == ""
    assert place.sessions[ID].state == "suspended"
    assert at("terminate", ID, "--json").json["state"] == "ending"
    refused = at("purge", ID)  # nobody at a terminal to ask
    assert refused.code == 1
    assert at("purge", ID, "--yes").code == 0
    assert not place.sessions


def test_more_time_is_asked_for(at: Portcall, place: StandIn) -> None:
    place.add(name="wing", ends_at=2e9, job=Job("slurm", "24", "running", ends_at=1.9e9))
    shown = at("extend", "wing", "--by", "2:00:00").out.splitlines()
    assert [line.split(", by ")[1] for line in shown] == ["its job.", "its profile, while nobody looks at it."]
    assert place.asked[-1] == ("POST", f"/sessions/{ID}/extend", {"by": 7200})
    assert at("extend", ID, "--json").json["endsAt"] == 2e9
    assert not place.asked[-1][2]
    place.add(ends_at=None)
    assert "nothing to extend" in at("extend", ID).out
    for wrong in ("soon", "0", "-5"):
        assert at("extend", ID, "--by", wrong).code == 2
    assert at("extend", "none").code == 3


def test_what_a_launcher_said_is_shown_once_and_line_by_line(at: Portcall, place: StandIn) -> None:
    place.add(state="ended", reason="qsub: cannot\nreach server", message="")
    lines = [line for line in at("info", ID).out.splitlines() if "qsub" in line or "reach" in line]
    assert [line.split(maxsplit=1)[-1].strip() for line in lines] == ["qsub: cannot", "server"]


@pytest.mark.parametrize(("detail", "log", "said"), [
    ("no: a\nb", "a\nb\n", "portcall: no: a\nb\n(i)\n"), ("no", "why", "portcall: no\nIt said:\n  why\n(i)\n"),
    ("no", "", "portcall: no (i)\n"),
])  # fmt: skip
def test_what_a_script_said_is_not_said_twice(
    capfd: pytest.CaptureFixture[str], detail: str, log: str, said: str
) -> None:
    assert _refused(StartFailed(detail, log=log, instance="i")) == 1
    assert capfd.readouterr().err == said


def test_names_and_params_are_changed(at: Portcall, place: StandIn) -> None:
    place.add(params={"old": "1"})
    assert at("rename", ID, "wing").code == 0
    assert at("param", "set", ID, "project=a=b", "run=12").code == 0
    assert at("param", "set", ID, "--typed", "n=12", "--json").json["n"] == 12
    assert at("param", "rm", ID, "old").code == 0
    assert place.sessions[ID].params == {"project": "a=b", "run": "12", "n": 12}
    assert at("param", "ls", ID).out.splitlines()[1].split() == ["project", "a=b"]
    assert place.sessions[ID].name == "wing"
    assert at("param", "set", ID, "nothing").code == 2


def test_what_the_server_sets_itself_is_not_changed_in_vain(at: Portcall, place: StandIn) -> None:
    place.add(params={"clientIP": "192.0.2.1"})
    for words in (("set", ID, "clientIP=192.0.2.2"), ("rm", ID, "project", "clientIP")):
        assert at("param", *words).err == "portcall: The param clientIP is the server's: it cannot be changed.\n"
    assert "portcall rename" in at("param", "set", ID, "name=wing").err
    assert place.sessions[ID].params == {"clientIP": "192.0.2.1"}


def test_a_picture_goes_to_a_file_or_to_standard_output(at: Portcall, place: StandIn, tmp_path: Path) -> None:
    place.add()
    target = tmp_path / "x.png"
    assert at("screenshot", ID, "-o", str(target), "--width", "320").code == 0
    assert target.read_bytes() == b"\x89PNG"
    shown = at("screenshot", ID, "-o", str(tmp_path / "none" / "x.png"))
    assert shown.code == 1
    assert "cannot be written" in shown.err


def test_a_log_comes_through_unchanged_where_a_program_reads(at: Portcall, place: StandIn) -> None:
    place.add()
    assert at("log", ID).out == "hello \x1b[31mred\n"
    assert at("log", ID, "--json").json["size"] == 17


def test_the_servers_log_is_followed(at: Portcall, place: StandIn) -> None:
    place.events = ['event: line\ndata: {"event": "one \\u001b[2Jtwo", "level": "info", "user": "x"}\n\n']
    shown = at("log", "-f")
    assert shown.out == "info     one \\x1b[2Jtwo user=x\n"
    assert shown.code == 4  # the stand-in refuses the second connection


def test_changes_are_followed(at: Portcall, place: StandIn) -> None:
    place.add()
    other = json.dumps(
        {"id": OTHER, "serverId": "one", "login": "ann", "user": "ann", "command": "x", "state": "running"}
    )
    gone = json.dumps({"id": ID})
    place.events = [f"id: 8\nevent: session\ndata: {other}\n\nid: 9\nevent: session-gone\ndata: {gone}\n\n"]
    lines = [json.loads(line) for line in at("ls", "--watch", "--json").out.splitlines()]
    assert [line["event"] for line in lines] == ["list", "session", "session-gone"]
    assert ("LAST-EVENT-ID", "7", None) in place.asked


def test_a_trace_is_a_line_for_each_step_and_server(at: Portcall, place: StandIn) -> None:
    place.add()
    shown = at("explain", ID).out.splitlines()
    assert shown[0] == f"start {ID}: started"
    assert shown[1].split() == ["0.0", "ms", "1.0", "ms", "permissions", "ok:", "full"]
    assert shown[3].split() == ["SERVER", "RULE", "FIGURE", "STEP"]
    assert shown[4].split() == ["*", "one", "fewest_sessions", "3", "-"]
    assert at("explain").out.splitlines()[1].split() == ["-", "s1", "-", "refused", "-"]


def test_what_a_session_runs_is_listed(at: Portcall, place: StandIn) -> None:
    place.add()
    assert at("processes", ID).out.splitlines()[1].split()[:5] == ["5", "1", "2%", "2", "KiB"]
