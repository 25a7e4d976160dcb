"""Starts typed by hand: the server applies level, seats and profile limits (A0). With it off they work, too (B12)."""

from __future__ import annotations

import contextlib
import functools
import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from portcall.client.api import Client
from portcall.model.start import StartRequest
from tests.features.conftest import MakePerson, MakeServer
from tests.features.people import Person, ended, name_of, states
from tests.features.server import Server
from tests.features.waiting import until
from tests.fixtures.sshd import Sshd, sshd

pytestmark = pytest.mark.root
Rules = Callable[..., None]
STAYS = "exec tail -f /dev/null"


@pytest.fixture(scope="module")
def server(new_server: MakeServer, pam: str) -> Server:
    return new_server("service", pam_service=pam, login_methods="pam", login_failures=1000)


@pytest.fixture(scope="module")
def person(new_person: MakePerson) -> Person:
    return new_person()


@pytest.fixture(scope="module")
def boss(server: Server, new_person: MakePerson) -> Person:
    """An administrator, whatever the rules are otherwise."""
    person = new_person()
    _rules(server, person)
    return person


@pytest.fixture
def rules(server: Server, boss: Person) -> Iterator[Rules]:
    """Sets the permissions for one test: default, those of users and of groups."""
    yield functools.partial(_rules, server, boss)
    _rules(server, boss)


@pytest.fixture
def admin(server: Server, boss: Person) -> Iterator[Client]:
    with boss.login(server) as client:
        yield client


@pytest.fixture
def setting(server: Server, admin: Client) -> Iterator[Callable[[str, object], object]]:
    """Changes a setting for one test."""
    before = {row["name"]: row["value"] for row in admin.settings()}
    changed: list[str] = []

    def change(name: str, value: object) -> None:
        changed.append(name)
        admin.set_setting(name, value)

    yield change
    if server.process is None:
        server.start()
    for name in changed:
        admin.set_setting(name, before[name])


def _rules(
    server: Server, boss: Person, default: str = "full", users: Mapping[str, str] = {}, groups: Mapping[str, str] = {}
) -> None:
    lines = [f'default = "{default}"']
    for name, table in (("users", {**users, boss.name: "admin"}), ("groups", groups)):
        lines += [f"[{name}]", *(f'"{one}" = "{level}"' for one, level in table.items())]
    (server.config / "permissions.toml").write_text("\n".join(lines))


