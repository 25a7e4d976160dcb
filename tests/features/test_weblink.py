"""Sessions on hosts that reach the server over the network alone (E6, "Weblink Example" of S1): real namespaces, a
cable that is pulled, a server that is killed, tokens that are not good. Proxies and TLS: test_weblink_ways.py."""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from portcall.client.api import Client
from portcall.clock import Clock
from portcall.gateway.rfb import NOTHING_NEW
from portcall.login.tokens import Tokens
from portcall.stores.memory import Memory
from tests.features.apart import ALONE, Apart, apart
from tests.features.conftest import MakePerson, MakeServer
from tests.features.people import Person, arguments_of, ended, environment_of, kill, name_of, state, states
from tests.features.site import Given, Site, site_server
from tests.features.viewer import Viewer, watching
from tests.features.waiting import WITHIN, until
from tests.fixtures.pythons import pythons

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def far() -> Iterator[Apart]:
    with apart() as place:
        yield place


@pytest.fixture(scope="module")
def person(new_person: MakePerson) -> Person:
    return new_person()


@pytest.fixture(scope="module")
def site(new_server: MakeServer, pam: str, person: Person, far: Apart) -> Site:
    return Site(site_server(new_server, pam, far.here), person, far)


@pytest.fixture
def client(site: Site, person: Person) -> Iterator[Client]:
    with person.login(site.server) as client:
        yield client


def shows(viewer: Viewer, seconds: float = 30.0) -> bool:
    """Whether the display answers: a pixel of it, asked for anew."""
    viewer.connection.send(struct.pack(">BBHHHH", 3, 0, 0, 0, 1, 1))
    before = len(viewer._bytes)
    while len(viewer._bytes) == before:
        viewer._take(seconds)
    return True


def relays(person: Person) -> int:
    return len(person.processes("portcall-relay"))


def test_a_session_elsewhere_is_used_as_any_other(site: Site, person: Person, client: Client) -> None:
    session = site.started(client, "echo said in the far place; exec xterm")
    with watching(client, session.id) as viewer:
        assert (viewer.width, viewer.height) == (640, 480)
        until(lambda: client.session(session.id).clients == 1, "the viewer is counted")
        with watching(client, session.id) as second:
            assert shows(second)
        assert shows(viewer)
        assert relays(person) >= 1
    assert client.screenshot(session.id)[:4] == b"\x89PNG"
    until(lambda: "said in the far place" in client.log(session.id)["log"], "the log")
    until(lambda: relays(person) == 0, "nothing carries bytes for viewers that have left")
    client.suspend(session.id)
    assert state(client, session.id) == "suspended"
    with watching(client, session.id) as viewer:
        viewer.connection.send(NOTHING_NEW)  # as the server does on a quiet screen
        assert shows(viewer)
        client.terminate(session.id)
        assert viewer.hear("end")["code"] == "ended"
    assert ended(client, session.id).reason
    person.gone(session.id, session.display)
    person.clean("it has ended")


def test_what_it_was_told_is_in_no_argv_and_in_no_environment(site: Site, person: Person, client: Client) -> None:
    given = site.schedule(client, "env > ~/found; exec tail -f /dev/null")
    done = site.begin(given, PORTCALL_ORDER=given.start)
    assert done.returncode == 0, done.stderr
    found = person.home / "found"
    until(lambda: found.exists() and "DISPLAY=" in found.read_text(), "the command has run")
    assert not [line for line in found.read_text().splitlines() if line.startswith(("WEBLINK_", "PORTCALL_ORDER"))]
    session = client.session(given.id)
    primary = given.environment["WEBLINK_PRIMARY"]
    with watching(client, given.id):
        for one in person.processes():
            assert primary not in " ".join(arguments_of(one))
            if name_of(one) not in ("portcall-sess", "portcall-relay"):
                assert primary not in " ".join(environment_of(one).values()), name_of(one)
    record = person.place(given.id) / "session.json"
    assert record.stat().st_mode & 0o777 == 0o600
    client.terminate(given.id)
    person.gone(given.id, session.display)


