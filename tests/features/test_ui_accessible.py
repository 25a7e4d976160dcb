"""Every page that people see, on a real server with real sessions: axe-core finds nothing, in light and in dark, and it
fits a narrow window. The pages on which administrators write are in test_ui_admin.py."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from portcall.client.api import Client
from portcall.errors import PortcallError
from portcall.model.start import StartRequest
from tests.features.administration import Site, administration
from tests.features.pages import press_tool
from tests.features.server import Server
from tests.features.waiting import until
from tests.installation import TOP

AXE = TOP / "ui/node_modules/axe-core/axe.min.js"
RUNS, FAILED = "runs", "failed"


@pytest.fixture(scope="module")
def client(own_server: Server) -> Iterator[Client]:
    with own_server.by_link() as client:
        client.start(StartRequest("xmessage -center here", name="A session", id=RUNS, params={"project": "wing"}))
        with pytest.raises(PortcallError):
            client.start(StartRequest("echo some words; no-such-program", id=FAILED))
        yield client
        for one in (RUNS, FAILED):
            client.purge(one)


@pytest.fixture(scope="module")
def site(own_server: Server, client: Client) -> Iterator[Site]:
    with administration(own_server) as site:
        yield site


@contextmanager
def stranger(site: Site) -> Iterator[Page]:
    """A page of somebody who is not logged in."""
    assert site.page.context.browser is not None
    page = site.page.context.browser.new_page(viewport={"width": 1360, "height": 900}, reduced_motion="reduce")
    yield page
    page.close()


def stands(page: Page) -> None:
    """It has got what it asked for."""
    expect(page.locator(".state [role=status], .spinner")).to_have_count(0)


def is_accessible(page: Page) -> None:
    page.evaluate(AXE.read_text())
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert findings(page) == [], scheme
    wide = page.viewport_size
    assert wide is not None
    page.set_viewport_size({"width": 360, "height": 740})
    try:
        # the layout follows the window a moment later
        fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        until(lambda: page.evaluate(fits), "the page fits", 3)
        assert findings(page) == [], "narrow"
    finally:
        page.set_viewport_size(wide)
        page.emulate_media(color_scheme="light")


def findings(page: Page) -> list[Any]:
    # colours that are on their way to others are none that anybody reads
    page.evaluate("Promise.allSettled(document.getAnimations().map((one) => one.finished))")
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [(rule["id"], rule["nodes"][0]["target"], rule["nodes"][0]["failureSummary"]) for rule in found]


PARTS = ("info", "params", "log", "processes", "connections", "why")
PAGES = (
    "", *(f"session/{RUNS}/{part}" for part in PARTS), *(f"session/{FAILED}/{part}" for part in ("info", "log", "why")),
    f"session/{FAILED}", "session/nothing/info", "logins", "manage/servers", "manage/sessions", "manage/logins",
    "system/settings", "system/audit", "system/log", "nowhere",
)  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_accessible_and_fits_a_narrow_window(site: Site, path: str) -> None:
    page = site.go(path)
    stands(page)
    is_accessible(page)


def test_the_viewer_is_with_its_panels(site: Site) -> None:
    page = site.page
    page.goto(f"{site.url}/session/{RUNS}")
    expect(page.locator(".viewer-picture canvas")).to_be_visible()
    stands(page)
    for panel in ("Clipboard", "Keys"):
        press_tool(page, panel)
        expect(page.locator(".viewer-panel")).to_be_visible()
        is_accessible(page)
        page.keyboard.press("Escape")


def test_the_dialogs_are(site: Site) -> None:
    page = site.go()
    menu = page.locator(f"article[data-session='{RUNS}']").get_by_role("button", name="Actions for")
    page.get_by_label("New session").first.fill("xterm")
    page.get_by_role("button", name="Options").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    is_accessible(page)
    page.keyboard.press("Escape")
    for entry in ("End session", "Purge"):
        menu.click()
        assert findings(page) == []
        page.get_by_role("menuitem", name=entry).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        is_accessible(page)
        page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    page.get_by_role("combobox").fill("ses")
    is_accessible(page)
    page.keyboard.press("Escape")


@pytest.mark.root
def test_the_login_page_is_and_what_it_says_after_a_wrong_password(site: Site, service: Server) -> None:
    with stranger(site) as page:
        page.goto(service.url)
        is_accessible(page)
        page.get_by_label("User name").fill("nobody")
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_text("The login was not accepted.")).to_be_visible()
        is_accessible(page)


def test_the_page_of_a_server_of_one_person_is_without_its_link_and_with_a_used_one(
    site: Site, own_server: Server
) -> None:
    with stranger(site) as page:
        page.goto(own_server.url)
        expect(page.get_by_text("portcall server link")).to_be_visible()
        is_accessible(page)
        page.goto(own_server.link)
        expect(page.get_by_text("This link has been used")).to_be_visible()
        is_accessible(page)
