"""Kill -9 of link, session daemon and server at each step of a start: nothing lost, nothing twice, nothing left."""

from __future__ import annotations

import contextlib

import pytest

from portcall.model.start import StartOrder
from portcall.sessiond import processes
from portcall.testing.control_server import Peer
from portcall.wire import messages
from tests.fixtures.ground import Ground, kill, until

pytestmark = pytest.mark.serial

_STEPS = ["asked", "display-spawned", "display-connectable", "display-alive", "command-started"]
_ROOTLESS_STEPS = ["display-alive", "window-manager", "command-started"]


def _until_step(ground: Ground, order: StartOrder, step: str) -> None:
    if step == "asked":
        return
    ground.server.report(order.id, messages.SessionReport, lambda one: one.step == step)


def _kill(ground: Ground, link: Peer, order: StartOrder, what: str) -> Peer:
    if "session" in what:
        until(lambda: ground.record(order.id)["processes"].get("daemon"))
        kill(ground.process(order.id, "daemon"))
    if "server" in what:
        ground.server.stop()
        ground.server.start()
    if "link" in what:
        kill(processes.process(link.hello.pid))
        return ground.link()
    return ground.server.link()


def _is_up_once(ground: Ground, order: StartOrder, program: str = "sleep") -> None:
    """Listed again, with one display and one command."""

    def running() -> bool:
        mine = [one for one in ground.server.peers if not one.closed and isinstance(one.hello, messages.SessionHello)]
        mine = [one for one in mine if one.hello.session["id"] == order.id]
        reports = [report for one in mine for report in one.said(messages.SessionReport)]
        return any(one.hello.phase == "running" for one in mine) or any(one.phase == "running" for one in reports)

    ground.server.wait(running, 40, f"running {order.id}")

    def names() -> list[str]:
        mine = ground.of_session(order.id)
        return [one.name for pid, one in processes.own().items() if pid in mine]

    until(lambda: program in names())  # which is a shell before
    assert (names().count("Xvnc"), names().count(program)) == (1, 1)


@pytest.mark.parametrize(
    "what", ["session", "link", "server", "session, link", "session, server", "session, link, server"]
)
@pytest.mark.parametrize("step", _STEPS)
def test_a_desktop_lives_through_the_kill_of(ground: Ground, what: str, step: str) -> None:
    link = ground.link()
    order = ground.order("exec sleep 1000")
    ground.ask(link, order)
    _until_step(ground, order, step)
    _kill(ground, link, order, what)
    _is_up_once(ground, order)
    ground.end(order.id)
    ground.nothing_left(order.id)


@pytest.mark.parametrize("step", _ROOTLESS_STEPS)
def test_a_rootless_session_lives_through_it_and_still_ends_with_its_window(ground: Ground, step: str) -> None:
    link = ground.link()
    order = ground.order("exec xterm -e sleep 1000", rootless=True)
    ground.ask(link, order)
    _until_step(ground, order, step)
    _kill(ground, link, order, "session, link")
    _is_up_once(ground, order, "xterm")
    until(lambda: ground.record(order.id)["rootlessWindows"])
    kill(ground.process(order.id, "command"))
    assert ground.server.ended(order.id).reason == "its last window was closed"
    ground.nothing_left(order.id)


def test_a_command_that_ended_meanwhile_ends_the_session_with_an_unknown_code(ground: Ground) -> None:
    link = ground.link()
    order = ground.order("exec sleep 1000")
    ground.ask(link, order)
    ground.server.running(order.id)
    kill(processes.process(link.hello.pid))
    kill(ground.process(order.id, "daemon"))
    kill(ground.process(order.id, "command"))
    ground.link()
    ended = ground.server.ended(order.id)
    assert (ended.reason, ended.exit_code, ended.failed) == ("the command ended (exit code unknown)", None, False)
    ground.nothing_left(order.id)


def test_a_display_that_died_meanwhile_is_cleaned_up(ground: Ground) -> None:
    link = ground.link()
    order = ground.order("exec sleep 1000")
    ground.ask(link, order)
    ground.server.running(order.id)
    kill(processes.process(link.hello.pid))
    kill(ground.process(order.id, "daemon"))
    kill(ground.process(order.id, "display"))
    assert ground.link().ask(messages.Adopt)[0] is not None
    assert ground.server.ended(order.id).reason == "the display ended"
    ground.nothing_left(order.id)


def test_a_session_that_was_being_ended_is_ended_by_the_next(ground: Ground) -> None:
    link = ground.link()
    order = ground.order("trap '' TERM; while :; do sleep 1000; done")
    ground.ask(link, order)
    ground.server.running(order.id)
    ground.server.session(order.id).ask(lambda seq: messages.EndSession(seq, "enough", 30))
    until(lambda: ground.record(order.id)["ending"] == "enough")
    kill(ground.process(order.id, "daemon"))
    assert ground.server.ended(order.id).reason == "enough"
    ground.nothing_left(order.id)


def test_one_that_dies_again_and_again_is_given_up(ground: Ground) -> None:
    link = ground.link()
    order = ground.order("exec sleep 1000")
    ground.ask(link, order)
    ground.server.running(order.id)

    def daemon() -> processes.Process | None:
        with contextlib.suppress(FileNotFoundError):
            return ground.process(order.id, "daemon")
        return None

    for _ in range(30):  # on a busy machine one may live longer than a second, and the count begins again
        before = daemon()
        if before is None:
            break
        kill(before)
        until(lambda before=before: daemon() != before)  # type: ignore[misc]
    assert "again and again" in ground.server.ended(order.id).reason
    ground.nothing_left(order.id)
