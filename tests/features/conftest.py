"""Real people, real servers: what the feature tests stand on."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.accounts import Account
from tests.features.people import Person
from tests.features.server import Server
from tests.fixtures.pam import PASSWORD, pam_service
from tests.installation import TOP

expect.set_options(timeout=30_000)  # of pages, as of all else: see waiting.WITHIN
MakePerson = Callable[[], Person]
MakeServer = Callable[..., Server]


@pytest.fixture(scope="session")
def program(request: pytest.FixtureRequest) -> Path:
    """A ``portcall`` that every user of this host can run: the clone's, or an installed one where that is private."""
    ours = TOP / ".venv/bin/portcall"
    folders = [TOP / "src", ours.parent, Path(os.path.realpath(TOP / ".venv/bin/python")).parent]
    if all(part.stat().st_mode & 0o005 == 0o005 for folder in folders for part in (folder, *folder.parents)):
        return ours
    installed: Path = request.getfixturevalue("installed")
    return installed / "usr/lib/portcall/venv/bin/portcall"


@pytest.fixture(scope="module")
def new_person(program: Path) -> Iterator[MakePerson]:
    """Makes Linux users; what they run and what they have outside of their homes is gone afterwards."""
    with contextlib.ExitStack() as removals:

        def make() -> Person:
            account = Account.make()
            removals.callback(account.remove)
            person = Person.of(account, program)
            removals.callback(person.tidy)
            return person

        yield make


@pytest.fixture(scope="module")
def pam() -> Iterator[str]:
    """The name of a PAM service that asks for the password."""
    with pam_service(PASSWORD) as name:
        yield name


@pytest.fixture(scope="module")
def new_server(program: Path) -> Iterator[MakeServer]:
    """Starts servers (the arguments are those of Server); they are gone afterwards."""
    with contextlib.ExitStack() as removals:

        def make(mode: str = "service", user: str = "", **settings: object) -> Server:
            server = Server(program, mode, user, **settings)  # type: ignore[arg-type]
            removals.callback(server.remove)
            return server.start()

        yield make


@pytest.fixture(scope="module")
def service(new_server: MakeServer, pam: str) -> Server:
    """A server for everybody, run as root; people log in with their password."""
    return new_server("service", pam_service=pam, login_methods="pam", login_failures=1000)


@pytest.fixture(scope="module")
def person(request: pytest.FixtureRequest, program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    """Somebody: a new user where we are root, else oneself."""
    if os.geteuid() == 0:
        make: MakePerson = request.getfixturevalue("new_person")
        yield make()
    else:
        oneself = Person.oneself(program, tmp_path_factory.mktemp("home"))
        before = set(oneself.base.glob("sessions/*"))
        yield oneself
        for place in set(oneself.base.glob("sessions/*")) - before:  # records of ends that no server asked for
            shutil.rmtree(place)


@pytest.fixture(scope="module")
def own_server(new_server: MakeServer, person: Person) -> Server:
    """A server for ``person`` alone."""
    return new_server("one-person", person.name if os.geteuid() == 0 else "")
