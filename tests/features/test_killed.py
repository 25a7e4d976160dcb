"""Server, link and session daemon killed with -9, at each step of a start and afterwards (A10): nothing is lost."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Iterator

import psutil
import pytest
from websockets.exceptions import WebSocketException

from portcall.client.api import Client
from portcall.errors import PortcallError
from portcall.model.ids import new_session_id
from portcall.model.start import StartRequest
from tests.features.conftest import MakePerson, MakeServer
from tests.features.people import Person, state, states
from tests.features.server import Server
from tests.features.viewer import Refused, watching
from tests.features.waiting import until

pytestmark = pytest.mark.root
VICTIMS = ("server", "link", "session")
ORDERS = [order for count in (1, 2, 3) for order in itertools.permutations(VICTIMS, count)]


@pytest.fixture(scope="module")
def server(new_server: MakeServer, pam: str) -> Server:
    return new_server("service", pam_service=pam, login_methods="pam", login_failures=1000)


@pytest.fixture(scope="module")
def person(new_person: MakePerson) -> Person:
    return new_person()


@pytest.fixture
def client(server: Server, person: Person) -> Iterator[Client]:
    with person.login(server) as client:
        yield client


@pytest.fixture(scope="module")
def running(server: Server, person: Person) -> dict[str, str | None]:
    """Sessions that run all the while: id → display."""
    kinds = (("xterm", "800x600"), ("xclock", "rootless"), ("tail -f /dev/null", ""))
    found = [person.start(server, command, geometry=geometry) for command, geometry in kinds]
    for session in found:
        person.settled(session.id)
    return {session.id: session.display for session in found}


def kill(victim: str, server: Server, person: Person, sessions: list[str]) -> None:
    if victim == "server":
        server.kill()
        return
    found = [person.link(server)] if victim == "link" else [person.daemon(one) for one in sessions]
    for one in found:
        if one is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()


@pytest.mark.parametrize("order", ORDERS, ids=", then ".join)
def test_sessions_live_on_whatever_is_killed(
    order: tuple[str, ...], server: Server, person: Person, client: Client, running: dict[str, str | None]
) -> None:
    before = {id_: person.programs(id_).keys() for id_ in running}
    for victim in order:
        kill(victim, server, person, list(running))
    if server.process is None:
        server.start()
    until(lambda: {id_: state for id_, state in states(client).items() if state != "ended"}.keys() == running.keys(),
          "all are listed")  # fmt: skip
    for id_ in running:
        until(lambda id_=id_: _connects(client, id_), f"{id_} can be connected to after {order}")
        until(lambda id_=id_: person.daemon(id_), "it has a daemon")
        until(lambda id_=id_: person.programs(id_).keys() == before[id_], "it has the programs that it had")
    assert set(states(client).values()) <= {"running", "suspended"}
    # one that found another in its place may be just about to leave
    until(lambda: len(person.processes("portcall-sess")) == len(running), "one daemon for each")
    # one that left comes back when it is needed; what it has just forked has its name yet
    until(lambda: len(person.processes("portcall-link")) <= 1, "one link at most")


def _connects(client: Client, session_id: str) -> bool:
    try:
        with watching(client, session_id) as viewer:
            return viewer.width > 0
    except (PortcallError, Refused, OSError, WebSocketException, TimeoutError):
        return False


def test_nothing_is_left_when_they_end(
    server: Server, person: Person, client: Client, running: dict[str, str | None]
) -> None:
    for id_ in running:
        client.terminate(id_)
    for id_, display in running.items():
        person.gone(id_, display)
    until(lambda: set(states(client).values()) == {"ended"}, "all have ended")
    person.clean("all have ended")


@pytest.mark.parametrize("victim", [*VICTIMS, "display"])
def test_a_start_survives_or_says_so_whenever_a_process_is_killed(
    victim: str, server: Server, person: Person, client: Client
) -> None:
    for delay in (0.0, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15):
        before = set(states(client))
        asked = StartRequest("xclock", key=f"{victim} {delay}")
        with _starting(client, asked) as answers:
            threading.Event().wait(delay)
            _kill_in_start(victim, server, person)
            if server.process is None:
                server.start()
        # the same key again is the same session, whatever was heard of the first
        again = _start(client, asked)
        new = set(states(client)) - before
        assert len(new) <= 1, f"{victim} killed after {delay} s: {new}"
        for id_ in new:
            until(lambda id_=id_: _decided(client, id_), f"{id_} is up or over: {answers}, then {again}")
            _end(client, person, id_)
        person.clean(f"{victim} killed after {delay} s: {answers}, then {again}")


def test_a_start_survives_the_link_that_was_to_carry_it_out(server: Server, person: Person, client: Client) -> None:
    first = person.start(server, "xclock")
    link = until(lambda: person.link(server), "there is a link")
    link.suspend()
    with _starting(client, StartRequest("xclock", id=(id_ := new_session_id()))) as answers:
        until(lambda: state(client, id_) == "pending", "it is with the link")
        link.kill()
    assert answers == ["running"]
    for one in (first.id, id_):
        _end(client, person, one)
    person.clean("a link was killed before it had read the order")


def test_a_start_survives_its_link_and_its_process(server: Server, person: Person, client: Client) -> None:
    with _starting(client, StartRequest("xclock", id=(id_ := new_session_id()))) as answers:
        session = until(lambda: person.daemon(id_), "it has a process")
        session.suspend()  # it must not be taken over, or be up, before both are dead
        for one in (person.link(server), session):
            if one is not None:
                one.kill()
    assert answers == ["running"]
    _end(client, person, id_)
    person.clean("link and process of a start were killed")


def _end(client: Client, person: Person, session_id: str) -> None:
    """What is up is ended, what is over has said why; of either nothing is left."""
    session = client.session(session_id)
    if session.state == "ended":
        assert session.reason
    else:
        client.terminate(session_id)
    person.gone(session_id, session.display)


@contextlib.contextmanager
def _starting(client: Client, asked: StartRequest) -> Iterator[list[object]]:
    """A start under way. Afterwards it has been answered, and the answer is in the list."""
    answers: list[object] = []
    asking = threading.Thread(target=lambda: answers.append(_start(client, asked)))
    asking.start()
    yield answers
    asking.join(90)
    assert not asking.is_alive()


def _decided(client: Client, session_id: str) -> bool:
    """Up, with a display that answers, or over. One whose display was killed may be up for a moment."""
    return state(client, session_id) == "ended" or _connects(client, session_id)


def _start(client: Client, asked: StartRequest) -> object:
    try:
        return client.start(asked)["result"]["state"]
    except PortcallError as error:
        return error


def _kill_in_start(victim: str, server: Server, person: Person) -> None:
    if victim in ("server", "link"):
        kill(victim, server, person, [])
        return
    name = "Xvnc" if victim == "display" else "portcall-sess"
    for one in until(lambda: person.processes(name), f"there is a {name}"):
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
