"""Viewers that are not ours: vncdotool and TigerVNC's, through the tunnel of ``portcall connect`` (A12)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from portcall.client.api import Client
from portcall.model.session import Session
from portcall.model.start import StartRequest
from tests.features.people import Person, ended
from tests.features.screen import Screen, Typed
from tests.features.server import Server
from tests.features.waiting import WITHIN, until

COLOUR = (0x20, 0x80, 0xD0)
VNCDO = (sys.executable, "-m", "vncdotool.command")


@pytest.fixture(scope="module")
def client(own_server: Server, person: Person) -> Iterator[Client]:
    with person.login(own_server) as client:
        yield client


@pytest.fixture
def typed(person: Person, request: pytest.FixtureRequest) -> Typed:
    return Typed(person, request.node.name)


@pytest.fixture
def session(client: Client, person: Person, typed: Typed) -> Iterator[Session]:
    session = client.session(client.start(StartRequest(typed.command, geometry="800x600"))["result"]["id"])
    typed.wait()
    screen = Screen(person, session)
    screen.run("xsetroot", "-solid", "#2080d0")
    screen.run("xdotool", "mousemove", "200", "100")
    yield session
    client.terminate(session.id)
    ended(client, session.id)
    person.gone(session.id, session.display)


@pytest.fixture
def tunnel(own_server: Server, person: Person, session: Session) -> Iterator[Path]:
    """The socket of ``portcall connect --no-viewer``."""
    command = (person.program, "connect", "--no-viewer", session.id)
    with person.running(*command, environment=person.at(own_server)) as process:
        assert process.stdout is not None
        path = Path(process.stdout.readline().strip())
        assert path.is_socket()
        yield path
        process.terminate()
        assert process.wait(WITHIN) in (0, -15)
    assert not path.parent.exists()


def test_vncdotool_sees_and_types(client: Client, person: Person, session: Session, typed: Typed, tunnel: Path) -> None:
    assert tunnel.stat().st_mode & 0o777 == 0o600
    assert tunnel.parent.stat().st_mode & 0o777 == 0o700
    _vncdo(tunnel, "move", "200", "100", "click", "1", "type", "by-vncdotool")
    typed.expect("by-vncdotool")
    assert "by-vncdotool" in typed.screen(Screen(person, session))
    # what it makes of the display itself is the measure: it has its own way with pictures
    seen = {}
    for name, way in (("tunnel", tunnel), ("display", person.place(session.id) / "rfb")):
        file = person.home / f"{name}.png"
        _vncdo(way, "capture", str(file))
        seen[name] = Image.open(file).convert("RGB")
    assert seen["tunnel"].size == (800, 600)
    assert seen["tunnel"].getpixel((790, 590)) == COLOUR
    assert ImageChops.difference(seen["tunnel"], seen["display"]).getbbox() is None


def test_two_outside_viewers_at_once_and_each_is_listed(
    client: Client, person: Person, session: Session, tunnel: Path
) -> None:
    programs = [subprocess.Popen([*VNCDO, "-s", str(tunnel), "pause", "1000"]) for _ in range(2)]
    try:
        until(lambda: client.session(session.id).clients == 2, "two viewers")
        seen = client.connections(session.id)
        assert [one["login"] for one in seen] == [person.name] * 2
        client.suspend(session.id)
        until(lambda: client.session(session.id).clients == 0, "they have left")
    finally:
        for program in programs:
            program.kill()
            program.wait()
    assert client.session(session.id).state == "suspended"


def test_tigervncs_viewer_opens_in_another_session_and_shows_it_and_types(
    own_server: Server, client: Client, person: Person, session: Session, typed: Typed
) -> None:
    inside = f"PORTCALL_RUNTIME_DIR={own_server.run} exec {person.program} connect {session.id}"
    outer = client.session(client.start(StartRequest(inside, geometry="rootless"))["result"]["id"])
    screen = Screen(person, outer)
    screen.wait_for_window("TigerVNC")
    until(lambda: client.session(session.id).clients == 1, "it is connected")

    def shown() -> bool:
        return sum(1 for pixel in screen.picture().resize((128, 80)).get_flattened_data() if _near(pixel)) > 500

    until(shown, "its picture is shown")
    window = screen.wait_for_window("TigerVNC")
    screen.run("xdotool", "mousemove", "--window", window, "200", "100", "click", "1")
    screen.run("xdotool", "type", "--delay", "40", "by TigerVNC: ok")
    typed.expect("by TigerVNC: ok")
    client.terminate(session.id)
    until(lambda: client.session(outer.id).state == "ended", "the viewer leaves with the session")
    person.gone(outer.id, outer.display)


def _vncdo(way: Path, *words: str) -> None:
    subprocess.run([*VNCDO, "-s", str(way), *words], check=True, timeout=90)


def _near(pixel: object) -> bool:
    assert isinstance(pixel, tuple)
    return all(abs(one - other) < 24 for one, other in zip(pixel, COLOUR, strict=True))
