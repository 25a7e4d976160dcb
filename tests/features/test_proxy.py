"""Behind nginx with a path prefix, forwarded whole or cut off (G5); and TLS of the server's own."""

from __future__ import annotations

import contextlib
import secrets
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from portcall.client.address import Address
from portcall.client.api import Client
from portcall.model.start import StartRequest
from portcall.testing.ports import free_port
from tests.features.conftest import MakePerson, MakeServer
from tests.features.pages import Desk
from tests.features.people import Person, ended
from tests.features.screen import Screen, Typed
from tests.features.server import Server
from tests.features.viewer import watching
from tests.features.waiting import WITHIN, until

pytestmark = pytest.mark.root
PREFIX = "/desk/one"
CONFIGURATION = """
daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
  server {{
    listen 127.0.0.1:{port};
    location {prefix}/ {{
      proxy_pass http://127.0.0.1:{target};
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_buffering off;
    }}
    location / {{ return 418; }}
  }}
}}
"""


@contextlib.contextmanager
def nginx(folder: Path, port: int, target: str) -> Iterator[None]:
    """As docs/howto/reverse-proxy.md has it."""
    config = folder / "nginx.conf"
    config.write_text(CONFIGURATION.format(folder=folder, port=port, target=target, prefix=PREFIX))
    with subprocess.Popen(["/usr/sbin/nginx", "-c", config], stderr=subprocess.PIPE) as process:
        try:
            until(lambda: (folder / "pid").exists() and (folder / "pid").read_text(), "nginx listens")
            yield
        finally:
            process.terminate()


