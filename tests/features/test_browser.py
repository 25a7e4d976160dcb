"""Three people, their browsers, their programs: see, type, resize, copy, leave, come back, lose the network, end."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from portcall.client.api import Client
from portcall.model.session import Session
from tests.features.conftest import MakePerson, MakeServer
from tests.features.pages import Desk
from tests.features.people import Person, ended
from tests.features.screen import Screen, Typed
from tests.features.server import Server
from tests.features.waiting import until
from tests.features.wire import Wire
from tests.fixtures.pam import Codes, pam_service
from tests.fixtures.sshd import PROMPTS, Sshd, sshd

pytestmark = pytest.mark.root
MakeDesk = Callable[..., Desk]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def codes(tmp_path_factory: pytest.TempPathFactory) -> Codes:
    return Codes(tmp_path_factory.mktemp("codes"))


@pytest.fixture(scope="module")
def ssh_server(codes: Codes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """Asks for the password, then, in a second round, for a verification code."""
    with pam_service(codes.stack) as name, sshd(tmp_path_factory.mktemp("sshd"), PROMPTS, name) as running:
        yield running


@pytest.fixture(scope="module")
def server(new_server: MakeServer, pam: str, ssh_server: Sshd) -> Server:
    return new_server(pam_service=pam, login_methods="pam,ssh", login_failures=1000, **ssh_server.settings)


@pytest.fixture(scope="module")
def wire(server: Server) -> Iterator[Wire]:
    with Wire(int(str(server.settings["port"]))) as wire:
        yield wire


@pytest.fixture(scope="module")
def ann(new_person: MakePerson) -> Person:
    return new_person()


@pytest.fixture(scope="module")
def desk(browser: Browser, wire: Wire) -> Iterator[MakeDesk]:
    """Opens a browser for somebody; nothing may have gone wrong on its pages."""
    made: list[Desk] = []

    def make(width: int = 1100, height: int = 700) -> Desk:
        url = f"http://127.0.0.1:{wire.port}"
        context = browser.new_context(viewport={"width": width, "height": height})
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=url)
        made.append(Desk(context, url))
        return made[-1]

    yield make
    for one in made:
        one.context.close()
    assert [error for one in made for error in one.errors] == []


@pytest.fixture(scope="module")
def her(desk: MakeDesk, ann: Person) -> Desk:
    """Ann's, logged in."""
    made = desk()
    made.login(ann)
    return made


@pytest.fixture(scope="module")
def typed(ann: Person) -> Typed:
    return Typed(ann, "ann")


@pytest.fixture(scope="module")
def xterm(her: Desk, ann: Person, server: Server, typed: Typed) -> tuple[Session, Screen]:
    """Ann's terminal, started from the page."""
    id_ = her.start(typed.command)
    typed.wait()
    with ann.login(server) as client:
        session = client.session(id_)
    return session, Screen(ann, session)


@pytest.fixture
def client(server: Server, ann: Person) -> Iterator[Client]:
    with ann.login(server) as client:
        yield client


def test_a_terminal_is_seen_as_it_is(her: Desk, xterm: tuple[Session, Screen]) -> None:
    screen = xterm[1]
    until(lambda: screen.size == (1100, 700), "it has the size of the window")
    her.shows(screen)
    screen.run("xsetroot", "-solid", "#d02090")
    her.shows(screen)
    assert her.picture().getpixel((1090, 690)) == pytest.approx((0xD0, 0x20, 0x90), abs=12)


ASCII = "".join(one for one in string.printable if one.isprintable())
TYPED = (
    ("every character of ASCII", ASCII),
    ("capitals, digits and signs mixed", "Aa1!Bb2@ ~`|\\ \"'"),
    ("another alphabet's letters", "üößÄÖÜ ñ ç å ø æ"),
    ("signs beyond Latin-1", "€ “” – … œ Ž ł"),
    ("other scripts", "ελληνικά кириллица עברית 日本語 한국어"),
    ("emoji", "😀🚀"),
)  # fmt: skip


@pytest.mark.parametrize("text", [text for _, text in TYPED], ids=[name for name, _ in TYPED])
def test_what_is_typed_arrives(her: Desk, xterm: tuple[Session, Screen], typed: Typed, text: str) -> None:
    her.point(200, 100)
    her.page.keyboard.type(text)
    typed.expect(text)


def test_altgr_dead_keys_and_input_methods_arrive(her: Desk, xterm: tuple[Session, Screen], typed: Typed) -> None:
    her.point(200, 100)
    for key, code in (("€", "KeyE"), ("@", "KeyQ"), ("{", "Digit7"), ("\\", "Minus"), ("µ", "KeyM")):
        her.altgr(key, code)
    typed.expect("€@{\\µ")
    her.dead("BracketLeft", "´", "é")
    her.dead("BracketLeft", "^", "ô")
    typed.expect("éô")
    her.compose("n", "に", "にほ", "にほん", "日本")
    her.page.keyboard.insert_text("ü€ß😀")
    typed.expect("日本ü€ß😀")


