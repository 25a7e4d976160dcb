"""Sessions as jobs of a real Grid Engine, of ordinary users: waiting, running, cancelled, killed, out of time, and a
qmaster that goes and comes back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from portcall.client.api import Client
from portcall.errors import StartFailed
from portcall.model import job as states
from portcall.model.session import Session
from portcall.model.start import StartRequest
from portcall.testing.gridengine import GridEngine, host_of_its_own
from tests.features.conftest import MakePerson, MakeServer
from tests.features.people import Person, ended, state
from tests.features.server import Server
from tests.features.viewer import watching
from tests.features.waiting import until

pytestmark = [pytest.mark.root, pytest.mark.timeout(600)]
STAYS = "exec tail -f /dev/null"
SOON = 60.0  # questions are asked every ten seconds at most
LATER = 150.0  # one that is silent is asked ever less often


@pytest.fixture(scope="module")
def grid() -> Iterator[GridEngine]:
    """One job at a time, in a network where nothing else is: not ours either."""
    with host_of_its_own(), GridEngine() as grid:
        yield grid


@pytest.fixture(scope="module")
def person(new_person: MakePerson) -> Person:
    return new_person()


@pytest.fixture(scope="module")
def server(grid: GridEngine, new_server: MakeServer, pam: str) -> Server:
    return new_server(
        pam_service=pam, login_methods="pam", login_failures=1000, launcher="gridengine", environment=grid.environment
    )


@pytest.fixture
def client(server: Server, person: Person, grid: GridEngine) -> Iterator[Client]:
    """Nothing outlives the test: no job, no process."""
    with person.login(server) as client:
        yield client
        for session in client.sessions():
            client.purge(session.id)
        until(lambda: not living(grid), "no job is left", SOON)
        person.clean("the test is over")


def living(grid: GridEngine) -> str:
    return grid.run("qstat", "-u", "*")


def submit(client: Client, command: str = STAYS, **members: Any) -> Session:
    """A start whose job is known."""
    before = {session.id for session in client.sessions()}
    answer = client.start(StartRequest(command, geometry="640x480", **members))
    assert answer["stage"] == "scheduled"
    (session,) = [session for session in client.sessions() if session.id not in before]
    assert session.state == "pending"
    assert session.job is not None
    assert session.job.id.isdigit()
    return session


def runs(client: Client, session: Session) -> Session:
    until(lambda: state(client, session.id) == "running", f"{session.id} runs", SOON)
    return client.session(session.id)


def job_of(client: Client, session: Session) -> Any:
    return client.session(session.id).job


def test_a_job_becomes_the_session_and_ends_with_it(
    grid: GridEngine, server: Server, person: Person, client: Client
) -> None:
    session = runs(client, submit(client, "exec xterm"))
    with watching(client, session.id) as viewer:
        assert (viewer.width, viewer.height) == (640, 480)
        until(lambda: client.session(session.id).clients == 1, "the viewer is counted")
    until(lambda: job_of(client, session).state == states.RUNNING, "its job is told of", SOON)
    job = job_of(client, session)
    assert (job.queue, job.hosts) == ("main", ["localhost"])
    assert (person.home / f".local/state/portcall/jobs/{session.id}.log").stat().st_uid == person.uid
    client.terminate(session.id)
    ended(client, session.id)
    person.gone(session.id, session.display)
    until(lambda: not living(grid), "the job is over too", SOON)


def test_nothing_of_the_job_is_in_what_the_session_runs(server: Server, person: Person, client: Client) -> None:
    session = runs(client, submit(client))
    environment = person.program_of(session.id, "tail").environ()
    assert not [name for name in environment if name.startswith(("SGE_", "JOB_", "PE_", "WEBLINK_", "TZ"))]
    assert not {"JOB_ID", "QUEUE", "NSLOTS", "TMPDIR", "LC_ALL", "ENVIRONMENT", "REQNAME"} & set(environment)
    assert environment["HOME"] == str(person.home)


def test_a_session_waits_behind_another_and_says_where(person: Person, client: Client) -> None:
    first = runs(client, submit(client))
    second, third = submit(client), submit(client)
    until(lambda: job_of(client, third).place == 2, "its place in the queue is told", SOON)
    until(lambda: job_of(client, second).place == 1, "and that of the one before", SOON)
    waits = job_of(client, second)
    assert (waits.state, waits.said) == (states.QUEUED, "qw")
    until(lambda: "full" in job_of(client, second).reason, "and why it waits", SOON)
    client.terminate(first.id)
    assert runs(client, second).hostname
    assert state(client, third.id) == "pending"


def test_terminate_cancels_a_job_that_waits(grid: GridEngine, client: Client) -> None:
    first = runs(client, submit(client))
    second = submit(client)
    assert second.job is not None
    client.terminate(second.id)
    ended(client, second.id, SOON)
    assert second.job.id not in living(grid).split()
    assert state(client, first.id) == "running"


def test_a_job_that_an_administrator_deletes_ends_the_session(grid: GridEngine, person: Person, client: Client) -> None:
    session = runs(client, submit(client))
    assert session.job is not None
    grid.run("qdel", session.job.id)
    assert ended(client, session.id, SOON).reason
    person.gone(session.id, session.display)


def test_a_job_whose_time_is_up_ends_the_session(person: Person, client: Client) -> None:
    session = runs(client, submit(client, params={"time": "0:00:20"}))
    until(lambda: job_of(client, session).ends_at, "the end of its time is told", SOON)
    job = job_of(client, session)
    assert job.ends_at - job.started == 20
    assert ended(client, session.id, SOON).reason
    person.gone(session.id, session.display)


def test_a_submission_that_is_refused_says_why(client: Client) -> None:
    with pytest.raises(StartFailed, match="unknown queue"):
        client.start(StartRequest(STAYS, geometry="640x480", params={"queue": "nosuch"}))


def test_qmaster_may_go_and_come_back(grid: GridEngine, client: Client) -> None:
    session = runs(client, submit(client))
    waits = submit(client)
    grid.stop_master()
    try:
        answer = client.start(StartRequest(STAYS, geometry="640x480", name="patient"))
        assert answer["stage"] == "scheduled"
        (patient,) = [session for session in client.sessions() if session.name == "patient"]
        until(lambda: job_of(client, waits).state == states.UNKNOWN, "it is not known how it stands", SOON)
        assert "does not answer" in job_of(client, waits).reason
        assert [state(client, one.id) for one in (session, waits, patient)] == ["running", "pending", "pending"]
    finally:
        grid.start_master()
    until(lambda: job_of(client, waits).state == states.QUEUED, "it is known again", LATER)
    until(lambda: job_of(client, patient) is not None and job_of(client, patient).id, "it was submitted", LATER)
    assert state(client, session.id) == "running"
