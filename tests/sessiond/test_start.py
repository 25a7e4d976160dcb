"""scripts/start, by hand: every parameter of the guide, with and without a server."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from portcall.errors import NoSuchSession
from portcall.sessiond import local, places
from portcall.wire import messages
from tests.fixtures.ground import USER_PYTHON, Ground, until
from tests.installation import TOP

pytestmark = pytest.mark.serial

_START = str(TOP / "scripts/start")


@pytest.fixture
def there(ground: Ground) -> Ground:
    """The runtime directory is known by its public document; nobody is there unless a test starts the server."""
    ground.server.stop()
    ground.base = f"{ground.folder}/portcall-{os.getuid()}"
    _publish(ground)
    return ground


def _publish(ground: Ground, **members: Any) -> None:
    fast = {"name": "default", "geometry": "640x480", "openGl": False}
    small = {**fast, "name": "small", "geometry": "320x200", "maximumGeometry": "400x300"}
    document = {
        "serverId": "here",
        "socket": ground.server.path,
        "profiles": {"default": fast, "small": small},
        "limits": {},
        "startTimeout": 30.0,
        **members,
    }
    Path(ground.folder, "public.json").write_text(json.dumps(document))


def _start(ground: Ground, *arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    argv = [*USER_PYTHON, _START, *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=ground.environment(), **more)
    for session in local.list(ground.base):
        if session.id not in ground.ids:
            ground.ids.append(session.id)
    return done


def _started(ground: Ground, *arguments: str, **more: Any) -> dict[str, Any]:
    done = _start(ground, *arguments, **more)
    assert done.returncode == 0, done.stderr
    session: dict[str, Any] = json.loads(done.stdout)
    return session


def test_a_session_is_started_and_printed(there: Ground) -> None:
    session = _started(
        there, "--command", "exec sleep 1000", "--geometry", "800x600", "--name", "Flügel, Lauf 12",
        "--param", "project=wing", "--param", "a=b=c", "--userdata", "u", "--userid", "7",
    )  # fmt: skip
    assert session["state"] == "running"
    assert session["display"].startswith(":")
    assert (session["geometry"], session["name"]) == ("800x600", "Flügel, Lauf 12")
    assert session["params"] == {
        "project": "wing", "a": "b=c", "userdata": "u", "userid": "7", "name": session["name"],
    }  # fmt: skip
    assert session["origin"] == "hand"
    assert places.held(there.base, session["id"])


def test_the_id_the_layout_and_the_profile_are_as_asked(there: Ground) -> None:
    name = f"mine-{secrets.token_hex(3)}"
    arguments = ("--command", "sleep 1000", "--id", name, "--keyboardLayout", "de", "--profile", "small")
    session = _started(there, *arguments)
    assert (session["id"], session["keyboardLayout"], session["geometry"]) == (name, "de", "320x200")
    again = _start(there, *arguments)
    assert again.returncode == 1
    assert "there is a session" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--command", "true", "--profile", "no-such"], "there is no profile 'no-such'"),
        (["--command", "true", "--profile", "small", "--geometry", "800x600"], "allows 400x300"),
        (["--command", "true", "--geometry", "big"], "WIDTHxHEIGHT"),
        (["--command", " "], "command"),
        ([], "command"),
        (["--command", "true", "--id", "../x"], "id:"),
        (["--command", "true", "--param", "novalue"], "KEY=VALUE"),
        (["--json", "{not json"], "not JSON"),
        (["--json", "/no/such/file"], "No such file"),
        (["--command", "true", "--env", "99"], "Bad file descriptor"),
    ],
)
def test_what_cannot_be_is_refused_in_words(there: Ground, arguments: list[str], words: str) -> None:
    done = _start(there, *arguments)
    assert done.returncode == 1
    assert words in done.stderr
    assert not done.stdout
    assert not local.list(there.base)


def test_json_comes_from_standard_input_a_file_or_is_the_value(there: Ground) -> None:
    document = {"command": "sleep 1000", "name": "from json", "params": {"n": 1, "b": True}, "more": {"x": 1}}
    text = json.dumps(document)
    file = Path(there.folder, "start.json")
    file.write_text(text)
    for argument, given in (("--json=0", text), (f"--json={file}", None), (f"--json={text}", None)):
        session = _started(there, argument, input=given)
        assert (session["name"], session["params"]) == ("from json", {"n": 1, "b": True, "name": "from json"})


def test_secrets_come_through_a_pipe_and_options_are_stronger(there: Ground) -> None:
    read, write = os.pipe()
    os.write(write, json.dumps({"token": "t0p-s3cret", "args": {"name": "piped", "command": "sleep 1000"}}).encode())
    os.close(write)
    session = _started(there, f"--env={read}", "--name", "by option", pass_fds=(read,))
    os.close(read)
    assert (session["name"], session["command"]) == ("by option", "sleep 1000")
    for pid in there.of_session(session["id"]) | {there.process(session["id"], "daemon").pid}:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # shells run this and that as they begin
            shown = Path(f"/proc/{pid}/environ").read_bytes() + Path(f"/proc/{pid}/cmdline").read_bytes()
            assert b"t0p-s3cret" not in shown
    assert "t0p-s3cret" not in json.dumps(there.record(session["id"]))


def test_a_command_that_fails_is_told_with_its_output(there: Ground) -> None:
    done = _start(there, "--command", "no-such-program")
    assert done.returncode == 1
    assert "the command cannot be run" in done.stderr
    assert "no-such-program" in done.stderr


class TestForeground:
    def test_output_errors_input_and_code_are_the_commands(self, there: Ground) -> None:
        done = _start(there, "--cli", "--command", "cat; echo bad >&2; exit 7", input="good")
        assert (done.stdout, done.returncode) == ("good", 7)
        assert "bad" in done.stderr
        until(lambda: not any(places.held(there.base, name) for name in places.names(there.base)))

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_signals_reach_the_command(self, there: Ground, number: signal.Signals) -> None:
        trap = f"trap 'echo got it; exit 9' {number.name[3:]}; echo ready; while :; do sleep 0.05; done"
        argv = [*USER_PYTHON, _START, "--cli", "--command", trap]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=there.environment()) as process:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
            process.send_signal(number)
            assert process.stdout.read() == "got it\n"
            assert process.wait(30) == 9

    def test_the_session_ends_with_who_follows_it(self, there: Ground) -> None:
        argv = [*USER_PYTHON, _START, "--cli", "--command", "echo ready; exec sleep 1000"]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=there.environment()) as process:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
            (session,) = local.list(there.base)
            there.ids.append(session.id)
            process.kill()
        until(lambda: not there.of_session(session.id))


class TestWithServer:
    def test_it_registers_like_any_other(self, there: Ground) -> None:
        there.server.start()
        session = _started(there, "--command", "exec sleep 1000")
        hello = there.server.session(session["id"]).hello
        assert (hello.signature, hello.session["origin"]) == ("", "hand")

    def test_a_refusal_is_told_and_leaves_nothing(self, there: Ground) -> None:
        there.server.refuses = "all 2 sessions for each user are taken"
        there.server.start()
        done = _start(there, "--command", "exec sleep 1000")
        assert done.returncode == 1
        assert "all 2 sessions for each user are taken" in done.stderr
        until(lambda: not places.names(there.base))

    def test_one_that_was_started_without_it_appears_when_it_comes(self, there: Ground) -> None:
        session = _started(there, "--command", "exec sleep 1000")
        there.server.start()
        assert there.server.session(session["id"]).hello.phase == "running"


class TestSeats:
    def test_the_last_known_limits_hold(self, there: Ground) -> None:
        _started(there, "--command", "exec sleep 1000")
        _publish(there, limits={"seatsUser": 1})
        done = _start(there, "--command", "exec sleep 1000")
        assert done.returncode == 1
        assert "sessions for each user are taken" in done.stderr

    def test_where_a_server_answers_it_decides(self, there: Ground) -> None:
        _publish(there, limits={"seatsTotal": 1})
        there.server.start()
        for _ in range(2):
            _started(there, "--command", "exec sleep 1000")


class TestLocal:
    def test_own_sessions_are_listed_asked_and_ended_without_a_server(self, there: Ground) -> None:
        name = _started(there, "--command", "echo hi; exec sleep 1000", "--name", "n")["id"]
        (session,) = local.list(there.base)
        assert (session.id, session.state, session.name) == (name, "running", "n")
        until(lambda: local.call(name, messages.ReadLog, there.base) == {"log": "hi\n", "size": 3})
        assert local.call(name, lambda seq: messages.ChangeSession(seq, "m"), there.base)["name"] == "m"
        descriptor = local.open_display(name, there.base)
        os.close(descriptor)
        local.end(name, "by hand", base=there.base)
        (session,) = local.list(there.base)
        assert (session.state, session.reason) == ("ended", "by hand")

    def test_what_is_not_there_is_said_so(self, there: Ground) -> None:

        for name in ("nothing", "../..", ""):
            with pytest.raises(NoSuchSession):
                local.call(name, messages.ReadLog, there.base)
