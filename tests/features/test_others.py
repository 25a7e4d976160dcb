"""One user cannot see, reach or guess another's session, socket, ticket, file, log or picture: each is tried."""

from __future__ import annotations

import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from portcall.client.api import Client
from portcall.errors import Forbidden, LoginFailed, NotLoggedIn, PortcallError
from portcall.model.session import Session
from portcall.model.start import StartRequest
from tests.features.conftest import MakePerson, MakeServer
from tests.features.people import Person, state
from tests.features.server import Server
from tests.features.viewer import Refused, entered, watching
from tests.features.waiting import WITHIN, until

pytestmark = pytest.mark.root
SECRET = f"word-{secrets.token_hex(8)}"


@pytest.fixture(scope="module")
def alice(new_person: MakePerson) -> Person:
    return new_person()


@pytest.fixture(scope="module")
def mallory(new_person: MakePerson) -> Person:
    return new_person()


@pytest.fixture(scope="module")
def session(service: Server, alice: Person) -> Session:
    """Alice's: it has printed a secret, is called by it, and has it in a param."""
    command = f"echo {SECRET}; exec xterm -title {SECRET}"
    return alice.start(service, command, name=f"Name {SECRET}", params={"word": SECRET})


@pytest.fixture
def his(service: Server, mallory: Person) -> Iterator[Client]:
    with mallory.login(service) as client:
        yield client


@pytest.fixture
def hers(service: Server, alice: Person) -> Iterator[Client]:
    with alice.login(service) as client:
        yield client


def test_the_secret_is_there_for_its_owner(hers: Client, session: Session) -> None:
    until(lambda: SECRET in hers.log(session.id)["log"], "it has printed it")
    assert hers.screenshot(session.id).startswith(b"\x89PNG")


REQUESTS = (
    ("GET", ""), ("GET", "/log"), ("GET", "/screenshot"), ("GET", "/processes"), ("GET", "/connections"),
    ("GET", "/trace"), ("PATCH", ""), ("POST", "/connect"), ("POST", "/suspend"), ("POST", "/terminate"),
    ("POST", "/purge"), ("POST", "/extend"),
)  # fmt: skip