@pytest.mark.parametrize("seconds", [2, 10])
def test_a_cut_of_the_network_is_lived_through(
    seconds: float, site: Site, person: Person, client: Client, far: Apart
) -> None:
    session = site.started(client)
    with watching(client, session.id) as viewer:
        far.cut()
        threading.Event().wait(seconds)
        far.mend()
        assert shows(viewer), "the same viewer goes on"
    with watching(client, session.id) as viewer:
        assert shows(viewer)
    assert state(client, session.id) in ("running", "suspended")
    client.terminate(session.id)
    ended(client, session.id)
    person.gone(session.id, session.display)


def test_a_server_that_is_killed_finds_it_again(site: Site, person: Person, client: Client) -> None:
    session = site.started(client)
    before = person.settled(session.id).keys()
    site.server.kill()
    site.server.start()
    until(lambda: states(client).get(session.id) in ("running", "suspended"), "it is listed")
    with watching(client, session.id) as viewer:
        assert shows(viewer)
    assert person.programs(session.id).keys() >= before
    client.terminate(session.id)
    ended(client, session.id)
    person.gone(session.id, session.display)


def test_a_daemon_that_is_killed_is_taken_over_by_the_one_file(site: Site, person: Person, client: Client) -> None:
    given = site.schedule(client)
    assert site.begin(given).returncode == 0
    display = client.session(given.id).display
    daemon = until(lambda: person.daemon(given.id), "it has a daemon")
    with watching(client, given.id) as viewer:
        kill(daemon)
        assert shows(viewer), "what carries the display lives on"
    one_file = f"{given.document['rootDir']}/portcall-session.pyz"
    done = site.far.run(person, one_file, "session", given.id)
    assert done.returncode == 0, done.stderr
    until(lambda: person.daemon(given.id), "it has a daemon again")
    with watching(client, given.id) as viewer:
        assert shows(viewer)
    client.terminate(given.id)
    ended(client, given.id)
    person.gone(given.id, display)


def test_with_cli_it_lasts_as_long_as_the_command(site: Site, client: Client) -> None:
    done = site.begin(site.schedule(client, "echo to the job; exit 3"), "--cli")
    assert (done.returncode, "to the job" in done.stdout) == (3, True), done.stderr


@pytest.mark.parametrize("version", pythons())
def test_the_one_file_starts_it_on(version: str, site: Site, person: Person, client: Client) -> None:
    given = site.schedule(client)
    one_file = Path(given.document["rootDir"]) / "portcall-session.pyz"
    python = pythons()[version]
    if python.startswith("/root/"):
        person = Person("root", 0, 0, Path("/root"), "", person.program)  # nobody else may look into it
    program = (python, "-I", "-S", "-E", one_file, "start-weblink")
    done = Site(site.server, person, site.far).begin(given, program=program)
    assert done.returncode == 0, done.stderr
    with watching(client, given.id) as viewer:
        assert shows(viewer)
    session = client.session(given.id)
    client.terminate(given.id)
    ended(client, given.id)
    person.gone(given.id, session.display)


# who may not


def refused(site: Site, given: Given, words: str, **environment: str) -> None:
    """Said at once and clearly, on both sides, and nothing is left."""
    done = site.begin(given, **environment)
    assert done.returncode == 1, done.stdout
    assert words in done.stderr, done.stderr
    until(lambda: words in site.server.said(), "the server's log has it")
    base = Path(environment.get("FX_TEMP_DIR", "/tmp")) / f"portcall-{site.person.uid}"
    until(lambda: not (base / "sessions" / given.id).exists(), "nothing is left")


def test_a_wrong_token_is_refused(site: Site, client: Client) -> None:
    given = site.schedule(client)
    right = given.environment["WEBLINK_PRIMARY"]
    for wrong in ("nonsense", right[:-6] + "AAAAAA", right.replace(".", ".e30", 1)):
        refused(site, given, "is not one of this server's", WEBLINK_PRIMARY=wrong)
    assert state(client, given.id) == "pending"
    client.purge(given.id)


