"""The sessions page as a person uses it, on a real server: options of a start, cards and what their menus do, links."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from portcall.client.api import Client
from portcall.model.session import Session
from portcall.model.start import StartRequest
from tests.features.administration import Site, administration
from tests.features.people import Person
from tests.features.screen import Screen
from tests.features.server import Server
from tests.features.waiting import until

PINK = (0xD0, 0x20, 0x90)
SHOWN = "echo said by the command; xsetroot -solid '#d02090'; exec sleep 600"


@pytest.fixture(scope="module")
def client(own_server: Server) -> Iterator[Client]:
    with own_server.by_link() as client:
        client.put_document("profiles", "small", {"description": "A small one", "openGl": False, "geometry": "640x480"})
        yield client
        for session in client.sessions():
            client.purge(session.id)


@pytest.fixture(scope="module")
def site(own_server: Server, client: Client) -> Iterator[Site]:
    with administration(own_server) as site:
        yield site


@pytest.fixture
def session(client: Client) -> Iterator[Session]:
    """One with a pink screen and words in its log; it is purged afterwards."""
    id_ = client.start(StartRequest(SHOWN, name="Pink", geometry="800x600"))["result"]["id"]
    yield client.session(id_)
    if any(one.id == id_ for one in client.sessions()):
        client.purge(id_)


def card(page: Page, session_id: str) -> Locator:
    return page.locator(f"article[data-session='{session_id}']")


def choose(page: Page, session_id: str, entry: str) -> None:
    """An entry of the menu of a session's card."""
    card(page, session_id).get_by_role("button", name="Actions for").click()
    page.get_by_role("menuitem", name=entry).click()


@contextmanager
def viewer_of(page: Page, address: str) -> Iterator[Page]:
    """Another tab of the same browser, with the picture in it."""
    with page.expect_popup() as opened:
        page.evaluate("address => void open(address)", address)
    expect(opened.value.locator(".viewer-picture canvas")).to_be_visible()
    yield opened.value
    opened.value.close()


def test_who_has_no_session_is_told_what_to_do(site: Site) -> None:
    page = site.go()
    expect(page.get_by_role("heading", name="No sessions yet")).to_be_visible()
    expect(page.get_by_text("Type a program above, such as xterm or startxfce4, and press Enter.")).to_be_visible()


def test_what_is_chosen_in_the_options_is_what_is_started(site: Site, client: Client, person: Person) -> None:
    page = site.go()
    page.get_by_label("New session").first.fill("sleep 600")
    page.get_by_role("button", name="Options").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Wing, run 12")
    dialog.get_by_label("A desktop of another size").check()
    dialog.get_by_label("Width x height in pixels").fill("wide")
    dialog.get_by_label("Keyboard").select_option("de")
    dialog.get_by_label("Profile").select_option("small")
    dialog.get_by_label("Open it when it is ready").uncheck()
    dialog.get_by_role("button", name="Start").click()
    expect(dialog.get_by_text("Write width x height, such as 1280x800.")).to_be_visible()
    dialog.get_by_label("Width x height in pixels").fill("1000x700")
    dialog.get_by_role("button", name="Start").click()
    expect(page.locator(".card-state .badge.running")).to_be_visible()
    expect(page.get_by_role("link", name="Wing, run 12")).to_be_visible()
    [one] = client.sessions()
    assert (one.name, one.command, one.geometry, one.profile, one.keyboard_layout, one.open_gl) == (
        "Wing, run 12", "sleep 600", "1000x700", "small", "de", "none",
    )  # fmt: skip
    screen = Screen(person, one)
    assert screen.size == (1000, 700)
    assert "de" in screen.run("setxkbmap", "-query").split("layout:")[1].split()[0]
    page.evaluate("localStorage.removeItem('portcall.answers')")  # other tests begin with none
    client.purge(one.id)


