"""The command line against a real server, real session daemons and TigerVNC's viewer; and without a server."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.features.people import Person, owner_of
from tests.features.server import Server
from tests.features.waiting import WITHIN, until


@pytest.fixture
def session(person: Person, own_server: Server) -> Iterator[dict[str, Any]]:
    """An xterm, started by the command line."""
    made = person.json(own_server, "start", "--name", "wing", "--param", "project=x", "xterm")
    yield made
    person.portcall(own_server, "terminate", made["id"])
    person.gone(made["id"], made["display"])


def test_a_session_is_started_listed_looked_into_and_ended(
    person: Person, own_server: Server, session: dict[str, Any]
) -> None:
    assert session["state"] == "running"
    assert session["params"]["project"] == "x"
    (listed,) = person.json(own_server, "ls", "--json")
    assert listed["id"] == session["id"]
    assert person.json(own_server, "param", "set", "wing", "run=12", "--json")["run"] == "12"
    assert person.portcall(own_server, "rename", "wing", "tail").returncode == 0
    assert "xterm" in [one["command"] for one in person.json(own_server, "processes", "tail", "--json")]
    assert "started" in person.portcall(own_server, "explain", "tail").stdout
    picture = person.home / "tail.png"
    assert person.portcall(own_server, "screenshot", "tail", "-o", str(picture)).returncode == 0
    assert "PNG image data, 1280 x 800" in person.run("file", picture).stdout
    assert person.json(own_server, "terminate", "tail", "--json")["state"] in ("ending", "ended")
    person.gone(session["id"], session["display"])


def test_the_server_knows_who_calls_on_this_host(person: Person, own_server: Server) -> None:
    assert person.json(own_server, "whoami", "--json")["login"]["sub"] == person.name
    assert person.json(own_server, "server", "status", "--json")["pid"] == own_server.pid
    link = person.portcall(own_server, "server", "link").stdout.strip()
    assert link.startswith(own_server.url)
    # the same from elsewhere, with the link's token
    home = {"PORTCALL_RUNTIME_DIR": "/nonexistent"}
    assert person.json(None, "login", link, "--json", environment=home)["login"]["sub"] == person.name
    assert person.json(None, "whoami", "--json", environment=home)["login"]["method"] == "token"
    assert person.portcall(None, "logout", environment=home).returncode == 0
    assert person.portcall(None, "login", link, environment=home).returncode == 4  # a link lets in once


def test_a_tunnel_speaks_rfb_to_its_owner_alone_and_goes_with_the_session(
    person: Person, own_server: Server, session: dict[str, Any]
) -> None:
    command = (person.program, "connect", "wing", "--no-viewer")
    with person.running(*command, environment=person.at(own_server)) as tunnel:
        assert tunnel.stdout is not None
        path = Path(tunnel.stdout.readline().strip())
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        for _ in range(2):
            with socket.socket(socket.AF_UNIX) as viewer:
                viewer.settimeout(WITHIN)
                viewer.connect(str(path))
                assert viewer.recv(12, socket.MSG_WAITALL) == b"RFB 003.008\n"
                viewer.sendall(b"RFB 003.008\n")
                assert viewer.recv(2, socket.MSG_WAITALL) == b"\x01\x01"  # one security type: none
        assert person.portcall(own_server, "terminate", "wing").returncode == 0
        assert tunnel.wait(WITHIN) == 0
    assert not path.parent.exists()


def test_tigervncs_viewer_shows_a_session_and_is_told_when_it_is_suspended(
    person: Person, own_server: Server, session: dict[str, Any]
) -> None:
    screen = person.json(own_server, "start", "--name", "screen", "xterm")
    cookie = person.place(screen["id"]) / "Xauthority"
    environment = {**person.at(own_server), "DISPLAY": screen["display"], "XAUTHORITY": str(cookie)}

    def viewers() -> int:
        return int(person.json(own_server, "info", "wing", "--json")["clients"])

    with person.running(person.program, "connect", "wing", environment=environment) as viewer:
        until(lambda: viewers() == 1, "the viewer is there")
        assert person.portcall(own_server, "suspend", "wing").returncode == 0
        _, said = viewer.communicate(timeout=WITHIN)
    assert "suspended" in said
    assert not mine(person)
    assert person.portcall(own_server, "terminate", "screen").returncode == 0
    person.gone(screen["id"], screen["display"])


def test_a_viewer_that_is_killed_leaves_nothing(person: Person, own_server: Server, session: dict[str, Any]) -> None:
    command = (person.program, "connect", "wing", "--viewer", "sh -c 'exec sleep 600'")
    with person.running(*command, environment=person.at(own_server)) as viewer:
        until(lambda: any((path / "rfb").exists() for path in mine(person)), "the tunnel is there")
        viewer.send_signal(signal.SIGTERM)
        viewer.communicate(timeout=WITHIN)
    assert not mine(person)


def mine(person: Person) -> list[Path]:
    return [path for path in Path("/tmp").glob("portcall-viewer-*") if owner_of(path) == person.uid]


def test_output_and_exit_code_of_the_command_come_through(person: Person, own_server: Server) -> None:
    done = person.portcall(own_server, "start", "--cli", "--command", "echo out; echo err >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")


def test_a_signal_reaches_the_command(person: Person, own_server: Server) -> None:
    command = "trap 'echo caught; exit 3' TERM; echo ready; while :; do sleep 0.1; done"
    words = (person.program, "start", "--cli", "--command", command)
    with person.running(*words, environment=person.at(own_server)) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "ready\n"
        run.send_signal(signal.SIGTERM)
        out, _ = run.communicate(timeout=WITHIN)
    assert (run.returncode, out) == (3, "caught\n")


def test_nothing_of_a_start_shows_in_the_process_list(person: Person, own_server: Server) -> None:
    document = json.dumps({"command": "echo ready; read line", "cli": True, "params": {"secret": "hunter2"}})
    words = (person.program, "start", "--json", "0")
    with person.running(*words, environment=person.at(own_server), stdin=subprocess.PIPE) as run:
        assert run.stdin is not None
        assert run.stdout is not None
        run.stdin.write(document)
        run.stdin.close()
        assert run.stdout.readline() == "ready\n"
        shown = person.run("ps", "-eo", "args").stdout
        assert "portcall" in shown
        assert "hunter2" not in shown
        run.send_signal(signal.SIGTERM)
        run.stdin = None
        run.communicate(timeout=WITHIN)


def test_a_list_that_is_watched_shows_what_happens(person: Person, own_server: Server) -> None:
    with person.running(person.program, "ls", "--watch", "--json", environment=person.at(own_server)) as watch:
        assert watch.stdout is not None
        assert json.loads(watch.stdout.readline())["event"] == "list"
        made = person.json(own_server, "start", "--name", "seen", "xterm")
        seen: list[str] = []
        for line in watch.stdout:
            document = json.loads(line)["document"]
            if document["id"] == made["id"] and document["state"] not in seen[-1:]:
                seen.append(document["state"])
            if seen[-1:] == ["running"] and len(seen) < 3:
                person.portcall(own_server, "terminate", "seen")
            if seen[-1:] == ["ended"]:
                break
        assert seen == ["pending", "running", "ending", "ended"]
        watch.send_signal(signal.SIGINT)
        watch.communicate(timeout=WITHIN)
        assert watch.returncode == 130
    person.gone(made["id"], made["display"])


def test_a_server_reads_its_configuration_again_when_told(person: Person, own_server: Server) -> None:
    assert person.portcall(own_server, "server", "reload").returncode == 0
    until(lambda: "reloaded" in own_server.said(), "it says so")
    last = person.portcall(own_server, "log", "--lines", "30").stdout
    assert "reloaded" in last


def test_without_a_server_ones_own_sessions_can_still_be_started_and_ended(person: Person, own_server: Server) -> None:
    own_server.stop()
    try:
        made = person.json(own_server, "start", "--name", "alone", "--param", "a=1", "xterm")
        assert made["id"] in [one["id"] for one in person.json(own_server, "ls", "--json")]
        assert person.json(own_server, "info", "alone", "--json")["state"] == "running"
        assert person.json(own_server, "param", "set", "alone", "a=2", "--json")["a"] == "2"
        assert person.portcall(own_server, "log", "alone").returncode == 0
        refused = person.portcall(own_server, "whoami")
        assert refused.returncode == 1
        assert "No server answers" in refused.stderr
    finally:
        own_server.start()
    until(lambda: any(one["id"] == made["id"] for one in person.json(own_server, "ls", "--json")), "it is listed")
    own_server.stop()
    try:
        assert person.portcall(own_server, "terminate", "alone").returncode == 0
        until(
            lambda: not [one for one in person.json(own_server, "ls", "--json") if one["id"] == made["id"]], "it ended"
        )
    finally:
        own_server.start()
    person.gone(made["id"], made["display"])  # its end was kept until the server could be told
    assert person.json(own_server, "info", made["id"], "--json")["state"] == "ended"


@pytest.mark.root
def test_as_root_the_server_becomes_the_person_it_is_for(person: Person, own_server: Server) -> None:
    status = Path(f"/proc/{own_server.pid}/status").read_text()
    assert f"Uid:\t{person.uid}\t{person.uid}\t{person.uid}\t{person.uid}" in status
    assert f"Gid:\t{person.gid}\t{person.gid}\t{person.gid}\t{person.gid}" in status
    environment = Path(f"/proc/{own_server.pid}/cwd").readlink()
    assert environment == person.home or not os.access(person.home, os.X_OK)
