"""Full disks, homes that are read-only, gone or hang, commands and displays that fail: said in time, with a reason."""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from portcall.client.api import Client
from portcall.errors import PortcallError, StartFailed, StoreUnavailable
from portcall.model.start import StartRequest
from tests.features.conftest import MakePerson, MakeServer
from tests.features.people import Person, ended, state
from tests.features.screen import Screen
from tests.features.server import Server
from tests.features.waiting import until

pytestmark = pytest.mark.root
LIMIT = 10.0  # seconds that a start may take
LATE = 20.0  # more than that, and nobody has kept it
STAYS = "exec tail -f /dev/null"
_LIBC = ctypes.CDLL(None, use_errno=True)


@pytest.fixture(scope="module")
def server(new_server: MakeServer, pam: str) -> Server:
    return new_server(pam_service=pam, login_methods="pam", login_failures=1000, start_timeout=LIMIT)


@pytest.fixture
def person(new_person: MakePerson) -> Person:
    return new_person()


@pytest.fixture
def client(server: Server, person: Person) -> Iterator[Client]:
    with person.login(server) as client:
        yield client


def fails(client: Client, person: Person, request: StartRequest, *words: str) -> PortcallError:
    """Within the limit, with these words, leaving nothing."""
    began = time.monotonic()
    with pytest.raises(PortcallError) as failure:
        client.start(request)
    assert time.monotonic() - began < LIMIT + LATE
    said = f"{failure.value.detail}\n{failure.value.extra.get('log', '')}"
    for word in words:
        assert word in said
    person.clean("it has failed")
    assert {one.state for one in client.sessions()} <= {"ended"}
    return failure.value


def works(client: Client, person: Person) -> None:
    session = client.session(client.start(StartRequest(STAYS))["result"]["id"])
    client.terminate(session.id)
    person.gone(session.id, session.display)