@pytest.mark.parametrize(("method", "path"), REQUESTS, ids=[" ".join(one) for one in REQUESTS])
def test_each_request_about_anothers_session_is_answered_as_if_there_were_none(
    method: str, path: str, service: Server, session: Session, his: Client, hers: Client
) -> None:
    body = {"params": {"word": "changed"}} if method == "PATCH" else {} if method == "POST" else None
    headers = {"Authorization": f"Bearer {_token(his)}"}
    answers = [
        httpx.request(method, f"{service.url}/api/sessions/{id_}{path}", json=body, headers=headers, timeout=WITHIN)
        for id_ in (session.id, "0" * 24)
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    known, unknown = (re.sub(r'"instance":"[^"]*"', "", answer.text) for answer in answers)
    assert known.replace(session.id, "") == unknown.replace("0" * 24, "")
    assert state(hers, session.id) in ("running", "suspended")
    assert hers.session(session.id).params["word"] == SECRET


def test_nothing_that_another_may_ask_for_contains_the_secret(service: Server, his: Client, session: Session) -> None:
    for path in ("/", "/sessions", "/traces", f"/traces/{session.id}", "/servers", "/logins", "/profiles", "/login",
                 "/settings", "/audit", "/log", "/sessions?all=1", "/logins?all=1", "/traces?all=1"):  # fmt: skip
        answer = httpx.get(
            f"{service.url}/api{path}", headers={"Authorization": f"Bearer {_token(his)}"}, timeout=WITHIN
        )
        assert SECRET not in answer.text, path
        assert session.id not in answer.text.replace(f"/traces/{session.id}", "") or path.startswith("/traces/"), path
    with pytest.raises(Forbidden):
        his.sessions(everybody=True)


def test_events_of_anothers_session_do_not_arrive(service: Server, his: Client, hers: Client, session: Session) -> None:
    his_own = his.start(StartRequest("xclock"))["result"]["id"]
    since = hers.listing()[1] - 50
    hers.change(session.id, params={"news": SECRET})
    his.change(his_own, name="the last one")
    for happened in his.events(max(0, since)):
        assert SECRET not in str(happened)
        assert session.id not in str(happened)
        if "the last one" in str(happened):
            break
    his.terminate(his_own)


def test_an_id_that_another_has_is_not_taken_over(his: Client, hers: Client, session: Session) -> None:
    with pytest.raises(PortcallError) as refusal:
        his.start(StartRequest("xclock", id=session.id))
    assert SECRET not in str(refusal.value)
    assert hers.session(session.id).command == session.command


def test_the_same_key_of_two_people_is_two_sessions(service: Server, his: Client, hers: Client) -> None:
    one, other = (client.start(StartRequest("xclock", key="same"))["result"]["id"] for client in (his, hers))
    assert one != other
    his.terminate(one)
    hers.terminate(other)


def test_a_ticket_lets_in_once_and_to_its_own_session_only(service: Server, hers: Client, session: Session) -> None:
    second = hers.start(StartRequest("xclock"))["result"]["id"]
    for ticket in ("", "x" * 43, hers.connect(second)["ticket"]):
        with pytest.raises(Refused, match="ticket-refused"), entered(hers, session.id, ticket):
            pass
    ticket = hers.connect(session.id)["ticket"]
    with entered(hers, session.id, ticket):
        pass
    with pytest.raises(Refused, match="ticket-refused"), entered(hers, session.id, ticket):
        pass
    hers.terminate(second)


def test_a_login_that_ends_takes_its_viewers_and_tickets_with_it(
    service: Server, alice: Person, hers: Client, session: Session
) -> None:
    with alice.login(service) as other:
        ticket = other.connect(session.id)["ticket"]
        with watching(other, session.id) as viewer:
            other.logout()
            assert viewer.hear("end")["code"] == "logged-out"
        with pytest.raises(Refused), entered(hers, session.id, ticket):
            pass
        with pytest.raises(PortcallError):
            other.whoami()


def test_tokens_cannot_be_guessed_or_bent(service: Server, his: Client) -> None:
    token = _token(his)
    for bad in (
        "x",
        token[:-4] + "AAAA",
        token.split(".")[0] + ".e30." + token.rsplit(".", 1)[-1] if "." in token else "",
    ):
        with service.client(bad) as client, pytest.raises((NotLoggedIn, LoginFailed, PortcallError)) as refusal:
            client.sessions()
        assert refusal.value.status == 401


def test_a_users_files_and_sockets_are_closed_to_others(alice: Person, mallory: Person, session: Session) -> None:
    place = alice.place(session.id)
    assert mallory.run("ls", alice.base).returncode != 0
    for name in ("", "session.json", "log", "display.log", "Xauthority"):
        assert mallory.run("cat", place / name).stdout == ""
    for name in ("rfb", "control"):
        assert (place / name).stat().st_mode & 0o777 == 0o600
        assert _dial(mallory, str(place / name)).startswith("refused")
    assert place.stat().st_mode & 0o777 == 0o700


def test_anothers_display_lets_nobody_in_without_its_cookie(alice: Person, mallory: Person, session: Session) -> None:
    display = session.display or ""
    for address in (display, f"unix{display}", f"localhost{display}", f"127.0.0.1{display}"):
        seen = mallory.run("xwininfo", "-root", "-display", address)
        assert seen.returncode != 0, address
        assert "geometry" not in seen.stdout
    good = {"XAUTHORITY": str(alice.place(session.id) / "Xauthority")}
    assert alice.run("xwininfo", "-root", "-display", display, environment=good).returncode == 0
    # the socket without a file is there for all: it, too, wants the cookie
    listening = Path("/proc/net/unix").read_text()
    for name in re.findall(rf"@(/tmp/\.X11-unix/X{display[1:]})$", listening, re.MULTILINE):
        assert _x_hello(mallory, "\0" + name).startswith("refused")


def test_signals_and_memory_are_the_users_alone(alice: Person, mallory: Person, session: Session) -> None:
    alice.settled(session.id)
    for one in alice.of_session(session.id):
        assert mallory.run("kill", "-0", str(one.pid)).returncode != 0
        assert mallory.run("cat", f"/proc/{one.pid}/environ").stdout == ""
        assert "Permission denied" in mallory.run("ls", f"/proc/{one.pid}/fd").stderr


def test_nobody_says_who_he_is_on_the_servers_sockets(service: Server, alice: Person, mallory: Person) -> None:
    seen = mallory.json(service, "ls", "--json")
    assert seen == []
    with pytest.raises(AssertionError):
        mallory.json(service, "ls", "--all", "--json")
    claims = {"X-Forwarded-User": alice.name, "X-Remote-User": alice.name, "X-Peer-Uid": str(alice.uid)}
    program = (
        "import http.client, socket, sys, json\n"
        "c = http.client.HTTPConnection('localhost'); c.sock = socket.socket(socket.AF_UNIX)\n"
        f"c.sock.connect({str(service.run / 'api.sock')!r})\n"
        f"c.request('GET', '/api/login', headers={claims!r}); print(c.getresponse().read().decode())\n"
    )
    said = mallory.run("/usr/bin/python3", "-c", program).stdout
    assert mallory.name in said
    assert alice.name not in said


def test_a_hello_for_anothers_session_on_the_servers_socket_is_not_believed(
    service: Server, alice: Person, mallory: Person, hers: Client, his: Client, session: Session
) -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2] / 'src')!r})\n"
        "import socket, time\n"
        "from portcall.model import codec\n"
        "from portcall.model.session import Session\n"
        "from portcall.wire import messages\n"
        "from portcall.wire.channel import Channel\n"
        "channel = Channel()\n"
        f"said = Session({session.id!r}, '', {alice.name!r}, {alice.name!r}, 'xterm')\n"
        "channel.send(messages.SessionHello(messages.VERSION, 1, codec.to_document(said), 'running', ''))\n"
        "sock = socket.socket(socket.AF_UNIX); sock.settimeout(10)\n"
        f"sock.connect({str(service.run / 'server.sock')!r})\n"
        "for data, _ in channel.outgoing(): sock.sendall(data)\n"
        "print('closed' if not sock.recv(4096) else 'answered')\n"
    )
    assert mallory.run(sys.executable, "-c", program).stdout.strip() == "closed"
    assert his.sessions(state="running") == []
    with watching(hers, session.id) as viewer:
        assert viewer.width == 1280


