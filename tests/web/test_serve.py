"""What happens around serving: directories, the lock, the port, the certificate, the service manager."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from cryptography import x509

from portcall.config import Config, Directories
from portcall.errors import SettingRefused
from portcall.gateway.http import HttpProtocol
from portcall.testing.server import ME, Server
from portcall.web import certificate, serve


def config(folder: Path, one_person: bool = False, **values: Any) -> Config:
    places = Directories(folder / "etc", folder / "var" / "lib", folder / "run" / "portcall", folder / "tmp")
    return Config(places, one_person, values)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_directories_are_made_for_those_alone_who_need_them(tmp_path: Path) -> None:
    here = config(tmp_path)
    serve.make_directories(here)
    serve.make_directories(here)
    places = here.directories
    assert [mode(path) for path in (places.config, places.var, places.local, places.runtime)] == [
        0o755, 0o700, 0o700, 0o755,
    ]  # fmt: skip
    person = config(tmp_path / "person", one_person=True)
    serve.make_directories(person)
    assert mode(person.directories.runtime) == 0o700


@pytest.mark.parametrize("wrong", ["writable", "link", "file"])
def test_a_runtime_directory_that_others_could_write_to_is_refused(wrong: str, tmp_path: Path) -> None:
    here = config(tmp_path)
    runtime = here.directories.runtime
    runtime.parent.mkdir()
    if wrong == "writable":
        runtime.mkdir()
        runtime.chmod(0o777)
    elif wrong == "link":
        (tmp_path / "elsewhere").mkdir()
        runtime.symlink_to(tmp_path / "elsewhere")
    else:
        runtime.write_text("")
    with pytest.raises(SettingRefused, match="portcall"):
        serve.make_directories(here)


def test_there_is_one_server_for_a_runtime_directory(tmp_path: Path) -> None:
    with serve._only_one(tmp_path), pytest.raises(serve.ServerRuns, match="runs already"), serve._only_one(tmp_path):
        pass
    with serve._only_one(tmp_path):
        pass


def test_one_person_takes_another_port_where_a_service_says_that_its_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        person = config(tmp_path, one_person=True, port=port)
        with contextlib.closing(serve._listen(person)) as found:
            assert found.getsockname()[1] != port
        person.fixed["port"] = "--port"
        for here in (person, config(tmp_path, port=port)):
            with pytest.raises(SettingRefused, match=f"{port}.*Set another port"):
                serve._listen(here)
    with pytest.raises(SettingRefused):
        serve._listen(config(tmp_path, host="192.0.2.1", port=0))


@pytest.mark.parametrize(
    ("values", "secure", "url"),
    [
        ({"public_url": "https://lab.example.org/x/"}, False, "https://lab.example.org/x"),
        ({}, False, "http://127.0.0.1:PORT/p"),
        ({}, True, "https://127.0.0.1:PORT/p"),
        ({"host": "::1"}, False, "http://[::1]:PORT/p"),
    ],
)
def test_the_address_that_is_told_is_one_that_works(values: Any, secure: bool, url: str, tmp_path: Path) -> None:
    here = config(tmp_path, port=0, **values)
    with contextlib.closing(serve._listen(here)) as listening:
        assert serve._url(here, listening, secure, "/p") == url.replace("PORT", str(listening.getsockname()[1]))


def test_the_service_manager_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serve.notify("READY=1")  # nobody listens
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        serve.notify("READY=1")
        assert manager.recv(100) == b"READY=1"
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    serve.notify("STOPPING=1")


def test_the_servers_own_certificate_is_made_once_and_its_key_is_nobodys_else(tmp_path: Path) -> None:
    cert, key = certificate.own(tmp_path)
    assert (mode(cert), mode(key)) == (0o644, 0o600)
    first = cert.read_bytes()
    assert certificate.own(tmp_path)[0].read_bytes() == first
    made = x509.load_pem_x509_certificate(first)
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "localhost" in names.get_values_for_type(x509.DNSName)
    assert made.not_valid_after_utc - datetime.now(UTC) > timedelta(days=365)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key)


@pytest.mark.parametrize("damage", ["no key", "no certificate", "rubbish"])
def test_a_certificate_that_cannot_be_used_is_made_anew(damage: str, tmp_path: Path) -> None:
    cert, key = certificate.own(tmp_path)
    if damage == "rubbish":
        cert.write_text("no certificate")
    else:
        (key if damage == "no key" else cert).unlink()
    cert, key = certificate.own(tmp_path)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key)


def test_an_address_that_is_none_is_named() -> None:
    """TEST-NET-1 (RFC 5737) is nobody's."""
    for host in ("300.1.1.1", "192.0.2.1"):
        with pytest.raises(SettingRefused, match=f"{host}.*Set another host"):
            serve._listen(config(Path("/"), host=host, port=0))


def test_files_that_are_no_certificate_are_named(tmp_path: Path) -> None:
    assert serve._tls(config(tmp_path)) is None
    with pytest.raises(SettingRefused, match=r"none\.crt"):
        serve._tls(config(tmp_path, tls="files", tls_cert="none.crt", tls_key="none.key"))
    with pytest.raises(SettingRefused, match="tls_key is not set"):
        serve._tls(config(tmp_path, tls="files", tls_cert="none.crt"))


def test_on_the_unix_socket_the_kernel_says_who_it_is(tmp_path: Path) -> None:
    """No token is needed there, and none that is sent along makes somebody else of it."""

    async def test() -> None:
        async with Server(tmp_path).open() as server:
            protocol = type("Protocol", (HttpProtocol,), {"dispatch": staticmethod(lambda *_: None)})
            settings = uvicorn.Config(server.app, http=protocol, ws="none", lifespan="off", log_config=None)
            settings.load()
            state = uvicorn.Server(settings).server_state
            listening = await asyncio.get_running_loop().create_unix_server(
                lambda: protocol(settings, state, {}),  # type: ignore[no-any-return]
                str(tmp_path / "api.sock"),
            )
            transport = httpx.AsyncHTTPTransport(uds=str(tmp_path / "api.sock"))
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                mine = await client.get("/api/login", headers={"x-forwarded-for": "192.0.2.1", "peer-uid": "1"})
                assert mine.json()["login"]["sub"] == ME
                assert mine.json()["login"]["method"] == "peer"
                wrong = await client.get("/api/login", headers={"authorization": "Bearer wrong"})
                assert wrong.status_code == 401
                made = await client.post("/api/tokens", json={"name": "x"})
                assert made.status_code == 200
            listening.close()
            for connection in list(state.connections):
                connection.transport.close()
            await asyncio.sleep(0.01)
            async with await server.client() as nobody:
                assert (await nobody.get("/api/login")).status_code == 401

    asyncio.run(test())
