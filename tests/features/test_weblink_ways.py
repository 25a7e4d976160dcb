"""What may lie between a session and its server: a proxy as the only way out, nginx, TLS of the server's own."""

from __future__ import annotations

import contextlib
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from portcall.client.address import Address
from portcall.client.api import Client
from portcall.model.session import Session
from portcall.testing.ports import free_port
from tests.features.apart import Apart, apart
from tests.features.conftest import MakePerson, MakeServer
from tests.features.people import Person, ended, state
from tests.features.server import Server
from tests.features.site import Site, site_server, weblink_port
from tests.features.test_proxy import PREFIX, nginx
from tests.features.test_weblink import shows
from tests.features.viewer import watching
from tests.features.waiting import WITHIN, until

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def far() -> Iterator[Apart]:
    with apart() as place:
        yield place


@pytest.fixture(scope="module")
def person(new_person: MakePerson) -> Person:
    return new_person()


def over(person: Person, client: Client, session: Session) -> None:
    client.terminate(session.id)
    ended(client, session.id)
    person.gone(session.id, session.display)


# an HTTP proxy is the only way out


@dataclass
class Proxy:
    port: int
    folder: Path

    def said(self) -> str:
        log = self.folder / "log"
        return log.read_text() if log.exists() else ""


@contextlib.contextmanager
def tinyproxy(folder: Path, host: str, *lines: str) -> Iterator[Proxy]:
    port = free_port()
    config = folder / "tinyproxy.conf"
    config.write_text("\n".join([f"Port {port}", f"Listen {host}", f'LogFile "{folder}/log"', "LogLevel Info", *lines]))
    with subprocess.Popen(["tinyproxy", "-d", "-c", config], stdout=subprocess.DEVNULL) as process:
        proxy = Proxy(port, folder)
        try:
            until(lambda: "Accepting connections" in proxy.said(), "it listens")
            yield proxy
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def hidden(new_server: MakeServer, pam: str, person: Person, far: Apart) -> Site:
    """Its server is on loopback: nobody gets there from another host but through a proxy on this one."""
    return Site(site_server(new_server, pam, "127.0.0.1"), person, far)


@pytest.fixture
def client(hidden: Site, person: Person) -> Iterator[Client]:
    with person.login(hidden.server) as client:
        yield client


def test_without_the_proxy_it_is_out_of_reach_and_says_so_to_nobody(hidden: Site, client: Client) -> None:
    """It goes on trying: a server may be away when a job begins."""
    given = hidden.schedule(client)
    done = hidden.begin(given)
    assert done.returncode == 0, done.stderr
    assert state(client, given.id) == "pending"
    hidden.person.run("kill", str(until(lambda: hidden.person.daemon(given.id), "its daemon").pid))
    hidden.person.over(given.id)
    client.purge(given.id)
    hidden.person.run("rm", "-r", str(hidden.person.place(given.id)))


def test_through_a_proxy(hidden: Site, person: Person, client: Client, far: Apart, tmp_path: Path) -> None:
    with tinyproxy(tmp_path, far.here) as proxy:
        # both ways to write it, and an exception that is another host's
        session = hidden.started(
            client, http_proxy=f"http://{far.here}:{proxy.port}", no_proxy="elsewhere,.example.org"
        )
        with watching(client, session.id) as viewer:
            assert shows(viewer)
        assert f"CONNECT 127.0.0.1:{weblink_port(hidden.server)}" in proxy.said()
        over(person, client, session)
        over(person, client, hidden.started(client, all_proxy=f"{far.here}:{proxy.port}"))


def test_through_a_proxy_that_asks_for_a_password(
    hidden: Site, person: Person, client: Client, far: Apart, tmp_path: Path
) -> None:
    with tinyproxy(tmp_path, far.here, "BasicAuth ann passw0rd") as proxy:
        over(person, client, hidden.started(client, http_proxy=f"http://ann:passw%30rd@{far.here}:{proxy.port}"))
        for url in (f"http://{far.here}:{proxy.port}", f"http://ann:wrong@{far.here}:{proxy.port}"):
            given = hidden.schedule(client)
            done = hidden.begin(given, http_proxy=url)
            assert (done.returncode, "lets nobody through" in done.stderr) == (1, True), done.stderr
            client.purge(given.id)


def test_a_proxy_that_comes_back(hidden: Site, person: Person, client: Client, far: Apart, tmp_path: Path) -> None:
    with tinyproxy(tmp_path, far.here) as proxy:
        session = hidden.started(client, http_proxy=f"http://{far.here}:{proxy.port}")
        hidden.server.stop()
    hidden.server.start()
    again = tmp_path / "again"
    again.mkdir()
    config = (tmp_path / "tinyproxy.conf").read_text().replace(f"{tmp_path}/log", f"{again}/log")
    (again / "tinyproxy.conf").write_text(config)
    with subprocess.Popen(["tinyproxy", "-d", "-c", again / "tinyproxy.conf"], stdout=subprocess.DEVNULL) as process:
        try:
            until(lambda: _shows(client, session.id), "it has called again", 60)
            over(person, client, session)
        finally:
            process.terminate()


