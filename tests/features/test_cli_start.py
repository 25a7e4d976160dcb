"""Starts in the foreground, and every way in which parameters are given (A4 to A7)."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from portcall.model import codec
from portcall.sessiond.record import Record
from tests.features.people import Person
from tests.features.server import Server
from tests.features.waiting import until


def by_hand(person: Person, *arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    """``portcall start --local``: no server has a part in it."""
    return person.portcall(None, "start", *arguments, environment={"PORTCALL_RUNTIME_DIR": "/nonexistent"}, **options)


def test_output_errors_input_and_exit_code_come_through(person: Person) -> None:
    done = by_hand(person, "--cli", "--command", "cat; echo err >&2; exit 5", text="from outside\n")
    assert (done.stdout, done.stderr, done.returncode) == ("from outside\n", "err\n", 5)


def test_a_display_is_there_and_nothing_is_left_afterwards(person: Person) -> None:
    done = by_hand(person, "--cli", "--command", "xdpyinfo | grep dimensions; echo $FX_SESSION_ID $DISPLAY",
                   "--geometry", "812x634")  # fmt: skip
    assert "812x634 pixels" in done.stdout
    id_, display = done.stdout.split()[-2:]
    person.over(id_, display)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_are_forwarded_to_the_command(person: Person, number: signal.Signals) -> None:
    command = f"trap 'echo caught; exit 9' {number.name[3:]}; echo ready; while :; do sleep 0.05; done"
    with _in_foreground(person, command) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        out, _ = process.communicate(timeout=60)
    assert (out, process.returncode) == ("caught\n", 9)


def test_a_command_killed_by_a_signal_gives_128_and_its_number(person: Person) -> None:
    assert by_hand(person, "--cli", "--command", "kill -KILL $$").returncode == 137


def test_the_session_ends_when_who_follows_it_is_killed(person: Person) -> None:
    with _in_foreground(person, "echo $FX_SESSION_ID $DISPLAY; exec sleep 1000") as process:
        assert process.stdout is not None
        id_, display = process.stdout.readline().split()
        process.kill()
    person.over(id_, display)


def test_a_large_output_comes_through_whole(person: Person) -> None:
    done = by_hand(person, "--cli", "--command", "seq 200000")
    assert done.stdout.splitlines() == [str(number) for number in range(1, 200_001)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--command", "xclock", "--profile", "nonesuch"], "there is no profile 'nonesuch'"),
        (["--command", "xclock", "--geometry", "big"], "WIDTHxHEIGHT"),
        (["--command", "xclock", "--keyboardLayout", "../us"], "keyboardLayout"),
        (["--command", "xclock", "--id", "../../etc"], "id:"),
        (["--command", ""], "command"),
        (["--command", "xclock", "--env", "77"], "77"),
        (["--command", "xclock", "--json", "/nonexistent"], "/nonexistent"),
        (["--json", "{\"command\": 7}"], "command"),
        (["--json", "{\"command\": \"xclock\", \"params\": 7}"], "params"),
        (["--json", "{"], "JSON"),
    ],
)  # fmt: skip
def test_what_cannot_be_right_is_refused_in_a_sentence(person: Person, arguments: list[str], words: str) -> None:
    done = by_hand(person, "--local", *arguments)
    assert done.returncode not in (0, None)
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


ASKED = {"command": "exec tail -f /dev/null", "geometry": "900x700", "name": "A name", "params": {"a": "1", "b": [2]}}


@pytest.fixture(params=["local", "server"])
def through(request: pytest.FixtureRequest) -> Server | None:
    return request.getfixturevalue("own_server") if request.param == "server" else None


@pytest.mark.parametrize("form", ["object", "file", "stdin", "descriptor"])
def test_all_parameters_in_one_object(person: Person, form: str, through: Server | None, tmp_path: Path) -> None:
    text = json.dumps(ASKED)
    file = person.home / "asked.json"
    file.write_text(text)
    given = {"object": text, "file": str(file), "stdin": "0", "descriptor": "9"}[form]
    extra = f"--json={given}"
    command = [str(person.program), "start", *([] if through else ["--local"]), extra, "--param", "c=3"]
    line = " ".join(f"'{word}'" for word in command) + (f" 9<{file}" if form == "descriptor" else "")
    environment = person.at(through) or {"PORTCALL_RUNTIME_DIR": "/nonexistent"}
    done = person.run("sh", "-c", line, environment=environment, text=text if form == "stdin" else "")
    assert done.returncode == 0, done.stderr
    session = json.loads(done.stdout)
    for name in ("command", "geometry", "name"):
        assert session[name] == ASKED[name]
    assert {key: session["params"].get(key) for key in "abc"} == {"a": "1", "b": [2], "c": "3"}
    _end(person, through, session)


def test_options_are_stronger_than_the_pipe_and_that_than_the_object(person: Person) -> None:
    pipe = json.dumps({"args": {"name": "pipe", "geometry": "700x500", "params": {"x": "pipe", "y": "pipe"}}})
    whole = json.dumps({**ASKED, "params": {"x": "whole", "z": "whole"}})
    line = f"echo '{pipe}' | {person.program} start --local --env 0 --json '{whole}' --name option --param y=option"
    done = person.run("sh", "-c", line, environment={"PORTCALL_RUNTIME_DIR": "/nonexistent"})
    assert done.returncode == 0, done.stderr
    session = json.loads(done.stdout)
    assert (session["name"], session["geometry"]) == ("option", "700x500")
    assert {key: session["params"][key] for key in "xyz"} == {"x": "pipe", "y": "option", "z": "whole"}
    _end(person, None, session)


@pytest.mark.parametrize("mode", [["--local"], ["--cli"]])
def test_secrets_through_the_pipe_show_nowhere(person: Person, mode: list[str]) -> None:
    secret = f"secret-{secrets.token_hex(12)}"
    document = json.dumps({"password": secret, "args": {"command": "exec sleep 1000", "params": {"word": secret}}})
    before = set(person.base.glob("sessions/*"))
    read, write = os.pipe()
    os.write(write, document.encode())
    os.close(write)
    environment = {"PORTCALL_RUNTIME_DIR": "/nonexistent"}
    command = (person.program, "start", *mode, "--env", str(read))
    with person.running(*command, environment=environment, pass_fds=[read]) as process:
        os.close(read)
        made = until(lambda: set(person.base.glob("sessions/[0-9a-f]*")) - before, "the session is there").pop()
        until(lambda: person.processes("sleep"), "its command runs")
        shown = subprocess.run(["ps", "axeww", "-o", "args"], check=True, capture_output=True, text=True).stdout
        assert secret not in shown
        for one in psutil.process_iter(["environ", "cmdline"]):
            assert secret not in str(one.info)
        for path in made.iterdir():
            with contextlib.suppress(FileNotFoundError):  # drafts come and go
                assert path.is_socket() or path.is_fifo() or not path.lstat().st_mode & 0o077, path
        record = Record.load(str(made))
        assert record is not None
        assert record.session.params["word"] == secret
        process.terminate()  # what was started in the foreground ends with it
        _end(person, None, codec.to_document(record.session))


@pytest.mark.parametrize("named", [("--name", "first"), ("--param", "name=first")])
def test_a_name_and_an_id_of_ones_own(person: Person, named: tuple[str, ...]) -> None:
    id_ = f"my-{secrets.token_hex(4)}"
    done = by_hand(person, "--local", "--id", id_, *named, "--userdata", "u", "--userid", "7", "--command",
                   ASKED["command"])  # fmt: skip
    session = json.loads(done.stdout)
    assert (session["id"], session["name"]) == (id_, "first")
    assert session["params"] == {"name": "first", "userdata": "u", "userid": "7"}
    again = by_hand(person, "--local", "--id", id_, "--command", "xclock")
    assert again.returncode != 0
    assert re.search(rf"session {id_} already", again.stderr)
    _end(person, None, session)


def test_scripts_start_is_the_same_program(person: Person) -> None:
    script = person.program.parents[2] / "scripts/start"
    done = person.run(script, "--command", str(ASKED["command"]), "--geometry", "rootless",
                      environment={"PORTCALL_RUNTIME_DIR": "/nonexistent"})  # fmt: skip
    assert done.returncode == 0, done.stderr
    session = json.loads(done.stdout)
    assert session["windowMode"] == "rootless"
    _end(person, None, session)


def test_the_record_of_an_end_that_no_server_asked_for_is_kept_for_a_day(person: Person) -> None:
    ids = [by_hand(person, "--cli", "--command", "echo $FX_SESSION_ID").stdout.strip() for _ in range(2)]
    for id_ in ids:
        until(lambda id_=id_: not person.daemon(id_), "its process has left")
    old = person.place(ids[0]) / "session.json"
    document = json.loads(old.read_text())
    document["session"]["ended"] -= 90_000
    old.write_text(json.dumps(document))
    by_hand(person, "--cli", "--command", "true")
    assert [person.place(id_).exists() for id_ in ids] == [False, True]


def _in_foreground(person: Person, command: str) -> contextlib.AbstractContextManager[subprocess.Popen[str]]:
    environment = {"PORTCALL_RUNTIME_DIR": "/nonexistent"}
    return person.running(person.program, "start", "--cli", "--command", command, environment=environment)


def _end(person: Person, server: Server | None, session: dict[str, object]) -> None:
    id_, display = str(session["id"]), str(session.get("display") or "")
    environment = person.at(server) or {"PORTCALL_RUNTIME_DIR": "/nonexistent"}
    person.portcall(server, "terminate", id_, *([] if server else ["--local"]), environment=environment)
    if server is None:
        person.over(id_, display)
    else:
        person.gone(id_, display)