def test_keys_without_a_character_and_shortcuts_arrive(her: Desk, xterm: tuple[Session, Screen], typed: Typed) -> None:
    her.point(200, 100)
    keys = {
        "Enter": "\r", "Tab": "\t", "Escape": "\x1b", "Backspace": "\x7f", "ArrowUp": "\x1b[A", "F5": "\x1b[15~",
        "Control+a": "\x01", "Control+w": "\x17", "Control+Shift+_": "\x1f", "Delete": "\x1b[3~", "PageUp": "",
    }  # fmt: skip
    for key, bytes_ in keys.items():
        her.page.keyboard.press(key)
        her.page.keyboard.type(".")
        typed.expect(f"{bytes_}.")


def test_the_terminal_shows_what_was_typed(her: Desk, xterm: tuple[Session, Screen], typed: Typed) -> None:
    her.point(200, 100)
    her.page.keyboard.type("\rseen on the screen: Grüße")
    typed.expect("Grüße")
    assert "seen on the screen: Grüße" in typed.screen(xterm[1])
    her.shows(xterm[1])


def test_the_session_takes_the_windows_size(her: Desk, xterm: tuple[Session, Screen]) -> None:
    for size in ((900, 640), (1234, 777), (1100, 700)):
        her.page.set_viewport_size({"width": size[0], "height": size[1]})
        until(lambda size=size: xterm[1].size == size, f"the screen is {size}")
        her.shows(xterm[1])


def test_what_is_copied_on_either_side_is_pasted_on_the_other(
    her: Desk, xterm: tuple[Session, Screen], typed: Typed
) -> None:
    screen = xterm[1]
    screen.set_clipboard("from the session: Ünï €")
    her.point(200, 100)
    until(lambda: her.page.evaluate("navigator.clipboard.readText()") == "from the session: Ünï €", "it is here")
    her.page.evaluate("navigator.clipboard.writeText('from here: ß 漢')")
    her.page.keyboard.press("Shift+Insert")
    until(lambda: screen.clipboard() == "from here: ß 漢", "it is there")
    typed.expect("from here: ß 漢")


def test_leaving_reloading_and_coming_back_finds_everything(
    her: Desk, xterm: tuple[Session, Screen], typed: Typed, client: Client
) -> None:
    session, screen = xterm
    her.page.reload()
    her.seen()
    her.shows(screen)
    her.page.goto(her.url)
    until(lambda: client.session(session.id).state == "suspended", "nobody looks")
    card = her.card(session.id)
    expect(card).to_contain_text("Suspended")
    expect(card.locator("img")).to_be_visible()
    card.get_by_role("link").first.click()
    her.seen()
    until(lambda: client.session(session.id).state == "running", "somebody looks")
    her.point(200, 100)
    her.page.keyboard.type("back again")
    typed.expect("back again")


def test_it_reconnects_by_itself_when_the_network_was_gone(
    her: Desk, wire: Wire, xterm: tuple[Session, Screen], typed: Typed
) -> None:
    wire.cut()
    try:
        expect(her.page.get_by_text("Connection lost, reconnecting…").first).to_be_visible()
        # the picture of before, over the one that comes, does not catch what is clicked
        expect(her.page.locator(".viewer-frozen")).to_have_css("pointer-events", "none")
    finally:
        wire.mend()
    her.seen()
    her.point(200, 100)
    her.page.keyboard.type("after the cut")
    typed.expect("after the cut")


def test_it_notices_a_network_that_says_nothing_and_comes_back(
    her: Desk, wire: Wire, xterm: tuple[Session, Screen], typed: Typed
) -> None:
    wire.swallow()
    try:
        expect(her.page.get_by_text("Connection lost, reconnecting…").first).to_be_visible()
    finally:
        wire.mend()
    her.seen()
    her.point(200, 100)
    her.page.keyboard.type("after the silence")
    typed.expect("after the silence")


def test_it_reconnects_by_itself_when_the_server_was_killed(
    her: Desk, server: Server, xterm: tuple[Session, Screen], typed: Typed
) -> None:
    server.kill()
    try:
        expect(her.page.get_by_text("Connection lost, reconnecting…").first).to_be_visible()
    finally:
        server.start()
    her.seen()
    her.point(200, 100)
    her.page.keyboard.type("after the kill")
    typed.expect("after the kill")


def test_two_browsers_share_one_session(
    her: Desk, desk: MakeDesk, ann: Person, xterm: tuple[Session, Screen], typed: Typed, client: Client
) -> None:
    other = desk(800, 600)
    other.login(ann)
    other.open(xterm[0].id)
    until(lambda: client.session(xterm[0].id).clients == 2, "two viewers")
    other.point(100, 100)
    other.page.keyboard.type("from the second")
    typed.expect("from the second")
    other.page.goto("about:blank")
    until(lambda: client.session(xterm[0].id).clients == 1, "one viewer")
    her.page.set_viewport_size({"width": 1100, "height": 701})
    until(lambda: xterm[1].size == (1100, 701), "the first has its size again")


