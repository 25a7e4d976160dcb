"""After an upgrade: sessions and links of the older copy of the user side go on, and are adopted by the newer (G10)."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from portcall.client.api import Client
from portcall.model.session import Session
from portcall.model.start import StartRequest
from tests.features.conftest import MakePerson
from tests.features.people import Person, arguments_of, ended, kill, states
from tests.features.screen import Screen, Typed
from tests.features.server import Server
from tests.features.viewer import watching
from tests.features.waiting import until
from tests.installation import TOP

pytestmark = pytest.mark.root
STAYS = "exec tail -f /dev/null"


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ``portcall`` whose user side differs from ours, so that it is installed beside it."""
    folder = tmp_path_factory.mktemp("older")
    shutil.copytree(TOP / "src/portcall", folder / "portcall", ignore=shutil.ignore_patterns("__pycache__", "static"))
    for name in ("linkd/link.py", "sessiond/daemon.py"):
        with (folder / "portcall" / name).open("a") as file:
            file.write("\n# of the release before\n")
    program = folder / "program"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={folder} exec {sys.executable} -m portcall "$@"\n')
    program.chmod(0o755)
    for place in (folder, *folder.parents[:3]):
        place.chmod(place.stat().st_mode | 0o055)
    return program


@pytest.fixture
def server(older: Path, pam: str) -> Iterator[Server]:
    with Server(older, pam_service=pam, login_methods="pam", login_failures=1000) as server:
        yield server


@pytest.fixture
def person(new_person: MakePerson) -> Person:
    return new_person()


def test_sessions_of_the_release_before_go_on_and_are_adopted(server: Server, program: Path, person: Person) -> None:
    typed = Typed(person, "upgrade")
    with person.login(server) as client:
        token = client.create_token("through the upgrade")["token"]
        made = [
            client.session(client.start(StartRequest(typed.command, name="terminal"))["result"]["id"]),
            client.session(client.start(StartRequest("xclock", geometry="rootless"))["result"]["id"]),
        ]
    typed.wait()
    before = _programs(person, made)
    old_link = person.link(server)
    assert old_link is not None
    words = old_link.cmdline()
    server.stop()
    server.program = program
    server.start()
    with server.client(token) as client:
        _there(client, person, made, before)
        assert client.session(made[0].id).name == "terminal"
        # whatever of the old release ends is replaced by the new one
        kill(old_link)
        for one in made:
            daemon = person.daemon(one.id)
            assert daemon is not None
            kill(daemon)
        _there(client, person, made, before)
        until(
            lambda: (link := person.link(server)) and arguments_of(link) not in ([], words), "a link of the new release"
        )
        Screen(person, made[0]).run("xdotool", "mousemove", "200", "100")
        with watching(client, made[0].id) as viewer:
            viewer.type("still typed")
            typed.expect("still typed")
        for one in made:
            client.terminate(one.id)
            ended(client, one.id)
            person.gone(one.id, one.display)
    person.clean("all have ended")


def test_starts_go_on_with_the_link_of_the_release_before(server: Server, program: Path, person: Person) -> None:
    with person.login(server) as client:
        first = client.session(client.start(StartRequest(STAYS))["result"]["id"])
    link = person.link(server)
    server.kill()
    server.program = program
    server.start()
    with person.login(server) as client:
        second = client.session(client.start(StartRequest(STAYS))["result"]["id"])
        assert person.link(server) == link
        until(lambda: states(client) == {first.id: "running", second.id: "running"}, "both run")
        for one in (first, second):
            client.terminate(one.id)
            person.gone(one.id, one.display)


def test_going_back_to_the_release_before_loses_no_session(
    server: Server, older: Path, program: Path, person: Person
) -> None:
    server.stop()
    server.program = program
    server.start()
    with person.login(server) as client:
        one = client.session(client.start(StartRequest(STAYS))["result"]["id"])
    before = _programs(person, [one])
    server.stop()
    server.program = older
    server.start()
    with person.login(server) as client:
        _there(client, person, [one], before)
        client.terminate(one.id)
        person.gone(one.id, one.display)


def _programs(person: Person, sessions: list[Session]) -> dict[str, set[int]]:
    return {one.id: set(person.settled(one.id)) for one in sessions}


def _there(client: Client, person: Person, sessions: list[Session], before: dict[str, set[int]]) -> None:
    """All, with the processes that they had."""
    assert states(client).keys() == before.keys()
    for one in sessions:
        with watching(client, one.id) as viewer:
            assert viewer.width
        until(lambda one=one: person.daemon(one.id), "it has a daemon")
    assert _programs(person, sessions) == before