def test_a_card_shows_the_screen_and_the_figures(site: Site, session: Session) -> None:
    page = site.go()
    picture = card(page, session.id).get_by_role("img", name="Screen of Pink")
    until(lambda: picture.count() and picture.evaluate("one => one.naturalWidth") == 320, "there is a picture")
    shown = Image.open(io.BytesIO(picture.screenshot())).convert("RGB")
    assert shown.getpixel((shown.width // 2, shown.height // 2)) == pytest.approx(PINK, abs=12)
    text = card(page, session.id)
    expect(text).to_contain_text("Running")
    expect(text).to_contain_text(session.server_id)
    expect(text.locator("dd").nth(2)).to_contain_text("MiB")  # memory, as soon as it was measured
    with viewer_of(page, f"{site.url}/session/{session.id}"):
        expect(text).to_contain_text("1 viewer")


def test_it_is_renamed_and_its_parameters_are_changed(site: Site, client: Client, session: Session) -> None:
    page = site.go()
    choose(page, session.id, "Rename")
    page.get_by_label("New name of the session").fill("Rose")
    page.keyboard.press("Enter")
    expect(card(page, session.id).get_by_role("link", name="Rose")).to_be_focused()
    until(lambda: client.session(session.id).name == "Rose", "it has the name")
    choose(page, session.id, "Parameters")
    expect(page.get_by_role("cell", name="Rose")).to_be_visible()
    expect(page.get_by_label("Value of name")).to_have_count(0)  # that one is the server's
    page.get_by_label("Key of a new parameter").fill("clientId")
    expect(page.get_by_text("The server sets this one itself.")).to_be_visible()
    page.get_by_label("Key of a new parameter").fill("project")
    page.get_by_label("Value of the new parameter").fill("wing")
    page.get_by_role("button", name="Add parameter").click()
    page.get_by_label("Value of project").fill("tail")
    page.get_by_label("Value of project").press("Enter")
    until(lambda: client.session(session.id).params.get("project") == "tail", "it has the value")
    page.get_by_role("button", name="Remove project").click()
    until(lambda: "project" not in client.session(session.id).params, "it is gone")
    page.get_by_role("button", name="Undo").click()
    until(lambda: client.session(session.id).params.get("project") == "tail", "it is back")


def test_its_log_and_a_screenshot_are_had(site: Site, session: Session, tmp_path: Path) -> None:
    page = site.go()
    with page.expect_download() as download:
        choose(page, session.id, "Save a screenshot")
    download.value.save_as(tmp_path / "screen.png")
    with Image.open(tmp_path / "screen.png") as picture:
        assert picture.size == (800, 600)
        assert picture.convert("RGB").getpixel((400, 300)) == PINK
    choose(page, session.id, "Log")
    expect(page.get_by_text("said by the command")).to_be_visible()


def test_it_is_suspended_while_somebody_looks(site: Site, client: Client, session: Session) -> None:
    page = site.go()
    with viewer_of(page, f"{site.url}/session/{session.id}") as viewer:
        choose(page, session.id, "Suspend")
        expect(viewer.get_by_role("heading", name="Suspended")).to_be_visible()
        expect(card(page, session.id)).to_contain_text("Suspended")
        assert client.session(session.id).state == "suspended"


@pytest.mark.parametrize("entry", ["End session", "Purge"])
def test_it_is_ended_or_purged_once_that_was_confirmed(
    site: Site, client: Client, session: Session, entry: str
) -> None:
    page = site.go()
    dialog = page.get_by_role("dialog")
    choose(page, session.id, entry)
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    assert client.session(session.id).state == "running"
    choose(page, session.id, entry)
    dialog.get_by_role("button", name=entry).click()
    if entry == "End session":
        until(lambda: client.session(session.id).state == "ended", "it has ended")
        page = site.go(f"session/{session.id}/info")
        expect(page.get_by_text("Ended").first).to_be_visible()
        page.get_by_role("button", name="Actions for").click()
        page.get_by_role("menuitem", name="Purge").click()  # nothing that runs is lost by it
    until(lambda: session.id not in {one.id for one in client.sessions()}, "nothing is known of it any more")


def test_all_of_it_goes_by_keyboard_alone(site: Site, client: Client) -> None:
    page = site.go()
    keys = page.keyboard

    def tab_to(place: Locator) -> None:
        """With the tabulator, from wherever one is."""
        for _ in range(80):
            if place.evaluate("one => one === document.activeElement"):
                return
            keys.press("Tab")
        raise AssertionError("the tabulator does not lead there")

    tab_to(page.get_by_label("New session").first)
    keys.type("xterm -name typed")
    keys.press("Enter")
    expect(page.locator(".viewer-picture canvas")).to_be_visible()
    [one] = client.sessions()
    expect(page.locator(".viewer-picture textarea, textarea.viewer-field").first).to_be_focused()
    for key in ("Control", "Alt", "Shift"):
        keys.down(key)
    for key in ("Shift", "Alt", "Control"):
        keys.up(key)
    tab_to(page.get_by_role("link", name="Back to the sessions"))
    keys.press("Enter")
    link = card(page, one.id).locator(".card-link")
    tab_to(link)
    keys.press("r")
    keys.type("By keys")
    keys.press("Enter")
    expect(link).to_have_text("By keys")
    expect(link).to_be_focused()
    keys.press("Delete")
    expect(page.get_by_role("dialog")).to_be_visible()
    tab_to(page.get_by_role("dialog").get_by_role("button", name="End session"))
    keys.press("Enter")
    until(lambda: not client.sessions() or client.session(one.id).state == "ended", "it has ended")


def test_a_fresh_link_pasted_into_the_open_page_lets_in(site: Site, client: Client) -> None:
    browser = site.page.context.browser
    assert browser is not None
    page = browser.new_page()
    page.goto(f"{site.url}/#token=cut%2")
    expect(page.get_by_text("This link has been used")).to_be_visible()
    page.goto(client.fresh_link()["url"])  # nothing but the fragment differs: browsers load nothing
    expect(page.get_by_label("New session").first).to_be_visible()
    assert "#" not in page.url
    page.goto(client.fresh_link()["url"])  # who is logged in leaves none in the address either
    expect(page).to_have_url(f"{site.url}/")
    page.close()
