"""Event scripts of a profile, as a person's sessions run them: through the server, by hand, and when it is purged."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from portcall.client.api import Client
from portcall.model.start import StartRequest
from tests.features.conftest import MakePerson, MakeServer
from tests.features.people import Person, ended
from tests.features.server import Server
from tests.features.viewer import watching
from tests.features.waiting import until

pytestmark = pytest.mark.root
STAYS = "exec tail -f /dev/null"
PROFILES = """
[told]
on_start = 'echo "start $(id -un) $DISPLAY" >>"said-$PORTCALL_SESSION_ID"'
on_connect = 'echo "connect $PORTCALL_CLIENTS" >>"said-$PORTCALL_SESSION_ID"'
on_disconnect = 'echo "disconnect $PORTCALL_CLIENTS" >>"said-$PORTCALL_SESSION_ID"'
on_params = 'echo "params $PORTCALL_PARAMS" >>"said-$PORTCALL_SESSION_ID"'
on_terminate = '''
#!/bin/bash
[[ -S /tmp/.X11-unix/X${DISPLAY#:} ]] && echo "terminate ${PORTCALL_REASON%% *}" >>"said-$PORTCALL_SESSION_ID"
'''

[slow]
on_terminate = 'sleep 7; echo over >>"said-$PORTCALL_SESSION_ID"'
"""
Said = Callable[[str], "list[str]"]


@pytest.fixture(scope="module")
def server(program: object, pam: str, new_server: MakeServer) -> Server:
    made = new_server(pam_service=pam, login_methods="pam", login_failures=1000)
    (made.config / "profiles.toml").write_text(PROFILES)
    subprocess.run(["kill", "-HUP", str(made.pid)], check=True)
    until(lambda: "slow" in made.public["profiles"], "the profiles are known")
    return made


@pytest.fixture(scope="module")
def person(new_person: MakePerson) -> Person:
    return new_person()


@pytest.fixture
def client(server: Server, person: Person) -> Iterator[Client]:
    with person.login(server) as client:
        yield client
    person.clean("all have ended")


@pytest.fixture
def said(person: Person) -> Said:
    """What the scripts of a session have written at home."""

    def read(session_id: str) -> list[str]:
        path = Path(person.home, f"said-{session_id}")
        return path.read_text().splitlines() if path.exists() else []

    return read


def hears(said: Said, session_id: str, line: str) -> None:
    until(lambda: said(session_id)[-1:] == [line], line)


def test_a_sessions_life_is_told_to_its_profiles_scripts(client: Client, person: Person, said: Said) -> None:
    session = client.session(client.start(StartRequest(STAYS, profile="told"))["result"]["id"])
    hears(said, session.id, f"start {person.name} {session.display}")
    with watching(client, session.id):
        hears(said, session.id, "connect 1")
        with watching(client, session.id):
            hears(said, session.id, "connect 2")
        hears(said, session.id, "disconnect 1")
    hears(said, session.id, "disconnect 0")
    client.change(session.id, name="Wing", params={"project": "x"})
    hears(said, session.id, 'params {"name": "Wing", "project": "x"}')
    client.terminate(session.id)
    ended(client, session.id)
    assert said(session.id)[-1] == "terminate It"
    assert len(said(session.id)) == 7
    person.gone(session.id, session.display)


def test_a_start_by_hand_has_the_servers_scripts_whatever_its_own_configuration_says(
    server: Server, person: Person, said: Said
) -> None:
    mine = person.home / "mine"
    person.run("mkdir", str(mine))
    (mine / "profiles.toml").write_text('[told]\non_start = ""\n')
    (mine / "portcall.toml").write_text(f'runtime_dir = "{server.run}"\n')
    asked = ("start", "--local", "--command", STAYS, "--profile", "told")
    for more in ((), ("--config_path", str(mine))):
        session = json.loads(person.portcall(server, *asked, *more).stdout)
        hears(said, session["id"], f"start {person.name} {session['display']}")
        person.portcall(server, "terminate", session["id"], "--local")
        hears(said, session["id"], "terminate It")
        person.gone(session["id"], session["display"])


def test_a_purge_waits_for_the_last_script(client: Client, person: Person, said: Said) -> None:
    session = client.session(client.start(StartRequest(STAYS, profile="slow"))["result"]["id"])
    client.purge(session.id)
    assert said(session.id) == ["over"]
    person.gone(session.id, session.display)
