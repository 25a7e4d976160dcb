"""Sessions on hosts that reach the server over the network alone (E6, "Weblink Example" of S1): real namespaces, a cable
that is pulled, proxies between, a server that is killed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from portcall.client.api import Client
from portcall.model.session import Session
from portcall.model.start import StartRequest
from tests.features.apart import Apart, apart
from tests.features.conftest import MakePerson, MakeServer
from tests.features.people import Person, ended, state
from tests.features.server import Server
from tests.features.viewer import watching
from tests.features.waiting import until

pytestmark = pytest.mark.root
TELLS = """#!/bin/sh
# keeps what it was given: somebody starts the session later, somewhere
umask 022
cat > "$1/$$.new"
mv "$1/$$.new" "$1/$$.json"
echo scheduled
"""


@dataclass
class Given:
    """What a launcher was told for one session."""

    document: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.document["start"]["id"])

    @property
    def environment(self) -> dict[str, str]:
        link = self.document["weblink"]
        return {"WEBLINK_URL": link["url"], "WEBLINK_URI": link["uri"], "WEBLINK_PRIMARY": link["primary"]}

    @property
    def start(self) -> str:
        return json.dumps(self.document["start"])


class Site:
    """A server whose launcher leaves all starts to the test."""

    def __init__(self, server: Server, person: Person, far: Apart) -> None:
        self.server, self.person, self.far = server, person, far
        self.told = server.folder / "told"

    def schedule(self, client: Client, command: str = "xterm", **members: Any) -> Given:
        """A start that waits for somebody to make it."""
        before = set(self.told.glob("*.json"))
        client.start(StartRequest(command, geometry="640x480", **members))
        path = until(lambda: set(self.told.glob("*.json")) - before, "the launcher was told").pop()
        return Given(json.loads(path.read_text()))

    def script(self, given: Given) -> str:
        return f"{given.document['rootDir']}/scripts/start-weblink"

    def begin(self, given: Given, *more: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.far.run(
            self.person, self.script(given), "--json=0", *more, text=given.start,
            environment=given.environment | environment,
        )  # fmt: skip

    def started(self, client: Client, command: str = "xterm", **environment: str) -> Session:
        given = self.schedule(client, command)
        done = self.begin(given, **environment)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["id"] == given.id
        until(lambda: state(client, given.id) == "running", "it is listed as running")
        return client.session(given.id)


@pytest.fixture(scope="module")
def far() -> Iterator[Apart]:
    with apart() as place:
        yield place


@pytest.fixture(scope="module")
def person(new_person: MakePerson) -> Person:
    return new_person()


@pytest.fixture(scope="module")
def site(new_server: MakeServer, pam: str, person: Person, far: Apart) -> Site:
    return Site(made(new_server, pam, far.here), person, far)


def made(new_server: MakeServer, pam: str, host: str, **settings: Any) -> Server:
    server = new_server(
        "service", pam_service=pam, login_methods="pam", login_failures=1000, host=host, launcher="custom", **settings
    )
    script, told = server.folder / "tells", server.folder / "told"
    script.write_text(TELLS)
    script.chmod(0o755)
    told.mkdir(mode=0o777)
    told.chmod(0o777)
    port = int(server.settings["port"])
    (server.config / "fastx.env").write_text(
        f"LAUNCHER_SCRIPT={script}\nLAUNCHER_ARGS={told}\nWEBLINK_PORT={port + 1 if port < 65_535 else port - 1}\n"
    )
    server.stop()
    return server.start()


@pytest.fixture
def client(site: Site, person: Person) -> Iterator[Client]:
    with person.login(site.server) as client:
        yield client


def test_a_session_elsewhere_is_used_as_any_other(site: Site, person: Person, client: Client) -> None:
    session = site.started(client, "echo said in the far place; exec xterm")
    with watching(client, session.id) as viewer:
        assert (viewer.width, viewer.height) == (640, 480)
        until(lambda: client.session(session.id).clients == 1, "the viewer is counted")
    assert client.screenshot(session.id)[:4] == b"\x89PNG"
    until(lambda: "said in the far place" in client.log(session.id)["log"], "the log")
    client.terminate(session.id)
    assert ended(client, session.id).reason
    person.gone(session.id, session.display)
