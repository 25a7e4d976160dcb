"""A session that called in over TCP, in a real browser: it waits, opens by itself, is typed into, and comes back when
its network was gone or the server was killed."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from portcall.client.api import Client
from portcall.model.session import Session
from portcall.testing.ports import free_port
from tests.features.apart import Here
from tests.features.conftest import MakePerson, MakeServer
from tests.features.pages import Desk
from tests.features.people import Person, ended, state
from tests.features.screen import Screen, Typed
from tests.features.site import Site, site_server, weblink_port
from tests.features.waiting import until
from tests.features.wire import Wire

pytestmark = pytest.mark.root
LOST = "Connection lost, reconnecting…"


@pytest.fixture(scope="module")
def person(new_person: MakePerson) -> Person:
    return new_person()


@pytest.fixture(scope="module")
def site(new_server: MakeServer, pam: str, person: Person, wire: Wire) -> Site:
    """Its launcher is told an address that leads to the server's listener for weblinks through ``wire``."""
    address = {"WEBLINK_URL": f"http://127.0.0.1:{wire.port}"}
    server = site_server(new_server, pam, "127.0.0.1", address, port=wire.target - 1)
    assert weblink_port(server) == wire.target
    return Site(server, person, Here())


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    with Wire(free_port() + 1) as wire:
        yield wire


@pytest.fixture(scope="module")
def her() -> Iterator[Desk]:
    """A browser; nothing may have gone wrong on its page."""
    with sync_playwright() as playwright:
        browser: Browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        desk = Desk(browser.new_context(viewport={"width": 900, "height": 600}), "")
        yield desk
        browser.close()
    assert desk.errors == []


@pytest.fixture
def client(site: Site, person: Person) -> Iterator[Client]:
    with person.login(site.server) as client:
        yield client


@pytest.fixture(scope="module")
def typed(person: Person) -> Typed:
    return Typed(person, "far")


@pytest.fixture(scope="module")
def session(site: Site, person: Person, her: Desk, typed: Typed) -> Session:
    """Asked for in the browser, started by ``start-weblink`` while the page waits for it."""
    her.url = site.server.url
    her.login(person)
    field = her.page.get_by_label("New session")
    field.fill(typed.command)
    given = site.told_by(lambda: field.press("Enter"))
    her.page.wait_for_url(re.compile(f"/session/{given.id}"))
    # S1, Output: any output will be shown to the user; Pending Sessions: users cannot connect to one
    expect(her.page.get_by_text("scheduled", exact=True)).to_be_visible()
    expect(her.canvas).to_have_count(0)
    done = site.begin(given)
    assert done.returncode == 0, done.stderr
    with person.login(site.server) as client:
        return client.session(given.id)


def works(her: Desk, typed: Typed, text: str) -> None:
    her.seen()
    her.point(200, 100)
    her.page.keyboard.type(text)
    typed.expect(text)


def test_it_opens_by_itself_and_is_seen_and_typed_into(
    her: Desk, site: Site, person: Person, session: Session, typed: Typed
) -> None:
    her.seen()
    typed.wait()
    works(her, typed, "over the network: Grüße €")
    screen = Screen(person, session)
    assert "over the network: Grüße €" in typed.screen(screen)
    her.shows(screen)
    assert person.processes("portcall-relay"), "its display's bytes go over the network"


def test_it_comes_back_when_the_sessions_network_was_gone(
    her: Desk, wire: Wire, person: Person, session: Session, typed: Typed, client: Client
) -> None:
    wire.cut()
    try:
        expect(her.page.get_by_text(LOST).first).to_be_visible()
    finally:
        wire.mend()
    works(her, typed, "after the cut")
    her.shows(Screen(person, session))
    assert state(client, session.id) == "running"


def test_it_comes_back_when_the_server_was_killed(
    her: Desk, site: Site, session: Session, typed: Typed, client: Client
) -> None:
    site.server.kill()
    try:
        expect(her.page.get_by_text(LOST).first).to_be_visible()
    finally:
        site.server.start()
    works(her, typed, "after the kill")
    until(lambda: client.session(session.id).clients == 1, "one viewer, as before")


def test_it_is_ended_from_the_viewer_and_leaves_nothing(
    her: Desk, person: Person, session: Session, client: Client
) -> None:
    her.toolbar("End session")
    her.page.get_by_role("dialog").get_by_role("button", name="End session").click()
    expect(her.page.get_by_role("heading", name="The session has ended")).to_be_visible()
    ended(client, session.id)
    person.gone(session.id, session.display)
