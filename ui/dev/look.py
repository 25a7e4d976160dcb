"""Looks at every page of the UI on the mock server: pictures wide and narrow, light and dark, and what axe-core finds.

node ui/dev/mock.mjs --prefix /some/prefix &
.venv/bin/python ui/dev/look.py http://127.0.0.1:3399/some/prefix/ OUT
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

AXE = Path(__file__).parent.parent / "node_modules/axe-core/axe.min.js"


def start(page: Page, command: str) -> None:
    page.get_by_label("New session").first.fill(command)
    page.get_by_role("button", name="Options").click()
    page.get_by_label("Open it when it is ready").uncheck()
    page.get_by_role("dialog").get_by_role("button", name="Start").click()


def failed(page: Page) -> None:
    for command in ("fail", "refuse now", "slow one"):
        start(page, command)
    page.get_by_text("Check the spelling").first.wait_for()


def menu(page: Page) -> None:
    page.get_by_role("button", name="Actions for Project 0").click()


def palette(page: Page) -> None:
    page.keyboard.press("Control+k")
    page.get_by_role("combobox").fill("pro")


def ask(page: Page) -> None:
    start(page, "ask")
    page.get_by_label("Password").wait_for()


def token(page: Page) -> None:
    page.get_by_label("What it is for").fill("laptop")
    page.get_by_role("button", name="Make token").click()
    page.get_by_text("not shown again").wait_for()


def refused_setting(page: Page) -> None:
    page.get_by_label("login_hours").fill("many")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("a number").wait_for()


def end(page: Page) -> None:
    page.keyboard.press("Escape")
    menu(page)
    page.get_by_role("menuitem", name="End session").click()


VIEWS: list[tuple[str, str, Callable[[Page], None] | None]] = [
    ("sessions", "", None),
    ("menu", "", menu),
    ("end", "", end),
    ("options", "", lambda page: page.get_by_role("button", name="Options").click()),
    ("palette", "", palette),
    ("person", "", lambda page: page.get_by_role("button", name="You:").click()),
    ("failed", "", failed),
    ("ask", "", ask),
    ("info", "session/s00000000000/info", None),
    ("params", "session/s00000000000/params", None),
    ("log", "session/s00000000000/log", None),
    ("processes", "session/s00000000000/processes", None),
    ("connections", "session/s00000000000/connections", None),
    ("why", "session/s00000000000/why", None),
    ("gone", "session/nothing/info", None),
    ("logins", "logins", None),
    ("token", "logins", token),
    ("servers", "manage/servers", None),
    ("all-sessions", "manage/sessions", None),
    ("settings", "system/settings", None),
    ("refused-setting", "system/settings", refused_setting),
    ("audit", "system/audit", None),
    ("server-log", "system/log", None),
    ("nowhere", "nowhere", None),
    ("viewer", "session/s00000000000", None),
]
SIZES = {"wide": (1360, 860), "narrow": (360, 740)}


def main(base: str, out: Path, wanted: list[str]) -> int:
    out.mkdir(parents=True, exist_ok=True)
    serious = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            for size, (width, height) in SIZES.items():
                context = browser.new_context(
                    viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce",
                    bypass_csp=False,
                )  # fmt: skip
                for name, path, act in VIEWS:
                    if wanted and name not in wanted:
                        continue
                    page = context.new_page()
                    page.on("console", lambda said, name=name: said.type == "error" and print(name, said.text))
                    page.on("pageerror", lambda error, name=name: print(name, "PAGE ERROR", error))
                    page.goto(base + path)
                    page.wait_for_timeout(900)
                    if act:
                        act(page)
                        page.wait_for_timeout(500)
                    page.screenshot(path=out / f"{name}-{size}-{scheme}.png")
                    serious += found(page, f"{name} {size} {scheme}")
                    page.close()
                context.close()
        browser.close()
    print("serious:", serious)
    return min(1, serious)


def found(page: Page, where: str) -> int:
    page.evaluate(AXE.read_text())
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    for rule in result["violations"]:
        print(where, rule["impact"], rule["id"], [node["target"] for node in rule["nodes"]][:4])
        print("    ", rule["nodes"][0]["failureSummary"].replace("\n", " ")[:300])
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if overflow > 0:
        print(where, "wider than the window by", overflow)
    return sum(rule["impact"] in ("serious", "critical") for rule in result["violations"]) + (overflow > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:]))
