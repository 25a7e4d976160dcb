"""Rootless sessions end with their last window, desktops with their command (A2, A3)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from portcall.client.api import Client
from portcall.errors import StartFailed
from portcall.model.session import Session
from portcall.model.start import StartRequest
from tests.features.people import Person, ended, state
from tests.features.screen import Screen
from tests.features.server import Server
from tests.features.waiting import stays, until


@pytest.fixture
def client(own_server: Server, person: Person) -> Iterator[Client]:
    with person.login(own_server) as client:
        yield client


def rootless(client: Client, command: str) -> Session:
    return client.session(client.start(StartRequest(command, geometry="rootless"))["result"]["id"])


def over(client: Client, person: Person, session: Session) -> Session:
    """It ends by itself and leaves nothing."""
    done = ended(client, session.id)
    person.gone(session.id, session.display)
    return done


def test_it_ends_when_its_last_window_closes(client: Client, person: Person) -> None:
    session = rootless(client, "xclock & xterm -class Other & wait")
    screen = Screen(person, session)
    screen.wait_for_window("Other")
    screen.close("xclock")
    stays(lambda: state(client, session.id) in ("running", "suspended"), "one window is left", 1.5)
    screen.close("Other")
    assert "last window" in (over(client, person, session).reason or "")


def test_it_ends_with_its_last_window_though_the_command_still_runs(client: Client, person: Person) -> None:
    session = rootless(client, "xclock; sleep 1000")
    Screen(person, session).close("xclock")
    over(client, person, session)


def test_windows_stay_on_a_screen_that_becomes_smaller(client: Client, person: Person) -> None:
    session = rootless(client, "xclock -geometry 300x300-0-0 & xterm -class Other -geometry 20x5+0+0 & wait")
    screen = Screen(person, session)
    there, left = screen.box("xclock"), screen.box("Other")
    assert there.x + there.width > 640
    assert there.y + there.height > 480
    screen.run("xrandr", "-s", "640x480")

    def inside() -> bool:
        box = screen.box("xclock")
        return 0 < box.x <= 640 - box.width and 0 < box.y <= 480 - box.height

    until(inside, "the clock can be seen again")
    assert screen.box("Other") == left, "what was to be seen stays where it was"
    assert screen.box("xclock")[2:] == there[2:]


def test_a_command_that_forks_keeps_it(client: Client, person: Person) -> None:
    session = rootless(client, "xclock & exit 0")
    screen = Screen(person, session)
    screen.wait_for_window("xclock")
    stays(lambda: state(client, session.id) in ("running", "suspended"), "its window is there", 1.5)
    screen.close("xclock")
    over(client, person, session)


def test_a_command_that_leaves_its_process_group_and_opens_a_window_later_keeps_it(
    client: Client, person: Person
) -> None:
    late = person.home / "now"
    command = f"setsid sh -c 'while [ ! -e {late} ]; do sleep 0.05; done; exec xclock' & exit 0"
    session = client.session(client.start(StartRequest(command, geometry="rootless"), wait=False)["result"]["id"])
    stays(lambda: state(client, session.id) in ("pending", "running", "suspended"), "it may yet open one", 1.5)
    late.touch()
    until(lambda: client.session(session.id).display, "its display is up")
    Screen(person, client.session(session.id)).close("xclock")
    over(client, person, session)


def test_a_command_without_a_window_ends_it_and_its_output_is_shown(client: Client, person: Person) -> None:
    with pytest.raises(StartFailed, match="without having opened a window") as failure:
        rootless(client, "echo words of its own; echo more >&2; exit 3")
    assert failure.value.extra["log"] == "words of its own\nmore\n"
    done = over(client, person, client.session(failure.value.extra["session"]))
    assert done.reason == "the command ended without having opened a window (exit code 3)"
    assert done.message == "words of its own\nmore\n"
    assert done.exit_code == 3


def test_windows_have_a_manager_with_which_they_can_be_moved_and_closed(client: Client, person: Person) -> None:
    session = rootless(client, "xterm")
    screen = Screen(person, session)
    window = screen.wait_for_window("xterm")
    assert "_NET_FRAME_EXTENTS(CARDINAL)" in screen.run("xprop", "-id", window)
    assert "openbox" in screen.run("xprop", "-root", "_NET_SUPPORTING_WM_CHECK") or "Openbox" in screen.run(
        "sh", "-c", "xprop -id $(xprop -root _NET_SUPPORTING_WM_CHECK | grep -o 0x.*) _NET_WM_NAME"
    )
    client.terminate(session.id)
    over(client, person, session)


def test_a_desktop_ends_with_its_command_whatever_windows_are_open(client: Client, person: Person) -> None:
    stop = person.home / "stop"
    command = f"xclock & xterm & while [ ! -e {stop} ]; do sleep 0.05; done; echo goodbye; exit 7"
    session = client.session(client.start(StartRequest(command))["result"]["id"])
    Screen(person, session).wait_for_window("xterm")
    stop.touch()
    done = over(client, person, session)
    assert (done.exit_code, done.message) == (7, "goodbye\n")
    assert "the command ended (exit code 7)" in (done.reason or "")


def test_a_desktop_stays_when_a_window_closes(client: Client, person: Person) -> None:
    session = client.session(client.start(StartRequest("xclock; exec tail -f /dev/null"))["result"]["id"])
    screen = Screen(person, session)
    screen.close("xclock")
    until(lambda: not screen.windows("xclock"), "the window has closed")
    stays(lambda: state(client, session.id) in ("running", "suspended"), "the command runs", 1.5)
    client.terminate(session.id)
    over(client, person, session)


def test_what_leaves_the_session_by_daemonizing_is_ended_with_it(client: Client, person: Person) -> None:
    mark = person.home / "daemon"
    command = f"setsid sh -c 'trap \"\" TERM HUP; echo $$ >{mark}; while :; do sleep 1; done' & exec xclock"
    session = client.session(client.start(StartRequest(command))["result"]["id"])
    until(mark.exists, "the daemon runs")
    client.terminate(session.id)
    over(client, person, session)