def test_anothers_token_is_refused(site: Site, client: Client) -> None:
    given, other = site.schedule(client), site.schedule(client)
    refused(site, given, "is for another session", WEBLINK_PRIMARY=other.environment["WEBLINK_PRIMARY"])
    assert {state(client, one.id) for one in (given, other)} == {"pending"}
    for one in (given, other):
        client.purge(one.id)


def test_a_token_that_is_used_is_refused(site: Site, person: Person, client: Client) -> None:
    """On another host, as it were: nothing of the first process can be seen there."""
    given = site.schedule(client)
    assert site.begin(given).returncode == 0
    elsewhere = person.home / "elsewhere"
    person.run("mkdir", str(elsewhere))
    site.far.around = ALONE
    try:
        refused(site, given, "is used by another process already", FX_TEMP_DIR=str(elsewhere))
    finally:
        site.far.around = ()
    with watching(client, given.id) as viewer:
        assert shows(viewer), "the first goes on"
    session = client.session(given.id)
    client.terminate(given.id)
    ended(client, given.id)
    person.gone(given.id, session.display)


def test_a_token_that_has_expired_is_refused(site: Site, client: Client) -> None:
    given = site.schedule(client)
    tokens = Tokens(Memory(Clock()), Clock(), site.server.var / "local", "any")
    late = tokens.sign_weblink(given.id, site.person.name, Clock().now() - 1)
    refused(site, given, "has expired", WEBLINK_PRIMARY=late)
    client.purge(given.id)


def test_one_that_was_purged_before_it_came_is_told_to_go(site: Site, client: Client) -> None:
    given = site.schedule(client)
    client.purge(given.id)
    refused(site, given, "was purged")


def test_one_that_is_purged_while_the_network_is_cut_ends_when_it_is_back(
    site: Site, person: Person, client: Client, far: Apart
) -> None:
    session = site.started(client)
    site.server.stop()  # so that the connection is gone for both sides
    far.cut()
    site.server.start()
    with person.login(site.server) as again:
        again.purge(session.id)
        assert session.id not in states(again)
    far.mend()
    person.gone(session.id, session.display, within=60)


def test_one_that_is_terminated_while_the_network_is_cut_ends_when_it_is_back(
    site: Site, person: Person, client: Client, far: Apart
) -> None:
    session = site.started(client)
    site.server.stop()
    far.cut()
    site.server.start()
    client.terminate(session.id)
    assert state(client, session.id) == "ending"
    far.mend()
    assert ended(client, session.id, within=60)
    person.gone(session.id, session.display)


def test_the_listener_for_weblinks_takes_nothing_else(site: Site, client: Client, far: Apart) -> None:
    base = site.schedule(client).environment["WEBLINK_URL"]
    assert base != site.server.url
    upgrade = {
        "connection": "Upgrade", "upgrade": "websocket", "sec-websocket-version": "13", "sec-websocket-key": "AAAA",
    }  # fmt: skip
    with httpx.Client(trust_env=False, timeout=WITHIN) as http:
        for path in ("/", "/api/server", "/metrics", "/weblink/control", "/weblink"):
            assert http.get(base + path).status_code == 404, path
        for path in ("/view/any", "/weblink/any", "/weblink/control/more"):
            assert http.get(base + path, headers=upgrade).status_code == 404, path
        for path in ("/weblink/control", "/weblink/display"):
            answer = http.get(base + path, headers={**upgrade, "authorization": "Bearer nonsense"})
            assert (answer.status_code, answer.json()["code"]) == (403, "weblink-refused")
            assert http.get(site.server.url + path, headers=upgrade).status_code == 403


def test_the_script_says_what_it_is_missing(site: Site, client: Client) -> None:
    given = site.schedule(client)
    done = site.begin(given, WEBLINK_PRIMARY="")
    assert (done.returncode, "WEBLINK_PRIMARY is not set" in done.stderr) == (1, True)
    done = site.begin(given, WEBLINK_URL="ftp://somewhere")
    assert (done.returncode, "http(s)://HOST" in done.stderr) == (1, True)
    done = site.begin(given, WEBLINK_URI="/nowhere")
    assert (done.returncode, "no weblinks are taken at" in done.stderr) == (1, True), done.stderr
    client.purge(given.id)
