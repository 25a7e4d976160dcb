"""The viewer's own means, in a real browser on a real session: sizes, full screen, keys that a browser or a phone
cannot give, quality, figures, pixels of a fine screen, and the warning before an idle viewer leaves."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from portcall.client.api import Client
from portcall.model.session import Session
from portcall.model.start import StartRequest
from tests.features.pages import Desk, press_tool
from tests.features.people import Person
from tests.features.screen import Screen, Typed
from tests.features.server import Server
from tests.features.waiting import until

WINDOW = {"width": 900, "height": 600}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def client(own_server: Server) -> Iterator[Client]:
    with own_server.by_link() as client:
        yield client
        for session in client.sessions():
            client.purge(session.id)


@pytest.fixture(scope="module")
def typed(person: Person) -> Typed:
    return Typed(person, "viewer")


@pytest.fixture(scope="module")
def session(client: Client, typed: Typed) -> Session:
    """A terminal that notes what is typed into it."""
    id_ = client.start(StartRequest(typed.command, geometry="800x600", name="Terminal"))["result"]["id"]
    typed.wait()
    return client.session(id_)


@pytest.fixture(scope="module")
def screen(person: Person, session: Session) -> Screen:
    return Screen(person, session)


@contextmanager
def desk_of(browser: Browser, client: Client, server: Server, session_id: str, **context: Any) -> Iterator[Desk]:
    """A browser of one's own, with the session's picture in it."""
    with browser.new_context(**{"viewport": WINDOW, **context}) as made:
        desk = Desk(made, server.url)
        desk.page.goto(client.fresh_link()["url"])
        desk.at_sessions()
        desk.open(session_id)
        yield desk
    assert desk.errors == []


@pytest.fixture(scope="module")
def desk(browser: Browser, client: Client, own_server: Server, session: Session) -> Iterator[Desk]:
    with desk_of(browser, client, own_server, session.id) as desk:
        yield desk


def toolbar(page: Page, name: str, entry: str = "") -> None:
    """A button of the toolbar, and an entry of its menu."""
    press_tool(page, name)
    if entry:
        page.get_by_role("menuitemradio", name=entry).click()


def test_who_comes_to_the_handle_and_clicks_it_gets_the_toolbar(desk: Desk) -> None:
    """Coming there has shown it already."""
    page = desk.page
    page.mouse.move(WINDOW["width"] / 2, WINDOW["height"] / 2)
    handle = page.get_by_role("button", name="Show the toolbar")
    expect(handle).to_be_visible()  # it has hidden itself
    handle.evaluate(
        """one => {
          one.dispatchEvent(new PointerEvent('pointerover', {bubbles: true, pointerType: 'mouse'}));
          const shown = () => one.getAttribute('aria-expanded') === 'true';
          const click = done => shown() ? (one.click(), done()) : setTimeout(click, 1, done);
          return new Promise(click);
        }"""
    )
    hide = page.get_by_role("button", name="Hide the toolbar")
    expect(hide).to_be_visible()
    hide.evaluate("one => new Promise(done => setTimeout(() => { one.click(); done(); }, 600))")
    expect(handle).to_be_visible()


def shown(desk: Desk) -> tuple[int, int]:
    """The size in which the browser shows the picture."""
    box = desk.canvas.bounding_box()
    assert box is not None
    return round(box["width"]), round(box["height"])


def test_the_screen_follows_the_window_or_is_scaled_or_shown_as_it_is(desk: Desk, screen: Screen) -> None:
    until(lambda: screen.size == (900, 600), "it has the size of the window")
    toolbar(desk.page, "Size", "Fit to window")
    desk.page.set_viewport_size({"width": 450, "height": 600})
    until(lambda: shown(desk) == (450, 300), "it is shown whole")
    toolbar(desk.page, "Size", "Actual size")
    until(lambda: shown(desk) == (900, 600), "it is as large as it is")
    assert screen.size == (900, 600)
    toolbar(desk.page, "Size", "Match my window")
    until(lambda: screen.size == (450, 600), "it has the size of the window again")
    desk.page.set_viewport_size(WINDOW)
    until(lambda: screen.size == (900, 600), "and follows it")


def test_it_fills_the_screen_and_comes_back(desk: Desk) -> None:
    toolbar(desk.page, "Full screen")
    until(lambda: desk.page.evaluate("document.fullscreenElement?.classList.contains('viewer')"), "it fills the screen")
    toolbar(desk.page, "Leave full screen")
    until(lambda: desk.page.evaluate("document.fullscreenElement === null"), "it is a window again")


SENT = (("Esc", "\x1b"), ("Tab", "\t"), ("Del", "\x1b[3~"), ("F1", "\x1bOP"), ("F11", "\x1b[23~"))


def test_keys_that_a_browser_keeps_are_sent_from_the_panel(desk: Desk, typed: Typed) -> None:
    page = desk.page
    toolbar(page, "Keys")
    panel = page.get_by_role("region", name="Keys")
    before = len(typed.text)
    for name, _ in SENT:
        panel.get_by_role("button", name=name, exact=True).click()
    arrived = "".join(bytes_ for _, bytes_ in SENT)
    until(lambda: typed.text[before:] == arrived, "all arrived")
    before += len(arrived)
    panel.get_by_role("button", name="Ctrl", exact=True).click()
    panel.get_by_role("button", name="Type into the session").click()
    for key in ("g", "h"):  # as people type: the second is down before the first is up
        page.keyboard.down(key)
    for key in ("g", "h"):
        page.keyboard.up(key)
    until(lambda: typed.text[before:] == "\x07h", "Ctrl was held for one key")
    panel.get_by_role("button", name="Close").click()


def test_what_it_says_of_the_connection(desk: Desk) -> None:
    expect(desk.page.locator(".quality")).to_have_attribute("title", re.compile(r"\d+ ms · \d+ fps · [\d.]+ Mbit/s"))


LEVELS = {"Best picture": (9, 1), "Balanced": (7, 2), "Slow network": (3, 7)}  # of JPEG, and of compression


def test_the_quality_that_is_chosen_is_asked_of_the_display(desk: Desk, screen: Screen) -> None:
    """RFC 6143 7.5.2 SetEncodings, with the pseudo-encodings -32 to -23 and -256 to -247."""
    asked: list[set[int]] = []

    def sent(payload: str | bytes) -> None:
        if isinstance(payload, bytes) and payload[:2] == b"\x02\x00":
            asked.append({code for (code,) in struct.iter_unpack("!i", payload[4:])})

    desk.page.once("websocket", lambda socket: socket.on("framesent", sent))
    desk.page.reload()
    desk.seen()
    for entry, (quality, compression) in LEVELS.items():
        toolbar(desk.page, "Picture quality", entry)
        until(lambda: asked and asked[-1] >= {quality - 32, compression - 256}, f"{entry} is asked for")  # noqa: B023
        desk.shows(screen)


def test_a_fine_screen_is_sharp_where_that_is_wanted(
    browser: Browser, client: Client, own_server: Server, session: Session, screen: Screen
) -> None:
    with desk_of(browser, client, own_server, session.id, device_scale_factor=2) as fine:
        until(lambda: screen.size == (900, 600), "large and readable")
        toolbar(fine.page, "Size", "Sharp: every pixel, smaller")
        until(lambda: screen.size == (1800, 1200), "a pixel for each")
        until(lambda: shown(fine) == (900, 600), "in the same window")
        toolbar(fine.page, "Size", "Large and readable")
        until(lambda: screen.size == (900, 600), "large again")


def test_a_touch_keyboard_types(
    browser: Browser, client: Client, own_server: Server, session: Session, screen: Screen, typed: Typed
) -> None:
    phone = {"viewport": {"width": 390, "height": 760}, "has_touch": True, "is_mobile": True, "device_scale_factor": 3}
    before = screen.size
    with desk_of(browser, client, own_server, session.id, **phone) as hand:
        assert screen.size == before  # a phone makes nobody's desktop small
        hand.canvas.tap(position={"x": 30, "y": 30})  # the keyboard is that of what is pointed at
        hand.page.get_by_role("button", name="Show the toolbar").tap()  # once it has hidden itself
        hand.page.get_by_role("toolbar").get_by_role("button", name="Keys").tap()
        hand.page.get_by_role("button", name="Type into the session").tap()
        was = len(typed.text)
        hand.compose("g", "gr", "grü", "grün")  # a word is composed letter by letter
        until(lambda: typed.text[was:].replace("\x7f", "").endswith("grün"), "it was typed")
        cdp = hand.cdp
        for kind in ("keyDown", "keyUp"):
            cdp.send("Input.dispatchKeyEvent", {"type": kind, "key": "Backspace", "code": "Backspace",
                                                "windowsVirtualKeyCode": 8})  # fmt: skip
        until(lambda: typed.text[was:].endswith(("\x7f", "\x08")), "and deleted")


def test_who_is_idle_is_warned_and_stays_with_a_click(browser: Browser, client: Client, own_server: Server) -> None:
    client.put_document("profiles", "brief", {"disconnectWhenIdle": 4, "warnBefore": 3, "extendBy": 4})
    id_ = client.start(StartRequest("sleep 600", profile="brief"))["result"]["id"]
    with desk_of(browser, client, own_server, id_) as desk:
        warning = desk.page.get_by_role("group", name="This is going to end")
        expect(warning).to_contain_text("You will be disconnected in 0:0")
        warning.get_by_role("button", name="Stay").click()
        expect(warning).to_have_count(0)
        expect(warning).to_be_visible()
        expect(desk.page.get_by_role("heading", name="You were disconnected")).to_be_visible()
    assert client.session(id_).state == "suspended"
