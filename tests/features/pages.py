"""The pages as a person uses them: by what is written on fields and buttons."""

from __future__ import annotations

import io
import re

from PIL import Image, ImageChops, ImageStat
from playwright.sync_api import BrowserContext, CDPSession, Locator, Page, expect

from tests.features.people import Person
from tests.features.screen import Screen
from tests.features.waiting import until


class Desk:
    """A browser of one person: its context, a page, and what went wrong on it."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context, self.url = context, url
        self.page: Page = context.new_page()
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    # in and out

    def login(self, person: Person) -> None:
        """With the password of the account."""
        self.page.goto(self.url)
        self.page.get_by_label("User name").fill(person.name)
        self.page.get_by_label("Password").fill(person.password)
        self.page.get_by_role("button", name="Log in").click()
        self.at_sessions()

    def at_sessions(self) -> None:
        expect(self.page.get_by_role("heading", name="Sessions", exact=True)).to_be_visible()

    # sessions

    def start(self, command: str) -> str:
        """Typed into the field; the id of the session, which is then shown."""
        field = self.page.get_by_label("New session")
        field.fill(command)
        field.press("Enter")
        self.page.wait_for_url(re.compile(r"/session/[0-9a-f]+"))
        self.seen()
        return self.page.url.rsplit("/", 1)[1]

    def seen(self) -> None:
        """The picture is there, and live."""
        expect(self.canvas).to_be_visible()
        expect(self.page.locator(".curtain")).to_have_count(0)

    def open(self, session_id: str) -> None:
        self.page.goto(f"{self.url}/session/{session_id}")
        self.seen()

    @property
    def canvas(self) -> Locator:
        return self.page.locator(".viewer-picture canvas")

    def card(self, session_id: str) -> Locator:
        return self.page.locator(f"article[data-session='{session_id}']")

    def toolbar(self, name: str | re.Pattern[str]) -> None:
        """Presses a button of the viewer's toolbar."""
        press_tool(self.page, name)

    # the picture

    def point(self, x: float, y: float) -> None:
        """Clicks there on the session's screen."""
        box = self.canvas.bounding_box()
        assert box is not None
        self.page.mouse.click(box["x"] + x, box["y"] + y)

    def drag(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        """Moves the mouse from there to there on the session's screen, with the button held."""
        box = self.canvas.bounding_box()
        assert box is not None
        self.page.mouse.move(box["x"] + start[0], box["y"] + start[1])
        self.page.mouse.down()
        self.page.mouse.move(box["x"] + end[0], box["y"] + end[1], steps=8)
        self.page.mouse.up()

    def picture(self) -> Image.Image:
        """What the browser shows of the session; the bar and notes are hidden for that."""
        style = ".viewer-top, .viewer-hint { visibility: hidden !important }"
        return Image.open(io.BytesIO(self.canvas.screenshot(style=style))).convert("RGB")

    def shows(self, screen: Screen) -> None:
        """Waits until the picture is that of the session's own screen (lossy pictures differ a little)."""

        def alike() -> bool:
            here, there = self.picture(), screen.picture()
            if here.size != there.size:
                return False
            return max(ImageStat.Stat(ImageChops.difference(here, there)).mean) < 6

        until(alike, f"the browser shows {screen.session.display}", 20)

    # the keyboard

    @property
    def cdp(self) -> CDPSession:
        return self.context.new_cdp_session(self.page)

    def altgr(self, key: str, code: str) -> None:
        """A character of the third level, as Chromium tells of it."""
        cdp = self.cdp
        hold = {"key": "AltGraph", "code": "AltRight", "location": 2, "windowsVirtualKeyCode": 225}
        cdp.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **hold})
        for kind in ("keyDown", "keyUp"):
            text = {"text": key, "unmodifiedText": key} if kind == "keyDown" else {}
            cdp.send("Input.dispatchKeyEvent", {"type": kind, "key": key, "code": code, **text})
        cdp.send("Input.dispatchKeyEvent", {"type": "keyUp", **hold})
        cdp.detach()

    def compose(self, *steps: str) -> None:
        """An input method, or a dead key: what is composed changes, the last of it is taken."""
        cdp = self.cdp
        for text in steps[:-1]:
            composed = {"text": text, "selectionStart": len(text), "selectionEnd": len(text)}
            cdp.send("Input.imeSetComposition", composed)
        cdp.send("Input.insertText", {"text": steps[-1]})
        cdp.detach()

    def dead(self, code: str, accent: str, character: str) -> None:
        cdp = self.cdp
        cdp.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", "key": "Dead", "code": code})
        cdp.send("Input.dispatchKeyEvent", {"type": "keyUp", "key": "Dead", "code": code})
        cdp.detach()
        self.compose(accent, character)


def press_tool(page: Page, name: str | re.Pattern[str]) -> None:
    """A button of the viewer's toolbar, which comes with the pointer at the top."""
    assert page.viewport_size is not None
    middle = page.viewport_size["width"] / 2
    page.mouse.move(middle, page.viewport_size["height"] / 2)
    page.mouse.move(middle, 2)
    expect(page.get_by_role("button", name="Hide the toolbar")).to_be_visible()
    page.get_by_role("toolbar").get_by_role("button", name=name).click()
