"""How a server may act as people: as root in a PAM session of theirs, or as a service user by the sudoers example."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from portcall.client.api import Client
from portcall.errors import NoLink
from portcall.model.session import Session
from portcall.model.start import StartRequest
from tests.accounts import Account
from tests.features.conftest import MakePerson, MakeServer
from tests.features.people import Person
from tests.features.server import Server
from tests.features.waiting import until
from tests.fixtures.pam import PASSWORD, pam_service
from tests.fixtures.sshd import Sshd, sshd
from tests.installation import TOP

pytestmark = [pytest.mark.root, pytest.mark.timeout(400)]  # it may be the first to want an installation
TELLS = "id -un; id -Gn; umask; ulimit -n; ulimit -c; echo told; exec tail -f /dev/null"


def told(client: Client, person: Person) -> tuple[Session, list[str]]:
    """What a session says of itself; it is ended again."""
    session = client.session(client.start(StartRequest(TELLS))["result"]["id"])
    until(lambda: "told" in client.log(session.id)["log"], "it has spoken")
    lines = client.log(session.id)["log"].splitlines()
    client.terminate(session.id)
    person.gone(session.id, session.display)
    return session, lines


def test_limits_umask_and_groups_of_the_pam_session_hold_in_sessions(
    new_server: MakeServer, new_person: MakePerson, tmp_path: Path
) -> None:
    person = new_person()
    subprocess.run(["usermod", "--append", "--groups", "audio,video", person.name], check=True)
    limits = tmp_path / "limits.conf"
    limits.write_text(f"{person.name} soft nofile 777\n{person.name} hard nofile 888\n{person.name} - core 0\n")
    stack = PASSWORD + f"session required pam_limits.so conf={limits}\nsession required pam_umask.so umask=0027\n"
    with pam_service(stack) as name:
        server = new_server(pam_service=name, login_methods="pam")
        with person.login(server) as client:
            session, lines = told(client, person)
            assert lines[0] == person.name
            assert set(lines[1].split()) == {person.name, "audio", "video"}
            assert lines[2:5] == ["0027", "777", "0"]
            steps = {step["step"]: step["result"] for step in client.session_trace(session.id)["steps"]}
            assert steps["link"]


@pytest.fixture(scope="module")
def service_user() -> Iterator[Account]:
    account = Account.make()
    yield account
    account.remove()


@pytest.fixture(scope="module")
def ssh_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with pam_service(PASSWORD) as name, sshd(tmp_path_factory.mktemp("sshd"), pam_service=name) as running:
        for place in (running.known_hosts.parent, *running.known_hosts.parents[1:4]):
            place.chmod(place.stat().st_mode | 0o055)
        running.known_hosts.chmod(0o644)
        yield running


@pytest.fixture(scope="module")
def server(installed: Path, service_user: Account, ssh_server: Sshd) -> Iterator[Server]:
    """Run by a service user, from an installation."""
    program = installed / "usr/lib/portcall/venv/bin/portcall"
    settings = {"login_methods": "ssh", "links": "same_user,sudo", **ssh_server.settings}
    with Server(program, "service", service_user.name, **settings) as server:
        yield server


@pytest.fixture
def sudoers(installed: Path, service_user: Account) -> Iterator[None]:
    """The example, with this service user and this installation in it."""
    text = (TOP / "install/sudoers.d/portcall").read_text()
    text = text.replace("/usr/lib/portcall", str(installed / "usr/lib/portcall"))
    text = text.replace("\nportcall ALL", f"\n{service_user.name} ALL").replace("PORTCALL_LINK", "PCT_TEST_LINK")
    file = Path("/etc/sudoers.d") / service_user.name
    draft = file.with_suffix(".draft")  # a name that sudo does not read
    draft.write_text(text)
    draft.chmod(0o440)
    subprocess.run(["visudo", "-c", "-q", "-f", draft], check=True)
    draft.rename(file)
    yield
    file.unlink()


def test_without_the_sudoers_file_the_refusal_names_what_was_tried(server: Server, new_person: MakePerson) -> None:
    person = new_person()
    with server.login(person.name, person.password, "ssh") as client, pytest.raises(NoLink) as refusal:
        client.start(StartRequest(TELLS))
    for words in ("same_user: the server runs as somebody else", "sudo: "):
        assert words in refusal.value.detail
    person.clean("it was refused")  # the login's own connection, too


def test_a_service_user_starts_sessions_as_people_by_sudo(
    server: Server, service_user: Account, sudoers: None, new_person: MakePerson
) -> None:
    person = new_person()
    with server.login(person.name, person.password, "ssh") as client:
        lines = told(client, person)[1]
        assert lines[0] == person.name
        assert set(lines[1].split()) == {person.name}
        link = person.link(server)
        assert link is not None
        assert link.uids() == (person.uid,) * 3
        server.stop()
        server.start()
        # a link outlives the server, and needs no leave again
        assert told(client, person)[1][0] == person.name
        assert person.link(server) == link
    # the example allows links alone, and nobody root
    for command in (("-u", person.name, "/usr/bin/id"), ("-u", "root", *link.cmdline()[:1]), ("/usr/bin/id",)):
        assert service_user.run("sudo", "-n", *command).returncode != 0