@contextlib.contextmanager
def mounted(place: Path, options: str, kind: str = "tmpfs") -> Iterator[None]:
    subprocess.run(["mount", "-t", kind, "-o", options, kind, place], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


# -- disks


@pytest.fixture
def small(person: Person) -> Iterator[Path]:
    """The person's runtime directory on a small disk of its own."""
    person.run("mkdir", "-m", "0700", str(person.base))
    with mounted(person.base, f"size=256k,mode=0700,uid={person.uid},gid={person.gid}"):
        yield person.base


def _fill(place: Path, owner: Person) -> Path:
    file = place / "filling"
    owner.run("sh", "-c", f"dd if=/dev/zero of={file} bs=4k 2>/dev/null; true")
    return file


def test_a_full_disk_is_named_and_nothing_stays_behind(client: Client, person: Person, small: Path) -> None:
    works(client, person)
    file = _fill(small, person)
    with pytest.raises(PortcallError, match="No space left on device"):
        client.start(StartRequest(STAYS))
    until(lambda: not list(small.glob("sessions/*")), "no directory is left")
    until(lambda: not [one for one in person.left_behind() if "filling" not in one], "nothing is left")
    file.unlink()
    works(client, person)


def test_a_disk_that_fills_while_it_runs_harms_no_session(client: Client, person: Person, small: Path) -> None:
    session = client.session(client.start(StartRequest("yes >&2 & exec xclock"))["result"]["id"])
    Screen(person, session).wait_for_window("xclock")
    _fill(small, person)
    client.change(session.id, name="before")
    assert state(client, session.id) in ("running", "suspended")
    assert client.log(session.id)["log"].startswith("y") or client.log(session.id)["log"] == ""
    client.terminate(session.id)
    ended(client, session.id)
    until(lambda: not person.of_session(session.id), "its processes have ended")
    (small / "filling").unlink(missing_ok=True)
    person.gone(session.id, session.display)


def test_a_full_disk_of_the_server_refuses_starts_and_ends_no_session(
    pam: str, new_person: MakePerson, program: Path
) -> None:
    full = Server(program, pam_service=pam, login_methods="pam", login_failures=1000)
    person = new_person()
    with contextlib.ExitStack() as stack:
        stack.callback(full.remove)
        stack.enter_context(mounted(full.var, "size=2m,mode=0700"))
        client = stack.enter_context(person.login(full.start()))
        session = client.session(client.start(StartRequest(STAYS))["result"]["id"])
        filling = full.var / "filling"
        subprocess.run(["dd", "if=/dev/zero", f"of={filling}", "bs=4k"], check=False, capture_output=True)
        with pytest.raises(StoreUnavailable):
            client.start(StartRequest(STAYS, params={"a": "x" * 60_000}))
        assert state(client, session.id) in ("running", "suspended")
        assert Screen(person, session).size == (1280, 800)
        filling.unlink()
        works(client, person)
        client.terminate(session.id)
        person.gone(session.id, session.display)
    person.clean("all have ended")


# -- homes


def test_a_home_that_cannot_be_written_is_no_hindrance(client: Client, person: Person) -> None:
    os.chown(person.home, 0, 0)
    person.home.chmod(0o555)
    session = client.session(client.start(StartRequest("pwd; exec xclock", geometry="rootless"))["result"]["id"])
    Screen(person, session).wait_for_window("xclock")
    assert client.log(session.id)["log"].startswith(f"{person.home}\n")
    client.terminate(session.id)
    person.gone(session.id, session.display)
    assert {path.name for path in person.home.iterdir()} <= {".bashrc", ".bash_logout", ".profile", ".cache"}


def test_without_a_home_it_starts_in_the_root_directory_and_says_so(client: Client, person: Person) -> None:
    moved = person.home.rename(person.home.with_name(f"{person.name}.away"))
    try:
        session = client.session(client.start(StartRequest(f"pwd; {STAYS}"))["result"]["id"])
        said = f"{person.home}: No such file or directory; starting in /\n/\n"
        until(lambda: said in client.log(session.id)["log"], "it says so")
        client.terminate(session.id)
        person.gone(session.id, session.display)
    finally:
        moved.rename(person.home)


def test_login_scripts_that_hang_are_named(client: Client, person: Person) -> None:
    (person.home / ".bash_profile").unlink(missing_ok=True)
    os.mkfifo(person.home / ".bash_profile")
    os.chown(person.home / ".bash_profile", person.uid, person.gid)
    fails(client, person, StartRequest(STAYS), "the login scripts of bash did not finish within 10 seconds")


def test_login_scripts_that_end_the_shell_are_named_with_what_they_said(client: Client, person: Person) -> None:
    (person.home / ".bash_profile").write_text("echo quota exceeded; exit 3\n")
    fails(client, person, StartRequest(STAYS), "the login shell ended", "exit code 3", "quota exceeded")


def test_a_home_that_hangs_stops_its_owner_alone(
    client: Client, server: Server, person: Person, new_person: MakePerson
) -> None:
    with _hanging(person.home):
        began = time.monotonic()
        with new_person_login(new_person, server) as (other, others):
            works(others, other)
            assert time.monotonic() - began < LATE
            failure = fails(client, person, StartRequest(STAYS), "within 10 seconds")
            assert isinstance(failure, StartFailed)
            works(others, other)
    works(client, person)


@contextlib.contextmanager
def new_person_login(new_person: MakePerson, server: Server) -> Iterator[tuple[Person, Client]]:
    other = new_person()
    with other.login(server) as client:
        yield other, client


@contextlib.contextmanager
def _hanging(place: Path) -> Iterator[None]:
    """A file system whose server never answers, as an NFS server that is down."""
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other"
    assert _LIBC.mount(b"hanging", str(place).encode(), b"fuse", 0, options.encode()) == 0, ctypes.get_errno()
    try:
        yield
    finally:
        os.close(device)  # whoever waits gets an error
        _LIBC.umount2(str(place).encode(), 2)


# -- commands and displays


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("no-such-program -x", ("the command cannot be run", "no-such-program: command not found")),
        ("/etc/passwd", ("the command cannot be run", "Permission denied")),
        ("echo 'unbalanced", ("unexpected EOF",)),
        ("echo no licence >&2; exit 4", ("exit code 4", "no licence")),
        ("kill -SEGV $$", ("signal 11",)),
    ],
)
def test_a_command_that_does_not_come_up_speaks_for_itself(
    client: Client, person: Person, command: str, words: tuple[str, ...]
) -> None:
    fails(client, person, StartRequest(command), *words)


