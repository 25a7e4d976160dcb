"""A launcher of a site's own in a living server: the walk-through of docs/howto/launchers.md, with its very scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portcall.client.api import Client
from portcall.model.session import Session
from portcall.model.start import StartRequest
from tests.features.conftest import MakePerson, MakeServer
from tests.features.people import Person
from tests.features.server import Server
from tests.features.waiting import until
from tests.installation import TOP

pytestmark = pytest.mark.root
STAYS = "echo said by the session; exec tail -f /dev/null"


def scripts_of_the_page() -> dict[str, str]:
    """The walk-through's files: each follows a line that names it, such as **`farm/start`**."""
    page = (TOP / "docs/howto/launchers.md").read_text()
    return dict(re.findall(r"\*\*`farm/([a-z.]+)`\*\*[^\n]*\n\n```[a-z]*\n(.*?)```", page, re.DOTALL))


@pytest.fixture(scope="module")
def spool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The queue of the walk-through: a directory, in which a job is a file."""
    folder = Path(tmp_path_factory.mktemp("spool"))
    for parent in (folder, *folder.parents):
        if parent == Path("/tmp"):
            break
        parent.chmod(0o755)
    folder.chmod(0o1777)
    return folder


@pytest.fixture(scope="module")
def server(new_server: MakeServer, pam: str, spool: Path) -> Server:
    server = new_server(pam_service=pam, login_methods="pam", login_failures=1000, launcher="farm")
    place = server.config / "launchers/farm"
    place.mkdir(parents=True)
    for name, text in scripts_of_the_page().items():
        (place / name).write_text(text.replace("/var/spool/farm", str(spool)))
        (place / name).chmod(0o755)
    return server


@pytest.fixture(scope="module")
def person(new_person: MakePerson) -> Person:
    return new_person()


@pytest.fixture
def client(server: Server, person: Person) -> Iterator[Client]:
    with person.login(server) as client:
        yield client
        for session in client.sessions():
            client.purge(session.id)
        person.clean("the test is over")


def submitted(client: Client, **members: Any) -> Session:
    answer = client.start(StartRequest(STAYS, **members))
    assert answer["stage"] == "scheduled", answer
    return next(session for session in client.sessions() if session.state == "pending")


def job(spool: Path, session: Session) -> Path:
    (path,) = spool.glob(f"portcall-{session.id}.*")
    return path


def test_the_page_has_every_script() -> None:
    assert set(scripts_of_the_page()) == {"start", "status", "log", "cancel", "launcher.toml"}


def test_its_pending_session_shows_the_jobs_state_and_log_and_becomes_running(
    server: Server, person: Person, client: Client, spool: Path
) -> None:
    session = submitted(client, params={"queue": "long"})
    assert session.job is not None
    assert session.job.id == f"portcall-{session.id}"
    until(lambda: _state(client, session) == "queued", "its state is asked for")
    job_now = client.session(session.id).job
    assert job_now is not None
    assert (job_now.queue, job_now.place) == ("long", 1)
    assert "waiting for a machine" in client.log(session.id)["log"]
    # a machine takes it: as its user, with nothing of ours in the environment
    done = person.run("/bin/sh", "-c", f"setsid /bin/sh {job(spool, session)} >/dev/null 2>&1 </dev/null &")
    assert done.returncode == 0, done.stderr
    until(lambda: client.session(session.id).state == "running", "it runs")
    until(lambda: "said by the session" in client.log(session.id)["log"], "the session's own log")
    job(spool, session).unlink()


def test_the_pages_line_runs_all_jobs_and_takes_each_out_of_the_queue(
    person: Person, client: Client, spool: Path
) -> None:
    for _ in range(2):
        assert client.start(StartRequest(STAYS))["stage"] == "scheduled"
    page = (TOP / "docs/howto/launchers.md").read_text()
    (line,) = re.findall(r"^    (for job in /var/spool/farm.*)$", page, re.MULTILINE)
    done = person.run("/bin/sh", "-c", f"({line.replace('/var/spool/farm', str(spool))}) >/dev/null 2>&1")
    assert done.returncode == 0, done.stderr
    until(lambda: [one.state for one in client.sessions()] == ["running"] * 2, "both run")
    assert not list(spool.glob("portcall-*"))
    until(lambda: all(_state(client, one) != "queued" for one in client.sessions()), "neither is in the queue")
    assert [one.state for one in client.sessions()] == ["running"] * 2


def test_a_job_that_was_edited_has_what_was_granted_and_no_more(
    server: Server, person: Person, client: Client, spool: Path
) -> None:
    profiles = server.config / "profiles.toml"
    try:
        profiles.write_text('[default]\nmaximum_geometry = "800x600"\n')
        server.stop()
        server.start()
        session = submitted(client, geometry="640x480")
        path = job(spool, session)
        text = path.read_text()
        assert '"geometry":"640x480"' in text
        edited = re.sub(r'"signature":"[^"]*"', '"signature":"bad"', text).replace("640x480", "1024x768")
        path.write_text(edited)
        assert person.run("/bin/sh", str(path)).returncode != 0
        until(lambda: client.session(session.id).state == "ended", "it is over")
        assert "allows 800x600 at most" in str(client.session(session.id).reason)
        path.unlink()
    finally:
        profiles.unlink()
        server.stop()
        server.start()


def test_ending_it_while_it_waits_cancels_the_job(server: Server, person: Person, client: Client, spool: Path) -> None:
    session = submitted(client)
    assert job(spool, session).stat().st_uid == person.uid
    client.terminate(session.id)
    until(lambda: client.session(session.id).state == "ended", "it is over")
    assert not list(spool.glob(f"portcall-{session.id}*"))


def test_a_job_that_failed_without_calling_in_ends_the_session_with_the_tail_of_its_output(
    server: Server, person: Person, client: Client, spool: Path
) -> None:
    session = submitted(client)
    path = job(spool, session)
    path.rename(path.with_suffix(".failed"))
    until(lambda: client.session(session.id).state == "ended", "it is over")
    ended = client.session(session.id)
    assert "the machine is on fire" in str(ended.reason)
    assert "waiting for a machine" in str(ended.message)
    next(spool.glob(f"portcall-{session.id}.*")).unlink()


def _state(client: Client, session: Session) -> str:
    job_now = client.session(session.id).job
    return job_now.state if job_now is not None else ""