def by_hand(person: Person, server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    return person.portcall(server, "start", "--local", "--command", STAYS, *arguments)


def end(person: Person, server: Server, id_: str, display: str | None = None) -> None:
    person.portcall(server, "terminate", id_, "--local")
    person.gone(id_, display)


def refused(person: Person, done: subprocess.CompletedProcess[str], words: str) -> None:
    """Said so, and nothing is left."""
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert words in done.stderr, done.stderr
    until(lambda: not list(person.base.glob("sessions/*")), "nothing is left")
    until(lambda: {name_of(one) for one in person.processes()} <= {"", "portcall-link", "python3"}, "nothing runs")
    until(lambda: not [one for one in person.left_behind() if "python3" not in one], "nothing is left behind")


@pytest.mark.parametrize(
    ("level", "words"),
    [
        ("disabled", "does not let you start sessions"), ("limited", "from bookmarks only"),
        ("full", ""), ("manager", ""), ("admin", ""),
    ],
)  # fmt: skip
@pytest.mark.parametrize("whose", ["user", "group", "default"])
def test_each_level(server: Server, person: Person, rules: Rules, level: str, words: str, whose: str) -> None:
    given = {"user": ("full", {person.name: level}), "group": ("admin", {}, {person.name: level}), "default": (level,)}
    rules(*given[whose])
    done = by_hand(person, server)
    if words:
        refused(person, done, words)
        return
    session = json.loads(done.stdout)
    mine = {one["id"]: one for one in person.json(server, "ls", "--json")}
    assert (mine[session["id"]]["origin"], mine[session["id"]]["state"]) == ("hand", "running")
    end(person, server, session["id"], session["display"])


def test_the_seats_of_a_user(server: Server, person: Person, setting: Callable[[str, object], object]) -> None:
    setting("seats_user", 2)
    ids = [json.loads(by_hand(person, server).stdout)["id"] for _ in range(2)]
    done = by_hand(person, server)
    assert done.returncode == 1
    assert "2 at once is the limit" in done.stderr
    for id_ in ids:
        end(person, server, id_)
    id_ = json.loads(by_hand(person, server).stdout)["id"]
    end(person, server, id_)


def test_the_seats_of_a_group_and_of_all(
    server: Server, person: Person, new_person: MakePerson, setting: Callable[[str, object], object]
) -> None:
    other = new_person()
    subprocess.run(["usermod", "--append", "--groups", person.name, other.name], check=True)
    setting("seats_groups", {person.name: 1})
    id_ = json.loads(by_hand(other, server).stdout)["id"]
    refused(person, by_hand(person, server), f"The group {person.name} has 1 session, and 1 at once is its limit")
    setting("seats_groups", {})
    setting("seats_total", 1)
    refused(person, by_hand(person, server), "1 at once is the limit")
    end(other, server, id_)


def test_the_geometry_of_a_profile_though_the_client_says_otherwise(
    server: Server, person: Person, admin: Client, tmp_path: Path
) -> None:
    (server.config / "profiles.toml").write_text('[small]\nmaximum_geometry = "800x600"\n')
    person.json(server, "start", "--local", "--command", STAYS)  # it runs on, whatever is reloaded
    subprocess.run(["kill", "-HUP", str(server.pid)], check=True)
    until(lambda: "small" in server.public["profiles"], "the profile is known")
    refuse = by_hand(person, server, "--profile", "small", "--geometry", "801x600")
    assert "800x600" in refuse.stderr
    assert refuse.returncode == 1
    # with a configuration of one's own only the server refuses
    mine = person.home / "mine"
    person.run("mkdir", str(mine))
    (mine / "profiles.toml").write_text("[small]\n")
    (mine / "portcall.toml").write_text(f'runtime_dir = "{server.run}"\n')
    done = by_hand(person, server, "--profile", "small", "--geometry", "1024x768", "--config_path", str(mine))
    assert (done.returncode, "800x600 at most" in done.stderr) == (1, True), done.stderr
    for one in person.json(server, "ls", "--json"):
        if one["state"] != "ended":
            end(person, server, one["id"])


def test_a_profile_of_others_or_of_bookmarks_whether_the_server_is_there_or_not(
    server: Server, person: Person, admin: Client
) -> None:
    (server.config / "profiles.toml").write_text(
        f'[mine]\ngroups = ["{person.name}"]\n[theirs]\ngroups = ["root"]\n[kiosk]\nhidden = true\n'
    )
    subprocess.run(["kill", "-HUP", str(server.pid)], check=True)
    until(lambda: "kiosk" in server.public["profiles"], "the profiles are known")
    words = {"theirs": "is for members of the group root", "kiosk": "is for bookmarks alone"}
    for name, why in words.items():
        refused(person, by_hand(person, server, "--profile", name), why)
    session = json.loads(by_hand(person, server, "--profile", "mine").stdout)
    assert session["profile"] == "mine"
    end(person, server, session["id"])
    server.stop()
    for name, why in words.items():
        refused(person, by_hand(person, server, "--profile", name), why)
    server.start()


def test_a_made_up_signature_or_owner_is_not_believed(
    server: Server, person: Person, rules: Rules, admin: Client
) -> None:
    claims = {"command": STAYS, "signature": "e30.e30.e30", "login": "root", "user": "root", "profile": "default"}
    done = person.portcall(server, "start", "--local", "--json", json.dumps(claims))
    session = json.loads(done.stdout)
    seen = admin.sessions(everybody=True)
    assert [(one.login, one.user, one.origin) for one in seen if one.id == session["id"]] == [
        (person.name, person.name, "hand")
    ]
    end(person, server, session["id"])
    rules("full", {person.name: "limited"})
    done = person.portcall(server, "start", "--local", "--json", json.dumps(claims))
    refused(person, done, "from bookmarks only")


def test_starts_that_are_switched_off(server: Server, person: Person, setting: Callable[[str, object], object]) -> None:
    setting("starts_enabled", False)
    refused(person, by_hand(person, server), "does not take new sessions")


def test_with_the_server_off_sessions_start_and_appear_when_it_is_back(server: Server, person: Person) -> None:
    server.stop()
    try:
        made = [person.json(server, "start", STAYS) for _ in range(2)]
        assert {one["id"] for one in person.json(server, "ls", "--json")} >= {one["id"] for one in made}
        done = person.portcall(server, "terminate", made[0]["id"])
        assert done.returncode == 0, done.stderr
        until(lambda: not person.of_session(made[0]["id"]), "it has ended")
    finally:
        server.start()
    with person.login(server) as client:
        until(lambda: states(client).get(made[1]["id"]) == "running", "it is listed")
        client.terminate(made[1]["id"])
        person.gone(made[1]["id"], made[1]["display"])
        # that the other was there and ended is told by the link, when there is one again
        id_ = client.start(StartRequest(STAYS))["result"]["id"]
        assert ended(client, made[0]["id"]).origin == "hand"
        client.terminate(id_)
        person.gone(id_)
        person.gone(made[0]["id"], made[0]["display"])


def test_what_is_not_allowed_is_ended_when_the_server_is_back(server: Server, person: Person, rules: Rules) -> None:
    server.stop()
    try:
        made = person.json(server, "start", STAYS)
        rules("full", {person.name: "limited"})
    finally:
        server.start()
    person.gone(made["id"], made["display"])


def test_with_the_server_off_the_last_known_seats_hold(
    server: Server, person: Person, setting: Callable[[str, object], object]
) -> None:
    setting("seats_user", 1)
    until(lambda: server.public["limits"]["seatsUser"] == 1, "it is known without the server")
    server.stop()
    made = person.json(server, "start", STAYS)
    done = person.portcall(server, "start", STAYS)
    assert done.returncode == 1
    assert "all 1 sessions for each user are taken" in done.stderr
    server.start()
    end(person, server, made["id"])


# over SSH


@pytest.fixture(scope="module")
def ssh_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with sshd(tmp_path_factory.mktemp("sshd")) as running:
        yield running


@pytest.fixture
def ssh(ssh_server: Sshd, server: Server, person: Person, tmp_path: Path) -> Callable[..., str]:
    """Runs a command line as the person by ssh with a key; what it prints."""
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    person.run("mkdir", "-p", "-m", "0700", str(person.home / ".ssh"))
    authorized = person.home / ".ssh/authorized_keys"
    authorized.write_text(key.with_suffix(".pub").read_text())

    def run(line: str) -> str:
        options = ["-F", "none", "-i", key, "-p", str(ssh_server.port), "-o", "BatchMode=yes",
                   "-o", f"UserKnownHostsFile={ssh_server.known_hosts}"]  # fmt: skip
        command = f"PORTCALL_RUNTIME_DIR={server.run} {person.program} {line}"
        done = subprocess.run(
            ["ssh", *options, f"{person.name}@127.0.0.1", command], capture_output=True, text=True, check=False,
            stdin=subprocess.DEVNULL, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        return done.stdout

    return run


@pytest.mark.parametrize("there", [True, False], ids=["server on", "server off"])
def test_over_ssh_a_session_starts_outlives_the_connection_and_ends(
    server: Server, person: Person, ssh: Callable[..., str], there: bool
) -> None:
    if not there:
        server.stop()
    try:
        made = json.loads(ssh(f"start --name far '{STAYS}'"))
        listed = {one["id"]: one for one in json.loads(ssh("ls --json"))}
        assert listed[made["id"]]["name"] == "far"
        assert person.of_session(made["id"])
        ssh(f"terminate {made['id']}")
        until(lambda: not person.of_session(made["id"]), "it has ended")
    finally:
        if not there:
            server.start()
    with person.login(server) as client:
        if there:
            assert ended(client, made["id"]).reason
        person.gone(made["id"], made["display"])


def test_the_same_id_by_hand_and_through_the_server_is_one_session(server: Server, person: Person) -> None:
    with person.login(server) as client:
        session = client.session(client.start(StartRequest(STAYS))["result"]["id"])
        done = by_hand(person, server, "--id", session.id)
        assert done.returncode == 1
        assert "already" in done.stderr
        assert states(client)[session.id] == "running"
        client.terminate(session.id)
        person.gone(session.id, session.display)
    with contextlib.suppress(FileNotFoundError):
        (server.config / "profiles.toml").unlink()
