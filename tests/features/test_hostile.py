"""Hostile names, params, commands and documents: kept as they are, or refused in a sentence; nothing runs or breaks."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import expect, sync_playwright

from portcall.client.api import Client
from portcall.errors import InvalidValue, PortcallError, StartFailed
from portcall.model.session import Session
from portcall.model.start import StartRequest
from tests.features.hostile import BROKEN_JSON, COMMANDS, ESCAPES, NAMES, REFUSED
from tests.features.pages import Desk
from tests.features.people import Person, ended
from tests.features.server import Server
from tests.features.viewer import watching
from tests.features.waiting import WITHIN, until

STAYS = "exec tail -f /dev/null"


@pytest.fixture(scope="module")
def client(own_server: Server, person: Person) -> Iterator[Client]:
    with person.login(own_server) as client:
        yield client
    assert not list(person.home.glob("**/pwned"))
    until(lambda: not person.processes("Xvnc"), "no display is left")


@pytest.fixture
def running(client: Client, person: Person) -> Iterator[Session]:
    session = client.session(client.start(StartRequest(STAYS))["result"]["id"])
    yield session
    client.terminate(session.id)
    person.gone(session.id, session.display)


def end(client: Client, person: Person, session: Session) -> None:
    client.terminate(session.id)
    person.gone(session.id, session.display)


@pytest.mark.parametrize("text", NAMES.values(), ids=NAMES)
def test_a_name_and_params_stay_what_they_are(client: Client, own_server: Server, person: Person, text: str) -> None:
    params = {text[:128]: text, "value": text, "deep": [{"a": text}]}
    made = client.start(StartRequest(STAYS, name=text, params=params))["result"]
    session = client.session(made["id"])
    assert session.name == text
    assert {key: session.params[key] for key in params} == params
    assert text in person.program_of(session.id, "Xvnc").cmdline()  # one word
    with watching(client, session.id) as viewer:
        assert viewer.name == text
    # by the command line, too
    seen = person.json(own_server, "info", session.id, "--json")
    assert (seen["name"], seen["params"]["value"]) == (text, text)
    done = person.portcall(own_server, "param", "set", session.id, f"typed={text}")
    assert done.returncode == 0, done.stderr
    assert client.session(session.id).params["typed"] == text
    end(client, person, session)


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_what_no_name_can_be_is_refused_at_each_door(
    client: Client, own_server: Server, person: Person, running: Session, text: str
) -> None:
    with pytest.raises(InvalidValue) as refusal:
        client.start(StartRequest(STAYS, name=text))
    assert "name" in refusal.value.detail
    with pytest.raises(InvalidValue):
        client.change(running.id, name=text)
    if "\0" not in text:  # which no argument can have
        for mode in ([], ["--local"]):
            done = person.portcall(own_server, "start", *mode, "--name", text, "--command", STAYS)
            assert (done.returncode, done.stdout) == (1, "")
            assert "name" in done.stderr
            assert "Traceback" not in done.stderr
    assert client.session(running.id).name == ""


@pytest.mark.parametrize(("command", "printed"), COMMANDS.items(), ids=range(len(COMMANDS)))
def test_a_command_line_is_what_the_shell_makes_of_it(
    client: Client, own_server: Server, person: Person, command: str, printed: str
) -> None:
    session = client.session(client.start(StartRequest(f"{command}\n{STAYS}"))["result"]["id"])
    until(lambda: client.log(session.id)["log"] == printed, "it has printed that")
    end(client, person, session)
    done = person.portcall(None, "start", "--cli", "--command", command, environment={"PORTCALL_RUNTIME_DIR": "/none"})
    assert done.stdout == printed


@pytest.mark.parametrize("body", BROKEN_JSON, ids=range(len(BROKEN_JSON)))
def test_documents_that_are_none_are_refused_in_a_sentence(
    client: Client, own_server: Server, running: Session, body: bytes
) -> None:
    headers = {"Authorization": client.http._client.headers["Authorization"], "Content-Type": "application/json"}
    for method, path in (
        ("POST", "/sessions"), ("PATCH", f"/sessions/{running.id}"), ("POST", "/login"), ("POST", "/tokens"),
    ):  # fmt: skip
        if method == "PATCH" and body == b"{}":
            continue
        answer = httpx.request(method, f"{own_server.url}/api{path}", content=body, headers=headers, timeout=WITHIN)
        assert 400 <= answer.status_code < 500, (path, answer.status_code, answer.text)
        document = answer.json()
        assert answer.headers["content-type"].startswith("application/problem+json")
        assert document["code"]
        assert document["detail"]
        assert "Traceback" not in answer.text
    assert "Traceback" not in own_server.said()


@pytest.mark.parametrize(
    "path",
    ["/sessions/..%2f..%2fetc", "/sessions/%00", "/sessions/" + "a" * 5000, "/sessions/a%2Fb/log", "/traces/%2e%2e",
     "/settings/__class__", "/logins/%ff", "/starts/%0d%0aX: y", "/sessions/x/log?bytes=-1", "/sessions?state=nonesuch",
     "/sessions/x/screenshot?width=99999999&format=svg", ],
)  # fmt: skip
def test_addresses_that_are_none_are_refused_in_a_sentence(client: Client, own_server: Server, path: str) -> None:
    headers = {"Authorization": client.http._client.headers["Authorization"]}
    answer = httpx.get(f"{own_server.url}/api{path}", headers=headers, timeout=WITHIN)
    assert 400 <= answer.status_code < 500
    assert answer.json()["code"]
    assert "Traceback" not in own_server.said()


OTHER = (*NAMES.values(), *REFUSED.values(), ESCAPES, "-1x-1", "0x0", "1e3x1e3", "1280x800;id", "us;id", "us,(x")


@pytest.mark.parametrize("field", ["geometry", "profile", "keyboard_layout", "id", "bookmark_id", "key"])
def test_every_other_field_takes_only_what_it_can_be(client: Client, person: Person, field: str) -> None:
    for text in OTHER:
        if refused(client, {field: text}):
            continue
        # a key may be any text, and an id what has the look of one
        assert field in ("key", "id"), (field, text)


def refused(client: Client, members: dict[str, str]) -> bool:
    """By a sentence of ours; what is started is ended."""
    try:
        made = client.start(StartRequest(STAYS, **members))["result"]  # type: ignore[arg-type]
    except PortcallError as refusal:
        return refusal.status < 500 or isinstance(refusal, StartFailed)
    client.terminate(made["id"])
    ended(client, made["id"])
    return False


def test_what_a_program_prints_does_not_drive_the_terminal_of_who_reads_it(
    client: Client, own_server: Server, person: Person
) -> None:
    command = f"printf '%b' '\\033]0;pwned\\007\\033[2Jred'; echo; {STAYS}"
    name = ESCAPES.replace("\r", "")
    try:
        made = client.start(StartRequest(command, name=name, params={"p": ESCAPES}))["result"]
    except InvalidValue:
        made = client.start(StartRequest(command, params={"p": ESCAPES}))["result"]
    session = client.session(made["id"])
    until(lambda: "red" in client.log(session.id)["log"], "it has printed")
    with_terminal = ("script", "-qec")  # a terminal, so that nothing is left out for want of one
    for line in ("ls", f"info {session.id}", f"explain {session.id}", f"log {session.id}", "logins", "audit"):
        done = person.run(
            *with_terminal, f"{person.program} {line}", "/dev/null",
            environment={**person.at(own_server), "TERM": "xterm", "NO_COLOR": "1"},
        )  # fmt: skip
        for sequence in ("\x1b]", "\x1b[2J", "\x9b", "\x07"):
            assert sequence not in done.stdout, (line, done.stdout)
    end(client, person, session)


def test_pages_show_hostile_names_as_text(client: Client, own_server: Server, person: Person) -> None:
    markup = NAMES["markup"]
    command = f"echo '{json.dumps(markup)}'; {STAYS}"
    made = [
        client.start(StartRequest(command, name=text, params={text[:128]: text}))["result"]["id"]
        for text in (markup, NAMES["an address"], NAMES["from right to left"])
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        desk = Desk(browser.new_context(), own_server.url)
        dialogs: list[str] = []
        desk.page.on("dialog", lambda dialog: dialogs.append(dialog.message) or dialog.dismiss())
        desk.page.goto(client.fresh_link()["url"])
        desk.at_sessions()
        for where in ("", f"/session/{made[0]}/info", f"/session/{made[0]}/log", f"/session/{made[0]}"):
            desk.page.goto(own_server.url + where)
            expect(desk.page.get_by_text("<script>").first).to_be_attached()
            assert desk.page.title() != "pwned"
        assert dialogs == []
        assert desk.errors == []
        browser.close()
    for id_ in made:
        client.terminate(id_)
        ended(client, id_)
        person.gone(id_)
