"""Rootless sessions: they live as long as their windows."""

from __future__ import annotations

import subprocess

import pytest

from portcall.sessiond import xauthority
from portcall.sessiond.loop import Loop
from portcall.sessiond.xclient import XClient
from portcall.wire import messages
from tests.fixtures.ground import Ground, kill, until

pytestmark = pytest.mark.serial
_CHECK = "_NET_SUPPORTING_WM_CHECK"


def test_it_ends_when_the_last_window_has_closed(ground: Ground) -> None:
    go = ground.home / "go"
    stays = f"xterm -e sh -c 'until [ -e {go} ]; do sleep 0.05; done'"
    session = ground.running(ground.order(f"xterm -e sleep 1 & {stays}", rootless=True))
    steps = [message.step for message in ground.server.session(session).said(messages.SessionReport) if message.step]
    assert steps.index("window-manager") < steps.index("command-started")
    go.touch()
    ended = ground.server.ended(session)
    assert (ended.reason, ended.failed) == ("its last window was closed", False)
    ground.nothing_left(session)


def test_a_command_that_forks_keeps_it(ground: Ground) -> None:
    session = ground.running(ground.order("(sleep 0.3; exec xterm -e sleep 1000) & exit 0", rootless=True))
    until(lambda: ground.record(session)["rootlessWindows"])
    assert not ground.server.session(session).said(messages.SessionEnded)
    ground.end(session)
    ground.nothing_left(session)


def test_a_command_that_opened_no_window_ends_it_and_shows_its_output(ground: Ground) -> None:
    session = ground.start(ground.order("echo cannot open anything; exit 0", rootless=True))
    ended = ground.server.ended(session)
    assert ended.failed
    assert "without having opened a window" in ended.reason
    assert ended.cause == "no-window"
    assert ended.log == "cannot open anything\n"
    ground.nothing_left(session)


def test_a_window_manager_that_dies_is_started_again(ground: Ground) -> None:
    session = ground.running(ground.order("xterm -e sleep 1000", rootless=True))
    until(lambda: ground.record(session)["rootlessWindows"])
    before = ground.process(session, "manager")
    kill(before)
    until(lambda: ground.process(session, "manager") != before)
    assert not ground.server.session(session).said(messages.SessionEnded)


def test_one_that_is_not_installed_is_named(ground: Ground) -> None:
    session = ground.start(ground.order("xterm", rootless=True, limits={"window_manager": "no-such-wm"}))
    ended = ground.server.ended(session)
    assert ended.failed
    assert "no-such-wm is not installed" in ended.reason
    assert ended.cause == "no-window-manager"
    ground.nothing_left(session)


def test_what_a_dead_window_manager_wrote_is_not_taken_for_a_living_one(ground: Ground) -> None:
    session = ground.running(ground.order("xterm -e sleep 1000", rootless=True))
    assert _vouched(ground, session)
    authority = str(ground.directory(session) / "Xauthority")
    environment = {"DISPLAY": f":{ground.record(session)['number']}", "XAUTHORITY": authority, "PATH": "/usr/bin:/bin"}
    kept = f"-f {_CHECK} 32c -set {_CHECK} 4194303"  # what no client has
    subprocess.run(["xprop", "-root", *kept.split()], env=environment, check=True)
    assert not _vouched(ground, session)
    ground.end(session)
    ground.nothing_left(session)


def _vouched(ground: Ground, session: str) -> bool:
    loop = Loop()
    answers: list[bool] = []

    def heard(answer: bool) -> None:
        answers.append(answer)
        loop.stop()

    cookie = xauthority.cookie(str(ground.directory(session) / "Xauthority"))
    client = XClient(
        loop, int(ground.record(session)["number"]), cookie,
        lambda: client.atom(_CHECK, lambda atom: client.vouched(atom, heard)), loop.stop,
    )  # fmt: skip
    loop.run()
    client.close()
    return answers[0]