def test_an_unknown_keyboard_layout_is_named(client: Client, person: Person) -> None:
    words = "the display does not know the keyboard layout qq"
    fails(client, person, StartRequest(STAYS, keyboard_layout="qq"), words)


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program in the place of Xvnc, for one server alone (in a mount namespace of its own)."""
    file = tmp_path_factory.mktemp("displays") / "Xvnc"
    file.write_text("")
    for folder in file.parents:
        if folder.stat().st_uid == os.geteuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    return file


@pytest.fixture(scope="module")
def elsewhere(stand_in: Path, program: Path, pam: str) -> Iterator[Server]:
    wrapper = stand_in.with_name("portcall")
    inner = f'mount --bind {stand_in} /usr/bin/Xvnc; exec {program} "$@"'
    wrapper.write_text(f"#!/bin/sh\nexec unshare --mount sh -c '{inner}' sh \"$@\"\n")
    wrapper.chmod(0o755)
    with Server(wrapper, pam_service=pam, login_methods="pam", login_failures=1000, start_timeout=LIMIT) as server:
        yield server


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("", ("Xvnc is not installed",)),
        ("#!/bin/sh\necho 'Fatal server error: no fonts' >&2\nexit 1\n",
         ("the display did not come up (exit code 1)", "Fatal server error: no fonts")),
        ("#!/bin/sh\nkill -SEGV $$\n", ("the display did not come up (signal 11)",)),
        ("#!/bin/sh\necho loading >&2\nexec sleep 1000\n",
         ("the display did not come up within 10 seconds", "loading")),
        ("#!/bin/sh\ntrap '' TERM\necho stubborn >&2\nwhile :; do sleep 1; done\n", ("within 10 seconds", "stubborn")),
    ],
    ids=["not installed", "ends at once", "crashes", "never alive", "never alive and deaf"],
)  # fmt: skip
def test_a_display_that_does_not_come_up_speaks_for_itself(
    elsewhere: Server, stand_in: Path, new_person: MakePerson, script: str, words: tuple[str, ...]
) -> None:
    stand_in.write_text(script)
    stand_in.chmod(0o755 if script else 0o644)
    person = new_person()
    with person.login(elsewhere) as client:
        fails(client, person, StartRequest(STAYS), *words)


def test_a_display_that_dies_later_ends_its_session_and_its_programs(client: Client, person: Person) -> None:
    session = client.session(client.start(StartRequest(f"xclock & {STAYS}"))["result"]["id"])
    Screen(person, session).wait_for_window("xclock")
    person.processes("Xvnc")[0].kill()
    assert ended(client, session.id).reason == "the display ended"
    person.gone(session.id, session.display)
    person.clean("it has ended")


@pytest.fixture
def keymaps_in_the_way() -> Iterator[None]:
    """Another's, as a killed X server leaves them, for all displays that are free next; /tmp is sticky."""
    made: list[Path] = []
    for number in range(64):
        with contextlib.suppress(FileExistsError):
            path = Path(f"/tmp/server-{number}.xkm")
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            made.append(path)
    try:
        yield
    finally:
        for path in made:
            path.unlink(missing_ok=True)


def test_a_display_takes_another_number_where_somebodys_keymap_is_in_the_way(
    client: Client, person: Person, keymaps_in_the_way: None
) -> None:
    session = client.start(StartRequest(STAYS))["result"]
    assert int(session["display"].removeprefix(":")) >= 100
    client.terminate(session["id"])
    person.gone(session["id"], session["display"])
