"""A command line in place of the start, as a schedule function returns it (B5): the example of the clustering guide,
with a scheduler that keeps its jobs until somebody runs them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from portcall.client.api import Client
from portcall.errors import StartFailed
from portcall.model.start import StartRequest
from tests.features.conftest import MakePerson, MakeServer
from tests.features.people import Person, state
from tests.features.server import Server
from tests.features.test_custom_launcher import STAYS, root_dir
from tests.features.waiting import until

pytestmark = pytest.mark.root
ORDER = ("schedule", "schedule event", "load balancing", "scheduled")
BSUB = """#!/usr/bin/python3
# command line and environment go on into the job, as LSF has it
import json, os, sys
job = {"argv": sys.argv[1:], "environment": dict(os.environ)}
json.dump(job, os.fdopen(os.open(os.path.expanduser("~/job"), os.O_WRONLY | os.O_CREAT, 0o600), "w"))
print("Job <7> is submitted to queue <normal>.")
"""
# "A Job Scheduling Example" (S2); the paths are this site's
EXAMPLE = """function(input) {
  return "BSUB \\
    ROOT/scripts/start \\
    --command ${ start.command } --name ${ start.name } \\
    > /dev/null; \\
    echo Your Job Has Been Scheduled"
}"""


@pytest.fixture(scope="module")
def server(new_server: MakeServer, pam: str) -> Server:
    return new_server(pam_service=pam, login_methods="pam", login_failures=1000)


@pytest.fixture(scope="module")
def person(new_person: MakePerson, server: Server) -> Person:
    person = new_person()
    server.administered_by(person.name)
    return person


@pytest.fixture(scope="module")
def bsub(server: Server) -> Path:
    path = server.folder / "bsub"
    path.write_text(BSUB)
    path.chmod(0o755)
    return path


@pytest.fixture
def client(server: Server, person: Person) -> Iterator[Client]:
    """Nothing outlives the test."""
    with person.login(server) as client:
        yield client
        client.delete_document("functions", "schedule", force=True)
        for session in client.sessions():
            client.purge(session.id)
        person.clean("the test is over")


def schedule(client: Client, source: str) -> None:
    client.put_document("functions", "schedule", {"kind": "schedule", "name": "schedule", "source": source})


def test_the_interpolated_string_is_executed_instead_of_a_start_and_its_output_is_returned(
    server: Server, person: Person, client: Client, bsub: Path
) -> None:
    """S0, S1: merge the start data with a template string; instead of starting a session immediately, execute this
    interpolated string; any output will be returned to the user. Where the session gets started is up to LSF."""
    schedule(client, EXAMPLE.replace("BSUB", str(bsub)).replace("ROOT", str(root_dir(server))))
    answer = client.start(StartRequest(STAYS, name="My Shiny Xterm", geometry="640x480"))
    assert (answer["stage"], answer["text"]) == ("scheduled", "Your Job Has Been Scheduled")
    session = client.session(answer["result"]["id"])
    assert (session.state, session.launcher) == ("pending", "template")
    assert not person.of_session(session.id)
    job = json.loads((person.home / "job").read_text())
    assert job["argv"][1:] == ["--command", STAYS, "--name", "My Shiny Xterm"]
    # its turn has come
    done = person.run(*job["argv"], environment=job["environment"])
    assert done.returncode == 0, done.stderr
    until(lambda: state(client, session.id) == "running", "it has called in")
    now = client.session(session.id)
    assert (now.name, now.command, now.geometry, now.origin) == ("My Shiny Xterm", STAYS, "640x480", "pipeline")
    client.terminate(session.id)
    person.gone(session.id, now.display)


def test_the_string_is_executed_on_the_server_that_load_balancing_chose(server: Server, client: Client) -> None:
    """S0, S1: Job Scheduling creates a template string in place of the start command, Load Balancing chooses which
    server executes the start data; you will execute the template function on the serverId returned."""
    schedule(client, "function(input) { return 'hostname'; }")
    answer = client.start(StartRequest(STAYS))
    steps = [step["step"] for step in client.trace(answer["result"]["id"])["steps"]]
    assert [step for step in steps if step in ORDER] == list(ORDER)
    assert answer["result"]["serverId"] == client.servers()[0]["serverId"] == server.public["serverId"]


def test_a_string_that_fails_is_an_error_with_its_output(client: Client) -> None:
    schedule(client, "function(input) { return 'echo No slots; exit 3'; }")
    with pytest.raises(StartFailed, match="No slots"):
        client.start(StartRequest(STAYS))
    (session,) = client.sessions()
    assert (session.state, session.reason) == ("ended", "No slots")
