"""Sessions in batch jobs of a real Slurm, of ordinary users: from the queue to the end, and what goes wrong."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from threading import Thread
from typing import Any

import psutil
import pytest

from portcall.client.api import Client
from portcall.errors import Conflict, InvalidValue, PortcallError, StartFailed
from portcall.model.job import Job
from portcall.model.session import Session
from portcall.model.start import StartRequest
from portcall.testing.slurm import Slurm
from tests.features.conftest import MakePerson, MakeServer
from tests.features.people import Person, ended
from tests.features.server import Server
from tests.features.viewer import watching
from tests.features.waiting import stays, until

pytestmark = [pytest.mark.root, pytest.mark.timeout(480)]
STAYS = "exec tail -f /dev/null"
OPTIONS = {"slurm": {"maximum": {"time": "12:00:00", "cores": 8}}}
SOON = 80.0  # seconds: Slurm's own pace, and two questions of ours, on a busy machine


@pytest.fixture(scope="module")
def slurm() -> Iterator[Slurm]:
    """One core: what is submitted second waits."""
    with Slurm(1) as slurm:
        yield slurm


@pytest.fixture(scope="module")
def server(new_server: MakeServer, pam: str, slurm: Slurm) -> Server:
    return new_server(
        environment=slurm.environment, pam_service=pam, login_methods="pam", login_failures=1000, launcher="slurm",
    )  # fmt: skip


@pytest.fixture(scope="module")
def person(new_person: MakePerson, server: Server) -> Person:
    person = new_person()
    server.administered_by(person.name)
    server.process.send_signal(signal.SIGHUP)  # type: ignore[union-attr]
    return person


@pytest.fixture
def client(server: Server, person: Person, slurm: Slurm) -> Iterator[Client]:
    """Nothing outlives the test: no session, no job, no process."""
    with person.login(server) as client:
        client.set_setting("launcher_options", OPTIONS)
        yield client
        for session in client.sessions():
            client.purge(session.id)
        until(lambda: not queue(slurm), "the queue is empty", SOON)
        person.clean("the test is over")


def queue(slurm: Slurm) -> list[list[str]]:
    """Id, name, user and state of what waits and runs."""
    return [line.split() for line in slurm.run("squeue", "--noheader", "--format=%i %j %u %T").stdout.splitlines()]


def submit(client: Client, command: str = STAYS, **params: Any) -> Session:
    answer = client.start(StartRequest(command, params=params))
    assert answer["stage"] == "scheduled", answer
    return client.session(answer["result"]["id"])


def job(client: Client, session_id: str) -> Job:
    found = client.session(session_id).job
    assert found is not None
    return found


def runs(client: Client, session_id: str) -> Session:
    until(lambda: client.session(session_id).state == "running", "it runs", SOON)
    return client.session(session_id)


def test_a_session_waits_behind_a_job_then_runs_is_seen_and_leaves_nothing(
    client: Client, slurm: Slurm, person: Person
) -> None:
    first, second = submit(client), submit(client)
    assert (first.state, first.launcher) == ("pending", "slurm")
    runs(client, first.id)
    until(lambda: job(client, second.id).reason == "Resources", "it waits", SOON)
    waiting = job(client, second.id)
    assert (waiting.state, waiting.place, waiting.queue) == ("queued", 1, "main")
    until(lambda: job(client, second.id).starts_to, "the expected start", SOON)
    assert (job(client, second.id).starts_to or 0) > time.time() + 600  # when the first job's time is over
    with pytest.raises(Conflict):
        client.connect(second.id)
    assert client.log(second.id)["log"]
    client.terminate(first.id)
    session = runs(client, second.id)
    with watching(client, second.id) as viewer:
        assert (viewer.width, viewer.height) == (1280, 800)
    until(lambda: job(client, second.id).state == "running", "its job runs", SOON)
    assert job(client, second.id).hosts == ["n1"]
    assert (job(client, second.id).ends_at or 0) > time.time() + 600
    client.terminate(second.id)
    ended(client, second.id)
    person.gone(second.id, session.display)
    until(lambda: job(client, first.id).state in ("done", "failed"), "the first job is over", SOON)


def test_a_profiles_event_scripts_run_in_the_job(client: Client, person: Person) -> None:
    said = "echo $PORTCALL_EVENT $PORTCALL_CLIENTS $DISPLAY >>~/said"
    last = f"#!/bin/sh\n{said}\n"
    client.put_document("profiles", "told", {"onStart": said, "onConnect": said, "onTerminate": last})
    answer = client.start(StartRequest(STAYS, profile="told"))
    session = runs(client, answer["result"]["id"])
    with watching(client, session.id):
        until(lambda: "connect 1" in (person.home / "said").read_text(), "a viewer is told of")
    until(lambda: client.session(session.id).clients == 0, "nobody looks")
    client.terminate(session.id)
    ended(client, session.id)
    lines = (person.home / "said").read_text().splitlines()
    assert lines == [f"start 0 {session.display}", f"connect 1 {session.display}", f"terminate 0 {session.display}"]


def test_a_pending_session_that_is_terminated_takes_its_job_along(client: Client, slurm: Slurm) -> None:
    first, second = submit(client), submit(client)
    session = client.terminate(second.id)
    assert session.state == "ended"
    assert [row[0] for row in queue(slurm)] == [job(client, first.id).id]
    third = submit(client)
    client.purge(third.id)
    assert [row[0] for row in queue(slurm)] == [job(client, first.id).id]
    with pytest.raises(Conflict, match="purged"):
        client.start(StartRequest(STAYS, id=third.id))


def test_a_job_that_its_scheduler_kills_ends_its_session_with_that_reason(client: Client, slurm: Slurm) -> None:
    session = runs(client, submit(client).id)
    until(lambda: job(client, session.id).state == "running", "its job is known to run", SOON)
    slurm.run("scancel", job(client, session.id).id)
    until(lambda: client.session(session.id).state == "ended", "it ended", SOON)
    until(lambda: job(client, session.id).state == "cancelled", "its job is over", SOON)
    told = f"The job {job(client, session.id).id} was cancelled."  # the session's own word may have come first
    until(lambda: client.session(session.id).reason == told, "it says who ended it", SOON)


def test_a_pending_job_that_is_cancelled_by_hand_ends_its_session(client: Client, slurm: Slurm) -> None:
    submit(client)
    waiting = submit(client)
    slurm.run("scancel", job(client, waiting.id).id)
    until(lambda: client.session(waiting.id).state == "ended", "it ended", SOON)
    assert client.session(waiting.id).reason == (
        f"The job {job(client, waiting.id).id} was cancelled before its session called in."
    )


def test_the_end_of_the_time_is_warned_of_and_asked_for_in_vain_and_then_told(client: Client, slurm: Slurm) -> None:
    session = runs(client, submit(client, time="1").id)
    until(lambda: job(client, session.id).ends_at, "the end of its time", SOON)
    with pytest.raises(Conflict, match="permission denied"):
        client.extend(session.id)
    with watching(client, session.id) as viewer:
        warning = viewer.hear("warning")
        assert (warning["kind"], warning["extendable"]) == ("job", True)
        assert warning["at"] == pytest.approx(job(client, session.id).ends_at, abs=2)
        viewer.tell(type="stay")
        again = viewer.hear("warning")
        assert again["extendable"] is False
        assert "permission denied" in again["detail"]
    until(lambda: client.session(session.id).state == "ended", "its time is over", 120)
    until(lambda: "time limit" in (client.session(session.id).reason or ""), "the reason", SOON)
    until(lambda: "TIME LIMIT" in client.log(session.id)["log"], "Slurm's own words")


def test_more_time_where_the_administrator_lets_people_have_it(client: Client) -> None:
    client.set_setting("launcher_options", {"slurm": {"extend": True}})
    session = runs(client, submit(client, time="5").id)
    until(lambda: job(client, session.id).ends_at, "the end of its time", SOON)
    before = job(client, session.id).ends_at or 0
    client.extend(session.id)
    stays(lambda: (job(client, session.id).ends_at or 0) >= before + 3600, "Slurm says so too", 12)


def test_what_cannot_be_is_refused_before_anything_is_submitted(client: Client, slurm: Slurm) -> None:
    with pytest.raises(InvalidValue, match="time"):
        client.start(StartRequest(STAYS, params={"time": "24:00:00"}))
    with pytest.raises(InvalidValue, match="queue"):
        client.start(StartRequest(STAYS, params={"queue": "--wrap=id"}))
    with pytest.raises(StartFailed, match=r"[Ii]nvalid partition"):
        client.start(StartRequest(STAYS, params={"queue": "nosuch"}))
    assert queue(slurm) == []
    assert [session.state for session in client.sessions()] == ["ended"]


def test_a_slurm_that_is_down_at_the_submission_gets_the_job_when_it_is_back_once(client: Client, slurm: Slurm) -> None:
    slurm.stop_controller()
    try:
        session = submit(client)
        assert session.state == "pending"
        assert "Slurm does not answer" in job(client, session.id).reason
    finally:
        slurm.start_controller()
    until(lambda: job(client, session.id).id, "it was submitted", 150)
    runs(client, session.id)
    assert len(queue(slurm)) == 1


def test_a_pending_session_outlives_its_scheduler_being_away(client: Client, slurm: Slurm) -> None:
    submit(client)
    waiting = submit(client)
    until(lambda: job(client, waiting.id).seen, "it was heard of", SOON)
    slurm.stop_controller()
    try:
        until(lambda: job(client, waiting.id).state == "unknown", "its scheduler is silent", 60)
        assert client.session(waiting.id).state == "pending"
        assert "does not answer" in job(client, waiting.id).reason
    finally:
        slurm.start_controller()
    until(lambda: job(client, waiting.id).state == "queued", "it is heard of again", 150)


def test_a_server_that_is_killed_finds_what_waits_and_what_came_up_meanwhile(
    client: Client, server: Server, slurm: Slurm
) -> None:
    first, second = submit(client), submit(client)
    server.kill()
    server.start()
    assert {session.id for session in client.sessions()} == {first.id, second.id}
    runs(client, first.id)
    client.terminate(first.id)
    runs(client, second.id)
    assert len(queue(slurm)) <= 2


def test_a_submission_cut_off_by_a_kill_is_one_job(
    client: Client, server: Server, slurm: Slurm, person: Person
) -> None:
    """The controller does not answer while the server is killed; what it took up by then, it took."""
    controller = psutil.Process(int((slurm.folder / "slurmctld.pid").read_text()))

    def ask() -> None:
        with pytest.raises(PortcallError):
            client.start(StartRequest(STAYS))

    asking = Thread(target=ask)
    controller.suspend()
    try:
        asking.start()
        until(lambda: person.processes("sbatch"), "it is being submitted")
        server.kill()
        asking.join()
        until(lambda: not person.processes("sbatch"), "nothing is submitted any more")
        server.start()
    finally:
        controller.resume()
    (session,) = client.sessions()
    until(lambda: (found := client.session(session.id).job) and found.id, "its job is known", 90)
    runs(client, session.id)
    stays(lambda: len(queue(slurm)) == 1, "one job", 8)


def test_a_job_that_cannot_become_the_session_says_why(client: Client, server: Server, slurm: Slurm) -> None:
    submit(client)  # so that the next one waits until its program is gone
    waiting = submit(client)
    programs = list((server.run / "lib").glob("*/portcall-session.pyz"))
    for program in programs:
        program.rename(program.with_suffix(".away"))
    try:
        client.terminate(next(one.id for one in client.sessions() if one.id != waiting.id))
        until(lambda: client.session(waiting.id).state == "ended", "it ended", SOON)
    finally:
        for program in programs:
            program.with_suffix(".away").rename(program)
    session = client.session(waiting.id)
    assert "exit code 2 before its session called in" in (session.reason or "")
    assert "portcall-session.pyz" in (session.message or "")
    assert client.log(waiting.id)["log"] == session.message


def test_the_environment_of_the_job_does_not_go_on_into_the_session_or_what_is_submitted_from_it(
    client: Client, person: Person, slurm: Slurm
) -> None:
    inside, below = person.home / "inside", person.home / "below"
    command = (
        f"env >{inside}; SLURM_CONF={slurm.environment['SLURM_CONF']} "
        f"sbatch --overcommit --output=/dev/null --wrap 'env >{below}; exec sleep 1000'; {STAYS}"
    )
    try:
        session = runs(client, submit(client, command).id)
        found = until(lambda: inside.exists() and inside.read_text(), "what it has")
        ours = ("SLURM", "SBATCH", "WEBLINK", "PORTCALL_ORDER", "PORTCALL_RUNTIME", "PYTHON", "LC_ALL", "TZ=")
        assert [line for line in found.splitlines() if line.startswith(ours)] == []
        until(lambda: len(queue(slurm)) == 2, "the job from inside waits")
        client.terminate(session.id)
        text = until(lambda: below.exists() and below.read_text(), "the job from inside runs", SOON)
        assert f"SLURM_JOB_ID={job(client, session.id).id}\n" not in text
        assert [line for line in text.splitlines() if line.startswith(("WEBLINK", "PORTCALL_ORDER"))] == []
    finally:
        slurm.run("scancel", "--user", person.name)


def test_a_job_submitted_from_inside_outlives_the_session(client: Client, person: Person, slurm: Slurm) -> None:
    marked = ["env", "PORTCALL_SESSION_ID=an-old-one", "SLURM_JOB_ID=7", "sleep", "1000"]
    with person.running(*marked) as process:
        session = runs(client, submit(client).id)
        inside = [*marked[:1], f"PORTCALL_SESSION_ID={session.id}", *marked[2:]]
        with person.running(*inside) as other:
            client.terminate(session.id)
            ended(client, session.id)
            assert (process.poll(), other.poll()) == (None, None)


def test_the_command_line_tells_of_jobs(client: Client, server: Server, person: Person) -> None:
    environment = {"PORTCALL_TOKEN": client.create_token("cli")["token"]}
    waited = person.json(server, "start", "--wait", STAYS, environment=environment)
    assert (waited["state"], waited["job"]["launcher"]) == ("running", "slurm")
    told = person.portcall(server, "start", STAYS, environment=environment)
    assert told.returncode == 0, told.stderr
    assert "Submitted as Slurm job" in told.stderr
    assert json.loads(told.stdout)["state"] == "pending"
    (waiting,) = [session for session in client.sessions() if session.id != waited["id"]]
    assert f"portcall info {waiting.id}" in told.stderr
    until(lambda: job(client, waiting.id).starts_to, "it waits, and Slurm knows until when", SOON)
    table = person.portcall(server, "ls", environment=environment).stdout
    assert f"slurm {job(client, waiting.id).id} queued, place 1, Resources, starts by " in table
    facts = person.portcall(server, "info", waiting.id, environment=environment).stdout
    lines = {line.split()[0]: line.split(maxsplit=1)[1] for line in facts.splitlines() if len(line.split()) > 1}
    assert (lines["job.reason"], lines["job.place"], lines["job.state"]) == ("Resources", "1", "queued")
    assert lines["job.startsTo"].startswith("20")
    as_json = person.json(server, "info", "--json", waiting.id, environment=environment)
    assert as_json["job"]["startsTo"] > time.time()