def _shows(client: Client, session_id: str) -> bool:
    with contextlib.suppress(Exception):
        return client.screenshot(session_id)[:4] == b"\x89PNG"
    return False


# nginx before the server


def test_through_nginx_with_a_prefix(
    new_server: MakeServer, pam: str, person: Person, far: Apart, tmp_path: Path
) -> None:
    """The address that people use; the nginx of our page on reverse proxies is on the host between."""
    port = free_port()
    public = f"http://127.0.0.1:{port}{PREFIX}"
    server = site_server(
        new_server, pam, "127.0.0.1", {"WEBLINK_URL": public}, url_prefix=PREFIX, trusted_proxies="127.0.0.1",
        public_url=public, port=free_port(),
    )  # fmt: skip
    (tmp_path / "proxy").mkdir()
    site = Site(server, person, far)
    target = str(server.settings["port"])
    with (
        nginx(tmp_path, port, target),
        tinyproxy(tmp_path / "proxy", far.here) as proxy,
        person.login(server) as client,
    ):
        session = site.started(client, http_proxy=f"http://{far.here}:{proxy.port}")
        with watching(client, session.id) as viewer:
            assert shows(viewer)
        over(person, client, session)


# TLS


@pytest.fixture(scope="module")
def secure(new_server: MakeServer, pam: str, person: Person, far: Apart) -> Site:
    """A certificate of the server's own, in which this address is not even named."""
    port = free_port()
    site = {"WEBLINK_URL": f"https://{far.here}:{port}"}
    server = site_server(
        new_server, pam, "0.0.0.0", site, tls="auto", port=port, public_url=f"https://127.0.0.1:{port}"
    )
    return Site(server, person, far)


@pytest.fixture
def trust(secure: Site) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=secure.server.var / "local" / "own.crt")


@pytest.fixture
def secured(secure: Site, person: Person, trust: ssl.SSLContext) -> Iterator[Client]:
    login = {"method": "pam", "user": person.name, "password": person.password, "api": True}
    with httpx.Client(verify=trust, timeout=WITHIN) as http:
        token = http.post(f"{secure.server.url}/api/login", json=login).json()["token"]
    authority = str(secure.server.var / "local" / "own.crt")
    with Client(Address(secure.server.url, given=True), token, authority) as client:
        yield client


def fingerprint(server: Server) -> str:
    return (server.folder / "told" / "fingerprint").read_text()


def test_with_the_fingerprint_of_the_servers_own_certificate(
    secure: Site, person: Person, secured: Client, trust: ssl.SSLContext
) -> None:
    given = secure.schedule(secured, "echo by TLS; exec xterm")
    done = secure.begin(given, WEBLINK_FINGERPRINT=fingerprint(secure.server))
    assert done.returncode == 0, done.stderr
    session = secured.session(given.id)
    until(lambda: state(secured, given.id) == "running", "it runs")
    with watching(secured, given.id, trust) as viewer:
        assert shows(viewer)
        relays = "one for the conversation, one for the viewer"
        until(lambda: len(person.processes("portcall-relay")) == 2, relays)
    assert secured.screenshot(given.id)[:4] == b"\x89PNG"
    until(lambda: "by TLS" in secured.log(given.id)["log"], "the log")
    until(lambda: len(person.processes("portcall-relay")) == 1, "the viewer's has ended")
    secure.server.kill()
    secure.server.start()
    until(lambda: _shows(secured, given.id), "it has called again", 60)
    over(person, secured, session)
    until(lambda: not person.processes("portcall-relay"), "nothing is left")


def test_a_certificate_that_nobody_vouches_for_is_refused(secure: Site, secured: Client) -> None:
    for told in ("", "0" * 64):
        given = secure.schedule(secured)
        done = secure.begin(given, WEBLINK_FINGERPRINT=told)
        assert (done.returncode, "is not trusted" in done.stderr) == (1, True), done.stderr
        assert state(secured, given.id) == "pending"
        until(lambda: not secure.person.place(given.id).exists(), "nothing is left")  # noqa: B023
        secured.purge(given.id)


def test_a_certificate_that_the_systems_authorities_vouch_for_needs_no_fingerprint(
    secure: Site, person: Person, secured: Client
) -> None:
    """Here SSL_CERT_FILE names them; the certificate's name must be right, so it comes in by way of a proxy."""
    given = secure.schedule(secured)
    authority = person.home / "authority.pem"
    authority.write_bytes((secure.server.var / "local" / "own.crt").read_bytes())
    folder = person.home / "proxy"
    folder.mkdir()
    with tinyproxy(folder, secure.far.here) as proxy:
        environment = {
            "WEBLINK_URL": f"https://127.0.0.1:{secure.server.settings['port']}", "SSL_CERT_FILE": str(authority),
            "https_proxy": f"http://{secure.far.here}:{proxy.port}",
        }  # fmt: skip
        done = secure.begin(given, **environment)
        assert done.returncode == 0, done.stderr
        until(lambda: _shows(secured, given.id), "its display is seen")
        over(person, secured, secured.session(given.id))
