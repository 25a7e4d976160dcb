"""A browser of the administrator on a real server, and what must stay silent on every page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from portcall.client.api import Client
from tests.features.server import Server

WATCH = """
window.violations = [];
document.addEventListener('securitypolicyviolation', (event) =>
  window.violations.push(event.violatedDirective + ' ' + event.blockedURI));
"""


class Site:
    """A browser of the administrator, and what must stay silent: errors, policy reports, requests to other places."""

    def __init__(self, browser: Browser, server: Server, client: Client) -> None:
        self.url, self.client = server.url, client
        self.page: Page = browser.new_page(viewport={"width": 1360, "height": 900}, reduced_motion="reduce")
        self.wrong: list[str] = []
        self.page.add_init_script(WATCH)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("dialog", self._dialog)
        self.page.on("request", self._asked)
        self.page.goto(client.fresh_link()["url"])
        expect(self.page.get_by_label("New session").first).to_be_visible()

    def _dialog(self, dialog: Any) -> None:
        if dialog.type != "beforeunload":  # the page asks before changes are lost
            self.wrong.append(dialog.message)
        dialog.accept()

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((self.url, "data:", "blob:")):
            self.wrong.append(f"asked for {request.url}")

    def go(self, path: str = "") -> Page:
        self.page.goto(f"{self.url}/{path}")
        expect(self.page.get_by_role("heading", level=1)).to_have_count(1)
        return self.page

    @property
    def code(self) -> Locator:
        return self.page.locator(".function-code .cm-content")

    def write(self, text: str) -> None:
        """In place of all the code, as a paste."""
        self.code.click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(text)

    def save(self) -> None:
        self.page.get_by_role("button", name="Save", exact=True).click()

    def quiet(self) -> None:
        """Nothing ran, nothing was refused by the content security policy, nothing went elsewhere."""
        assert self.wrong == []
        assert self.page.evaluate("[window.harmed ?? null, window.violations]") == [None, []]
        figures = self.page.evaluate(
            "(address) => fetch(address).then((answer) => answer.text())", f"{self.url}/metrics"
        )
        assert "portcall_csp_reports_total 0.0" in figures.splitlines()  # none came by the policy's report-uri


@contextmanager
def administration(server: Server) -> Iterator[Site]:
    with server.by_link() as client, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        made = Site(browser, server, client)
        yield made
        browser.close()
    assert made.wrong == []
