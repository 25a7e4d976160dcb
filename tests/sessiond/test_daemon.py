"""A session from its start to its end, with a real display."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from portcall.sessiond import local, processes
from portcall.wire import messages
from tests.fixtures.ground import Ground, kill, until

pytestmark = pytest.mark.serial

_STEPS = ["display-spawned", "display-connectable", "display-alive", "command-started"]


def test_a_start_takes_its_steps_and_gives_a_connected_descriptor_early(ground: Ground) -> None:
    session = ground.running(ground.order("exec sleep 1000"))
    peer = ground.server.session(session)
    steps = [message for message in peer.said(messages.SessionReport) if message.step]
    assert [step.step for step in steps] == _STEPS
    assert all(step.took >= 0 for step in steps)
    assert steps[-1].phase == "running"
    assert steps[-1].changes["display"].startswith(":")
    assert steps[-1].changes["openGl"] == "none"
    order = [type(message).__name__ for message, _ in peer.heard]
    assert order.index("DisplayOpened") < order.index("SessionReport", order.index("DisplayOpened"))
    (descriptor,) = next(fds for message, fds in peer.heard if isinstance(message, messages.DisplayOpened))
    with socket.socket(fileno=os.dup(descriptor)) as display:
        display.setblocking(True)
        assert display.recv(12) == b"RFB 003.008\n"


def test_who_asks_a_session_itself_while_it_starts_waits_for_its_socket(ground: Ground) -> None:
    session = ground.start(ground.order("exec sleep 1000"))
    assert local.call(session, messages.ReadLog, ground.base)["log"] == ""
    assert (ground.directory(session) / "control").stat().st_mode & 0o777 == 0o600


def test_a_desktop_session_ends_with_its_command_and_leaves_nothing(ground: Ground) -> None:
    go = ground.home / "go"
    session = ground.running(ground.order(f"until [ -e {go} ]; do sleep 0.05; done; echo done; exit 5"))
    left = Path(f"/tmp/.X11-unix/X{ground.record(session)['number']}")
    made = left.stat().st_mtime_ns
    go.touch()
    ended = ground.server.ended(session)
    assert (ended.exit_code, ended.failed, ended.log) == (5, False, "done\n")
    ground.nothing_left(session)
    with contextlib.suppress(FileNotFoundError):
        assert left.stat().st_mtime_ns != made, "the number may be another's by now"


def test_it_is_told_when_it_ends_because_it_was_asked_to(ground: Ground) -> None:
    session = ground.running(ground.order("exec sleep 1000"))
    ended = ground.end(session)
    assert ended.reason == "the test is over"
    ground.nothing_left(session)


def test_processes_that_ignore_term_or_hide_as_daemons_end_too(ground: Ground) -> None:
    stubborn = (
        "trap '' TERM; (trap '' TERM; setsid sh -c 'trap \"\" TERM; sleep 1000' &) ; while :; do sleep 1000; done"
    )
    session = ground.running(ground.order(stubborn))
    until(lambda: len(ground.of_session(session)) >= 5)
    ground.end(session, grace=0.2)
    ground.nothing_left(session)


def test_a_program_that_hides_its_environment_is_found_as_a_descendant(ground: Ground) -> None:
    marker = f"{ground.folder}/pid"
    session = ground.running(
        ground.order(f"env -i setsid sh -c 'echo $$ > {marker}; exec sleep 1000' & exec sleep 999")
    )
    until(lambda: Path(marker).exists() and Path(marker).read_text().strip())
    hidden = processes.process(int(Path(marker).read_text()))
    ground.end(session)
    until(lambda: not processes.alive(hidden))


def test_a_command_that_is_not_there_fails_the_start_in_the_shells_words(ground: Ground) -> None:
    session = ground.start(ground.order("no-such-program --really"))
    ended = ground.server.ended(session)
    assert ended.failed
    assert (ended.exit_code, ended.cause) == (127, "command-not-run")
    assert "no-such-program" in ended.log
    assert "not found" in ended.log
    ground.nothing_left(session)


@pytest.mark.parametrize("shell", ["/bin/bash", "/bin/sh"])
def test_the_command_runs_in_the_login_environment_at_home(ground: Ground, shell: str) -> None:
    (ground.home / ".profile").write_text("FROM_PROFILE=yes; export FROM_PROFILE; echo from the profile\n")
    os.environ["SECRET_OF_THE_SERVER"] = "x"
    try:
        order = ground.order("pwd; env; cat; exec sleep 1000")
        session = ground.start(order, replace(ground.account, shell=shell))
        ground.server.running(session)
    finally:
        del os.environ["SECRET_OF_THE_SERVER"]
    until(lambda: "FROM_PROFILE" in (ground.directory(session) / "log").read_text())
    said = ground.server.session(session).ask(messages.ReadLog)[0]["log"]
    lines = said.splitlines()
    assert lines[:2] == ["from the profile", str(ground.home)]
    for line in ("FROM_PROFILE=yes", f"HOME={ground.home}", f"SHELL={shell}", f"PORTCALL_SESSION_ID={session}"):
        assert line in lines
    assert f"DISPLAY=:{ground.record(session)['number']}" in lines
    assert any(line.startswith(("LANG=", "LC_ALL=")) for line in lines)
    assert "SECRET" not in said


def test_a_home_that_is_not_there_is_told_in_the_log(ground: Ground) -> None:
    account = replace(ground.account, home=f"{ground.folder}/nowhere")
    session = ground.start(ground.order("pwd; exec sleep 1000"), account)
    ground.server.running(session)
    until(lambda: (ground.directory(session) / "log").read_text().endswith("\n/\n"))
    assert "nowhere: No such file or directory; starting in /" in (ground.directory(session) / "log").read_text()


def test_login_scripts_that_hang_fail_the_start_in_time_with_that_reason(ground: Ground) -> None:
    (ground.home / ".profile").write_text("echo waiting for godot; sleep 1000\n")
    session = ground.start(ground.order("true", start_timeout=1.5))
    ended = ground.server.ended(session)
    assert ended.failed
    assert ended.reason == "the login scripts of bash did not finish within 1.5 seconds"
    assert ended.cause == "not-in-time"
    assert ended.log.startswith("waiting for godot\n")  # a shell that is told to end later than its child says so
    ground.nothing_left(session)


def test_a_login_shell_that_refuses_fails_the_start_in_its_words(ground: Ground) -> None:
    session = ground.start(ground.order("true"), replace(ground.account, shell="/usr/sbin/nologin"))
    ended = ground.server.ended(session)
    assert ended.failed
    assert "currently not available" in ended.log
    ground.nothing_left(session)


def test_a_display_that_cannot_come_up_fails_the_start_in_its_words(ground: Ground) -> None:
    session = ground.start(ground.order("true", limits={"display": "no_such"}))
    ended = ground.server.ended(session)
    assert ended.failed
    assert "no_such" in ended.reason
    ground.nothing_left(session)
    session = ground.start(ground.order("true", geometry="640000x480"))
    ended = ground.server.ended(session)
    assert ended.failed
    assert "the display did not come up" in ended.reason
    assert "Fatal server error" in ended.log
    ground.nothing_left(session)


def test_a_display_that_dies_ends_the_session(ground: Ground) -> None:
    session = ground.running(ground.order("exec sleep 1000"))
    kill(ground.process(session, "display"))
    ended = ground.server.ended(session)
    assert (ended.reason, ended.failed) == ("the display ended", False)
    ground.nothing_left(session)


def test_the_same_id_twice_is_never_two_sessions(ground: Ground) -> None:
    order = ground.order("exec sleep 1000")
    ground.running(order)
    display = ground.process(order.id, "display")
    with pytest.raises(RuntimeError, match="there is a session"):
        ground.start(order)
    assert processes.alive(display)


def test_it_registers_again_with_a_server_that_comes_back(ground: Ground) -> None:
    session = ground.running(ground.order("exec sleep 1000", name="before"))
    ground.server.stop()
    ground.server.start()
    hello = ground.server.session(session).hello
    assert hello.phase == "running"
    assert hello.session["name"] == "before"


def test_name_and_params_change_and_stay_changed(ground: Ground) -> None:
    session = ground.running(ground.order("exec sleep 1000", name="old", params={"a": 1, "b": 2}))
    peer = ground.server.session(session)
    answer = peer.ask(lambda seq: messages.ChangeSession(seq, "new", {"a": None, "c": 3}))[0]
    assert answer == {"name": "new", "params": {"b": 2, "c": 3}}
    assert ground.record(session)["session"]["params"] == {"b": 2, "c": 3}
    with pytest.raises(Exception, match="name"):
        peer.ask(lambda seq: messages.ChangeSession(seq, "two\nlines"))


def test_processes_and_their_use_are_reported_when_watched(ground: Ground) -> None:
    session = ground.running(ground.order("while :; do :; done"))
    peer = ground.server.session(session)
    rows = peer.ask(messages.ListProcesses)[0]["processes"]
    assert any("Xvnc" in row["command"] for row in rows)
    assert all(row["memory"] >= 0 and row["started"] > 1e9 for row in rows)
    peer.tell(messages.Watched(0.5))
    report = ground.server.report(session, messages.SessionReport, lambda one: one.changes.get("cpuPercentage", 0) > 20)
    assert report.changes["memory"] > 1_000_000


def test_what_a_session_uses_is_known_soon_though_nobody_watches(ground: Ground) -> None:
    session = ground.running(ground.order("exec sleep 1000"))
    report = ground.server.report(session, messages.SessionReport, lambda one: "memory" in one.changes)
    assert report.changes["memory"] > 1_000_000


def test_a_log_that_grows_without_end_is_bounded(ground: Ground) -> None:
    session = ground.running(ground.order("yes 0123456789 | head -c 6000000; echo the end; exec sleep 1000"))
    until(lambda: (ground.directory(session) / "log").stat().st_size > 5_000_000)
    ground.server.session(session).tell(messages.Watched(0.5))
    until(lambda: (ground.directory(session) / "log").stat().st_size < 2_000_000)
    assert "the end" in ground.server.session(session).ask(messages.ReadLog)[0]["log"]


def test_term_to_the_daemon_ends_the_session_in_good_order(ground: Ground) -> None:
    session = ground.running(ground.order("exec sleep 1000"))
    os.kill(ground.process(session, "daemon").pid, signal.SIGTERM)
    ground.server.ended(session)
    ground.nothing_left(session)


def test_an_end_that_no_server_hears_stays_to_be_told(ground: Ground) -> None:
    go = ground.home / "go"
    session = ground.running(ground.order(f"until [ -e {go} ]; do sleep 0.05; done; echo last words; exit 3"))
    ground.server.stop()
    go.touch()
    until(lambda: ground.record(session)["ended"])
    until(lambda: not processes.alive(ground.process(session, "daemon")))
    assert sorted(path.name for path in ground.directory(session).iterdir()) == ["log", "session.json"]
    ground.server.start()
    ground.adopt(session)
    ended = ground.server.ended(session)
    assert (ended.exit_code, ended.log) == (3, "last words\n")
    ground.nothing_left(session)