@pytest.fixture(scope="module", params=["forwarded whole", "cut off"])
def proxied(
    request: pytest.FixtureRequest, new_server: MakeServer, pam: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """The server's public address is the proxy's."""
    port = free_port()
    server = new_server(
        pam_service=pam, login_methods="pam", login_failures=3, url_prefix=PREFIX, trusted_proxies="127.0.0.1",
        port=free_port(), public_url=f"http://127.0.0.1:{port}{PREFIX}",
    )  # fmt: skip
    target = str(server.settings["port"]) + ("" if request.param == "forwarded whole" else "/")
    with nginx(tmp_path_factory.mktemp("nginx"), port, target):
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


def test_everything_works_in_a_browser_through_the_proxy(
    proxied: Server, browser: Browser, new_person: MakePerson
) -> None:
    person = new_person()
    with browser.new_context(viewport={"width": 900, "height": 600}) as context:
        outside: list[str] = []
        context.on("request", lambda asked: PREFIX in asked.url or outside.append(asked.url))
        desk = Desk(context, proxied.url)
        desk.login(person)
        cookies = {cookie["name"]: cookie for cookie in context.cookies()}
        assert cookies["portcall"]["path"].rstrip("/") == PREFIX
        typed = Typed(person, "proxied")
        id_ = desk.start(typed.command)
        typed.wait()
        with person.login(proxied) as client:
            session = client.session(id_)
            desk.shows(Screen(person, session))
            desk.point(200, 100)
            desk.page.keyboard.type("through the proxy")
            typed.expect("through the proxy")
            desk.page.reload()
            desk.seen()
            # what happens elsewhere comes by the stream of events
            desk.page.goto(proxied.url)
            desk.at_sessions()
            client.change(id_, name="renamed elsewhere")
            expect(desk.card(id_)).to_contain_text("renamed elsewhere")
            client.terminate(id_)
            expect(desk.card(id_)).to_contain_text("ended", ignore_case=True)
            person.gone(id_, session.display)
        assert [url for url in outside if not url.startswith(("data:", "blob:"))] == []
        assert desk.errors == []


def test_the_command_line_and_its_tunnel_work_through_the_proxy(proxied: Server, new_person: MakePerson) -> None:
    person = new_person()
    with person.login(proxied) as client:
        token = client.create_token("cli")["token"]
        environment = {"PORTCALL_URL": proxied.url, "PORTCALL_TOKEN": token}
        session = person.json(None, "start", "xclock", environment=environment)
        with watching(client, session["id"]) as viewer:
            assert (viewer.width, viewer.height) == (1280, 800)
        assert person.portcall(None, "terminate", session["id"], environment=environment).returncode == 0
        person.gone(session["id"], session["display"])


def test_the_clients_own_address_is_written_down_and_not_what_it_claims(
    proxied: Server, new_person: MakePerson
) -> None:
    person = new_person()
    login = {"method": "pam", "user": person.name, "password": person.password, "api": True}
    direct = f"http://127.0.0.1:{proxied.settings['port']}{PREFIX}"
    # by way of the proxy; past it; and each with a header of its own making
    for url, here, claimed, seen in (
        (proxied.url, "127.0.0.2", "", "127.0.0.2"),
        (proxied.url, "127.0.0.3", "203.0.113.7", "127.0.0.3"),
        (direct, "127.0.0.4", "203.0.113.8", "127.0.0.4"),
    ):
        headers = {"X-Forwarded-For": claimed} if claimed else {}
        with httpx.Client(transport=httpx.HTTPTransport(local_address=here), headers=headers, timeout=WITHIN) as client:
            token = client.post(f"{url}/api/login", json=login).json()["token"]
            client.headers["Authorization"] = f"Bearer {token}"
            started = client.post(f"{url}/api/sessions", json={"command": "xclock"}).json()["result"]
            client.post(f"{url}/api/sessions/{started['id']}/terminate", json={})
        said = {entry["address"] for entry in proxied.audit() if entry.get("session") == started["id"]}
        assert said == {seen}
        assert started["params"]["clientIP"] == seen
        person.gone(started["id"], started["display"])


def test_failures_count_against_the_client_and_not_the_proxy(proxied: Server, new_person: MakePerson) -> None:
    person = new_person()

    def attempt(here: str, name: str, password: str) -> int:
        login = {"method": "pam", "user": name, "password": password, "api": True}
        with httpx.Client(transport=httpx.HTTPTransport(local_address=here)) as client:
            return client.post(f"{proxied.url}/api/login", json=login, timeout=WITHIN).status_code

    guesses = [attempt("127.0.0.9", f"nobody-{secrets.token_hex(4)}", "guess") for _ in range(4)]
    assert guesses[-1] == 429
    assert attempt("127.0.0.9", person.name, person.password) == 429
    assert attempt("127.0.0.10", person.name, person.password) == 200


# -- TLS


def test_a_certificate_of_its_own_is_made_once_and_serves_pages_viewers_and_the_command_line(
    new_server: MakeServer, pam: str, new_person: MakePerson
) -> None:
    server = new_server(pam_service=pam, login_methods="pam", tls="auto")
    person = new_person()
    assert server.url.startswith("https://")
    certificate = ssl.get_server_certificate(("127.0.0.1", int(str(server.settings["port"]))))
    ca = person.home / "ca.pem"
    ca.write_text(certificate)
    ca.chmod(0o644)
    context = ssl.create_default_context(cafile=str(ca))
    login = {"method": "pam", "user": person.name, "password": person.password}
    with httpx.Client(verify=context, timeout=WITHIN) as client:
        answer = client.post(f"{server.url}/api/login", json=login)
        assert "secure" in answer.headers["set-cookie"].lower()
        token = client.post(f"{server.url}/api/login", json={**login, "api": True}).json()["token"]
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{server.url}/api/")
    with pytest.raises(httpx.HTTPError):
        httpx.get(server.url.replace("https", "http"))
    with Client(Address(server.url, given=True), token, str(ca)) as api:
        session = api.session(api.start(StartRequest("xclock"))["result"]["id"])
        environment = {"PORTCALL_URL": server.url, "PORTCALL_TOKEN": token, "PORTCALL_CA": str(ca)}
        with connected(person, session.id, environment) as path:
            assert _greeting(path).startswith(b"RFB 003.008")
        api.terminate(session.id)
        ended(api, session.id)
    server.stop()
    server.start()
    assert ssl.get_server_certificate(("127.0.0.1", int(str(server.settings["port"])))) == certificate


@contextlib.contextmanager
def connected(person: Person, session_id: str, environment: dict[str, str]) -> Iterator[str]:
    """The socket that ``portcall connect --no-viewer`` offers."""
    command = (person.program, "connect", "--no-viewer", session_id)
    with person.running(*command, environment=environment) as process:
        assert process.stdout is not None
        path = process.stdout.readline().strip()
        assert path, process.stderr and process.stderr.read()
        try:
            yield path
        finally:
            process.terminate()
            process.wait(WITHIN)


def _greeting(path: str) -> bytes:
    with socket.socket(socket.AF_UNIX) as viewer:
        viewer.settimeout(WITHIN)
        viewer.connect(path)
        return viewer.recv(12)