def test_no_tcp_port_is_open_but_the_servers(service: Server, session: Session, alice: Person) -> None:
    ours = {service.pid, *(one.pid for one in alice.processes())}
    listed = subprocess.run(["ss", "-Hltnup"], check=True, capture_output=True, text=True).stdout
    rows = [line for line in listed.splitlines() if ours & {int(pid) for pid in re.findall(r"pid=(\d+)", line)}]
    assert len(rows) == 1
    assert f"127.0.0.1:{service.settings['port']}" in rows[0]
    sockets = subprocess.run(["ss", "-Hlxp"], check=True, capture_output=True, text=True).stdout
    abstract = [line for line in sockets.splitlines()
                if " @" in line and ours & {int(pid) for pid in re.findall(r"pid=(\d+)", line)}]  # fmt: skip
    assert [line for line in abstract if f"@/tmp/.X11-unix/X{(session.display or '')[1:]} " not in line] == []


def test_nothing_secret_is_in_an_argument_an_environment_or_the_servers_log(
    service: Server, alice: Person, session: Session, hers: Client
) -> None:
    ticket, token = hers.connect(session.id)["ticket"], _token(hers)
    cookie = alice.place(session.id).joinpath("Xauthority").read_bytes()[-16:].hex()
    shown = subprocess.run(["ps", "axeww", "-o", "args"], check=True, capture_output=True, text=True).stdout
    for secret in (ticket, token, cookie, alice.password):
        assert secret not in shown
        assert secret not in service.said()
        for path in (service.var / "audit.log", service.run / "public.json"):
            assert secret not in path.read_text()