def test_it_is_ended_from_the_viewer_and_that_is_said(
    her: Desk, ann: Person, xterm: tuple[Session, Screen], client: Client
) -> None:
    session = xterm[0]
    her.toolbar("End session")
    her.page.get_by_role("dialog").get_by_role("button", name="End session").click()
    expect(her.page.get_by_role("heading", name="The session has ended")).to_be_visible()
    ended(client, session.id)
    ann.gone(session.id, session.display)


def test_somebody_with_a_verification_code_works_on_a_desktop(
    desk: MakeDesk, server: Server, codes: Codes, new_person: MakePerson
) -> None:
    ben = new_person()
    codes.give(ben.name)
    his = desk(1280, 800)
    page = his.page
    page.goto(his.url)
    page.get_by_text("SSH", exact=True).click()
    page.get_by_label("User name").fill(ben.name)
    page.get_by_label("Password").fill(ben.password)
    page.get_by_role("button", name="Log in").click()
    page.get_by_label(re.compile("One-time password")).fill(codes.next(ben.name))
    page.get_by_role("button", name=re.compile("Continue|Log in")).click()
    his.at_sessions()
    id_ = his.start("startxfce4")
    session = next(one for one in ben.json(server, "ls", "--json") if one["id"] == id_)
    screen = Screen(ben, _session(session))
    screen.wait_for_window("xfce4-panel")
    screen.wait_for_window("xfdesktop")
    his.shows(screen)
    assert len(set(his.picture().resize((64, 40)).get_flattened_data())) > 20, "a desktop has many colours"
    for one in ben.processes("xfce4-session"):  # its own way out refuses while it still starts things
        one.terminate()
    expect(page.get_by_role("heading", name="The session has ended")).to_be_visible()
    ben.gone(id_, session["display"])


def test_a_program_comes_in_windows_of_its_own_and_on_a_desktop_if_wanted(
    her: Desk, ann: Person, client: Client
) -> None:
    her.page.goto(her.url)
    session = client.session(her.start("xclock"))
    assert session.geometry == "rootless"
    screen = Screen(ann, session)
    before = screen.box("xclock")
    her.drag((before.x + before.width // 2, before.y + before.height + 2), (before.x, before.y + before.height + 62))
    until(lambda: screen.box("xclock").height == before.height + 60, "it is larger by what its edge was moved")
    her.point(before.x + before.width - 8, before.y - 12)  # the last sign of its title bar
    expect(her.page.get_by_role("heading", name="The session has ended")).to_be_visible()
    ann.gone(session.id, session.display)

    her.page.goto(her.url)
    her.page.get_by_label("New session").fill("xclock")
    her.page.get_by_role("button", name="On a desktop instead").click()
    session = client.session(her.start("xclock"))
    width, height = her.page.viewport_size["width"], her.page.viewport_size["height"]
    assert session.geometry == f"{width}x{height - height % 2}"
    client.purge(session.id)
    her.page.goto(her.url)  # and so the next time
    her.page.get_by_label("New session").fill("xclock")
    expect(her.page.get_by_role("button", name="As a single program instead")).to_be_visible()


def test_what_the_command_line_does_is_seen_on_the_page_at_once(
    her: Desk, desk: MakeDesk, server: Server, new_person: MakePerson
) -> None:
    cleo = new_person()
    hers = desk()
    hers.login(cleo)
    session = cleo.json(server, "start", "--name", "By hand", "--geometry", "rootless", "xclock")
    card = hers.card(session["id"])
    expect(card).to_contain_text("By hand")
    cleo.portcall(server, "param", "set", session["id"], "project=wing")
    hers.open(session["id"])
    screen = Screen(cleo, _session(session))
    screen.wait_for_window("xclock")
    hers.shows(screen)
    info = cleo.json(server, "info", session["id"], "--json")
    assert (info["clients"], info["params"]["project"]) == (1, "wing")
    assert cleo.portcall(server, "suspend", session["id"]).returncode == 0
    expect(hers.page.get_by_role("heading", name="The session is suspended")).to_be_visible()
    hers.page.get_by_role("button", name="Open again").click()
    hers.seen()
    assert cleo.portcall(server, "terminate", session["id"]).returncode == 0
    expect(hers.page.get_by_role("heading", name="The session has ended")).to_be_visible()
    cleo.gone(session["id"], session["display"])
    assert cleo.name not in her.page.content()


def test_a_command_that_fails_says_so_on_the_page(desk: MakeDesk, new_person: MakePerson) -> None:
    somebody = new_person()
    desk_ = desk()
    desk_.login(somebody)
    field = desk_.page.get_by_label("New session")
    field.fill("no-such-program --flag")
    field.press("Enter")
    expect(desk_.page.get_by_text("no-such-program: command not found").first).to_be_visible()
    expect(desk_.page.get_by_text("Did not start").first).to_be_visible()


def _session(document: dict[str, object]) -> Session:
    from portcall.model import codec

    return codec.from_document(Session, json.loads(json.dumps(document)))
