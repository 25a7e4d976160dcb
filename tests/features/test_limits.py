"""Limits and time-outs of a profile (A14), and seats while many start at once (B10)."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from portcall.client.api import Client
from portcall.errors import InvalidValue, PortcallError, SeatsTaken
from portcall.model.start import StartRequest
from tests.features.conftest import MakePerson, MakeServer
from tests.features.people import Person, ended, state, states
from tests.features.screen import Screen
from tests.features.server import Server
from tests.features.viewer import watching
from tests.features.waiting import stays, until

pytestmark = pytest.mark.root
STAYS = "exec tail -f /dev/null"
PROFILES = """
[small]
geometry = "640x480"
maximum_geometry = "800x600"

[busy]
disconnect_when_idle = 6
warn_before = 4
extend_by = 5

[fleeting]
end_after_disconnected = 4
extend_by = 4
"""


@pytest.fixture(scope="module")
def server(program: object, pam: str, new_server: MakeServer) -> Server:
    made = new_server(pam_service=pam, login_methods="pam", login_failures=1000)
    (made.config / "profiles.toml").write_text(PROFILES)
    subprocess.run(["kill", "-HUP", str(made.pid)], check=True)
    until(lambda: "fleeting" in made.public["profiles"], "the profiles are known")
    return made


@pytest.fixture(scope="module")
def person(new_person: MakePerson) -> Person:
    return new_person()


@pytest.fixture
def client(server: Server, person: Person) -> Iterator[Client]:
    with person.login(server) as client:
        yield client
        for id_, state_ in states(client).items():
            if state_ != "ended":
                client.terminate(id_)
        person.clean("all have ended")


def start(client: Client, profile: str, geometry: str = "", command: str = STAYS) -> str:
    answer = client.start(StartRequest(command, geometry=geometry, profile=profile))
    return str(answer["result"]["id"])


# -- geometry


def test_no_larger_screen_than_the_profile_allows_is_started(client: Client, person: Person) -> None:
    for geometry in ("801x600", "800x601", "16384x16384"):
        with pytest.raises(InvalidValue, match="allows 800x600 at most"):
            start(client, "small", geometry)
    id_ = start(client, "small", "800x600")
    assert Screen(person, client.session(id_)).size == (800, 600)
    assert client.session(start(client, "small")).geometry == "640x480"


def test_no_viewer_makes_the_screen_larger(client: Client, person: Person) -> None:
    session = client.session(start(client, "small"))
    screen = Screen(person, session)
    with watching(client, session.id) as viewer:
        viewer.ask_for(1024, 768)
        viewer.ask_for(700, 500)
        until(lambda: screen.size == (700, 500), "the size that is allowed is there")
        for size in ((801, 600), (800, 601), (4000, 4000), (16384, 16384)):
            viewer.ask_for(*size)
        viewer.key(0x61)
        stays(lambda: screen.size[0] <= 800 and screen.size[1] <= 600, "it is not larger", 1)


# -- idle viewers


def test_an_idle_viewer_is_warned_may_stay_and_is_disconnected_and_the_session_lives(client: Client) -> None:
    id_ = start(client, "busy")
    with watching(client, id_) as viewer:
        warning = viewer.hear("warning")
        assert (warning["kind"], warning["extendable"]) == ("idle", True)
        assert 0 < warning["at"] - time.time() <= 5
        began = time.monotonic()
        viewer.tell(type="stay")
        viewer.hear("warning-over")
        viewer.hear("warning")
        assert viewer.hear("end")["code"] == "idle"
        assert time.monotonic() - began > 4
    until(lambda: state(client, id_) == "suspended", "it is suspended")
    with watching(client, id_) as viewer:
        assert viewer.width


def test_who_types_is_not_idle(client: Client) -> None:
    id_ = start(client, "busy")
    with watching(client, id_) as viewer:
        stop = time.monotonic() + 9
        while time.monotonic() < stop:
            viewer.key(0x61)
            stays(lambda: True, "", 0.5)
        assert not [message for message in viewer.said if message["type"] == "end"]
        assert state(client, id_) == "running"


# -- disconnected sessions


def test_a_session_that_nobody_looks_at_ends_after_its_time_and_not_before(client: Client, person: Person) -> None:
    id_ = start(client, "fleeting")
    with watching(client, id_):
        stays(lambda: state(client, id_) == "running", "somebody looks at it", 5)
        assert client.session(id_).ends_at is None
        last_seen = time.time()
    ends_at = until(lambda: client.session(id_).ends_at, "it says when it ends")
    assert last_seen + 4 <= ends_at <= time.time() + 4
    done = ended(client, id_)
    assert time.time() >= ends_at
    assert "disconnected for 4 seconds" in (done.reason or "")
    person.gone(id_, done.display)


def test_an_announced_end_can_be_pushed_back(client: Client, server: Server, person: Person) -> None:
    id_ = start(client, "fleeting")
    until(lambda: client.session(id_).ends_at, "it says when it ends")
    first = client.session(id_).ends_at or 0
    for _ in range(2):
        later = client.extend(id_).ends_at or 0
    assert later > first
    stays(lambda: state(client, id_) != "ended", "it was pushed back", max(0.0, first - time.time()))
    with watching(client, id_):
        until(lambda: client.session(id_).ends_at is None, "somebody looks")


# -- seats


@pytest.fixture
def limited(server: Server, new_person: MakePerson) -> Iterator[Callable[..., None]]:
    """Sets seats for one test."""
    boss = new_person()
    server.administered_by(boss.name)
    names = ("seats_total", "seats_user", "seats_groups")
    with boss.login(server) as admin:
        yield lambda **given: [admin.set_setting(name, value) for name, value in given.items()]
        for name in names:
            admin.set_setting(name, {} if name == "seats_groups" else 0)
    server.administered_by()


def burst(clients: list[Client], count: int) -> tuple[list[str], list[PortcallError]]:
    """``count`` starts at once, shared by the clients: the sessions that run, and the refusals."""
    running: list[str] = []
    refusals: list[PortcallError] = []
    ready = threading.Barrier(count)

    def one(client: Client) -> None:
        ready.wait()
        try:
            running.append(client.start(StartRequest(STAYS))["result"]["id"])
        except PortcallError as error:
            refusals.append(error)

    threads = [threading.Thread(target=one, args=(clients[number % len(clients)],)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(180)
    return running, refusals


def test_fifty_starts_at_once_of_several_people_have_fifty_displays(server: Server, new_person: MakePerson) -> None:
    people = [new_person() for _ in range(3)]
    clients = [one.login(server) for one in people]
    try:
        running, refusals = burst(clients, 50)
        assert (len(running), refusals) == (50, [])
        sessions = [session for client in clients for session in client.sessions()]
        assert sorted(session.id for session in sessions) == sorted(running)
        assert len({session.display for session in sessions}) == 50
    finally:
        for client in clients:
            for session in client.sessions():
                client.terminate(session.id)
            client.close()
    for one in people:
        one.clean("all have ended", 90)


@pytest.mark.parametrize("of", ["user", "all", "group"])
def test_twenty_starts_for_five_seats_are_five_sessions(
    server: Server, new_person: MakePerson, limited: Callable[..., None], of: str
) -> None:
    people = [new_person() for _ in range(1 if of == "user" else 3)]
    if of == "group":
        for one in people[1:]:
            subprocess.run(["usermod", "--append", "--groups", people[0].name, one.name], check=True)
    limited(**{
        "user": {"seats_user": 5}, "all": {"seats_total": 5}, "group": {"seats_groups": {people[0].name: 5}},
    }[of])  # fmt: skip
    clients = [one.login(server) for one in people]
    try:
        running, refusals = burst(clients, 20)
        assert (len(running), len(refusals)) == (5, 15)
        assert all(isinstance(refusal, SeatsTaken) and "5" in refusal.detail for refusal in refusals)
        live = [id_ for client in clients for id_, state_ in states(client).items() if state_ != "ended"]
        assert sorted(live) == sorted(running)
        owner = next(client for client in clients if running[0] in states(client))
        owner.terminate(running[0])
        ended(owner, running[0])
        assert len(burst(clients, 3)[0]) == 1, "the seat that was left is taken, once"
    finally:
        for client in clients:
            for id_, state_ in states(client).items():
                if state_ != "ended":
                    client.terminate(id_)
            client.close()
    for one in people:
        one.clean("all have ended", 90)


def test_a_session_that_comes_up_holds_its_seat(
    server: Server, new_person: MakePerson, limited: Callable[..., None]
) -> None:
    slow = new_person()
    go = slow.home / "go"
    (slow.home / ".bash_profile").write_text(f"while [ ! -e {go} ]; do sleep 0.05; done\n")
    limited(seats_user=1)
    with slow.login(server) as client:
        first = client.start(StartRequest(STAYS), wait=False)["result"]
        assert first["state"] == "pending"
        with pytest.raises(SeatsTaken, match="1 at once is the limit"):
            client.start(StartRequest(STAYS))
        go.touch()
        until(lambda: state(client, first["id"]) == "running", "the first comes up")
        explained = json.dumps(client.session_trace(first["id"]))
        assert '"seats"' in explained
        client.terminate(first["id"])
        slow.gone(first["id"])