def test_the_servers_own_files_are_closed_to_its_users(service: Server, mallory: Person) -> None:
    assert mallory.run("ls", service.var / "local").returncode != 0
    for path in service.var.rglob("*"):
        if path.is_file():
            assert mallory.run("cat", path).returncode != 0, path
    for name in ("x", "server.sock", "api.sock", "public.json"):
        assert mallory.run("rm", "-f", service.run / name, service.run / "lib").returncode != 0 or name == "x"
        assert mallory.run("touch", service.run / f"{name}-other").returncode != 0


def test_files_of_another_in_the_way_of_displays_stop_none(
    service: Server, hers: Client, alice: Person, mallory: Person
) -> None:
    # an X server writes its keymap there while it starts, and cannot remove another's
    mallory.run("sh", "-c", "for number in $(seq 0 60); do : >/tmp/server-$number.xkm; done")
    try:
        session = hers.session(hers.start(StartRequest("exec tail -f /dev/null"))["result"]["id"])
        with watching(hers, session.id) as viewer:
            assert viewer.width == 1280
        hers.terminate(session.id)
        alice.gone(session.id, session.display)
    finally:
        mallory.run("sh", "-c", "rm -f /tmp/server-*.xkm")


def test_one_persons_server_is_for_nobody_else(new_server: MakeServer, alice: Person, mallory: Person) -> None:
    own = new_server("one-person", alice.name)
    assert alice.json(own, "ls", "--json") == []
    refused = mallory.portcall(own, "ls")
    assert refused.returncode != 0
    assert "may not use this server" in refused.stderr
    for method, given in (("token", {"token": "x" * 43}), ("pam", {"user": alice.name, "password": alice.password})):
        with own.anonymous() as client, pytest.raises(PortcallError):
            client.login(method=method, **given)
    own.by_link().close()
    with own.anonymous() as client, pytest.raises(PortcallError):  # the link lets in once
        client.login(method="token", token=own.link.rsplit("#token=", 1)[1])


def test_a_directory_that_another_made_before_is_refused_with_a_reason(
    service: Server, new_person: MakePerson, mallory: Person
) -> None:
    victim = new_person()
    mallory.run("mkdir", "-m", "0777", str(victim.base))
    try:
        with victim.login(service) as client, pytest.raises(PortcallError) as refusal:
            client.start(StartRequest("xclock"))
        assert f"{victim.base} belongs to user {mallory.uid}" in str(refusal.value)
    finally:
        mallory.run("rm", "-rf", str(victim.base))


def _token(client: Client) -> str:
    return str(client.http._client.headers["Authorization"].split()[1])


def _dial(who: Person, path: str) -> str:
    program = f"import socket\ns = socket.socket(socket.AF_UNIX)\ntry: s.connect({path!r}); print('open')\nexcept OSError as e: print('refused', e)"  # noqa: E501
    return who.run("/usr/bin/python3", "-c", program).stdout


def _x_hello(who: Person, path: str) -> str:
    """An X client without a cookie."""
    program = (
        "import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect(" + repr(path) + ")\n"
        "s.sendall(b'l\\0\\x0b\\0\\0\\0\\0\\0\\0\\0\\0\\0')\nprint('open' if s.recv(1) == b'\\x01' else 'refused')"
    )
    return who.run("/usr/bin/python3", "-c", program).stdout
