"""A call from the upgrade to a plain socket, over real sockets: plain and TLS, on the server's own loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import uvicorn
import uvloop

from portcall.errors import PortcallError, WeblinkRefused
from portcall.gateway.http import HttpProtocol
from portcall.gateway.tls import TlsListener
from portcall.gateway.weblink import Call
from portcall.web import certificate
from portcall.web.weblink import nothing_else
from tests.gateway.test_http import request
from tests.session.stand import ANN

MUCH = 30_000_000
TOKEN = {"Authorization": "Bearer good", "Weblink-Key": "k" * 32, "Weblink-Session": "s"}


class Admits:
    """In place of session/weblink.Weblinks: ``arrived`` are the sockets that came out of calls."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.refusal: PortcallError | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.arrived: asyncio.Queue[socket.socket] = asyncio.Queue()

    async def admit(self, token: str, key: str, session_id: str, address: str) -> Any:
        self.asked.append((token, key, session_id, address))
        await self.gate.wait()
        if self.refusal is not None:
            raise self.refusal
        return ANN, session_id

    async def display(self, token: str, address: str) -> Callable[[socket.socket], None]:
        self.asked.append((token, address))
        if self.refusal is not None:
            raise self.refusal
        return self.arrived.put_nowait

    def connected(self, sock: socket.socket, account: Any, session_id: str) -> None:
        self.arrived.put_nowait(sock)

    def dispatch(self, path: str, headers: dict[bytes, bytes], address: str) -> Call | None:
        return Call(self, path.rpartition("/")[2], headers, address) if path.startswith("/weblink/") else None  # type: ignore[arg-type]


Test = Callable[[Admits, int, ssl.SSLContext | None], Awaitable[None]]


@contextlib.asynccontextmanager
async def serving(admits: Admits, tls: ssl.SSLContext | None) -> AsyncIterator[int]:
    protocol = type("Protocol", (HttpProtocol,), {"dispatch": staticmethod(admits.dispatch)})
    settings = uvicorn.Config(nothing_else, http=protocol, ws="none", lifespan="off", log_config=None)
    settings.load()
    state = uvicorn.Server(settings).server_state
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)
    port = int(listening.getsockname()[1])

    def made() -> Any:
        return protocol(settings, state, {})

    loop = asyncio.get_running_loop()
    server: Any = TlsListener(listening, tls, made) if tls else await loop.create_server(made, sock=listening)
    yield port
    server.close()


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    cert, key = certificate.own(tmp_path_factory.mktemp("tls"))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert, key)
    return server, ssl.create_default_context(cafile=str(cert))


@pytest.fixture(params=["plain", "TLS"])
def run(request: pytest.FixtureRequest, contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> Callable[[Test], None]:
    """Runs a test against a server as it is: on uvloop; it gets the port, and the context to dial with."""
    server, client = contexts if request.param == "TLS" else (None, None)

    def runs(test: Test) -> None:
        async def work() -> None:
            admits = Admits()
            async with serving(admits, server) as port:
                await asyncio.wait_for(test(admits, port, client), 30)

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(work())

    return runs


async def call(
    port: int, tls: ssl.SSLContext | None, path: str = "/weblink/control", behind: bytes = b"", **headers: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    writer.write(request(path, **{**TOKEN, **headers}) + behind)
    return reader, writer


def test_a_call_becomes_a_socket_that_carries_all_bytes_both_ways(run: Callable[[Test], None]) -> None:
    async def test(admits: Admits, port: int, tls: ssl.SSLContext | None) -> None:
        reader, writer = await call(port, tls)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        assert b"sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
        assert admits.asked == [("good", "k" * 32, "s", "127.0.0.1")]
        sock = await admits.arrived.get()
        assert sock.family == (socket.AF_INET if tls is None else socket.AF_UNIX)
        near_reader, near = await asyncio.open_connection(sock=sock)
        sent = os.urandom(MUCH)

        async def write(one: asyncio.StreamWriter) -> None:
            one.write(sent)
            await one.drain()

        _, _, heard, other = await asyncio.gather(
            write(writer), write(near), near_reader.readexactly(MUCH), reader.readexactly(MUCH)
        )
        assert heard == other == sent
        near.write(b"last words")
        near.close()
        assert await reader.read() == b"last words"
        writer.close()

    run(test)


def test_the_end_of_the_far_side_is_seen(run: Callable[[Test], None]) -> None:
    async def test(admits: Admits, port: int, tls: ssl.SSLContext | None) -> None:
        reader, writer = await call(port, tls, "/weblink/display")
        await reader.readuntil(b"\r\n\r\n")
        near_reader, near = await asyncio.open_connection(sock=await admits.arrived.get())
        writer.write(b"that was it")
        writer.close()
        assert await near_reader.read() == b"that was it"
        near.close()

    run(test)


def test_a_refusal_says_why(run: Callable[[Test], None]) -> None:
    async def test(admits: Admits, port: int, tls: ssl.SSLContext | None) -> None:
        for path in ("/weblink/control", "/weblink/display"):
            admits.refusal = WeblinkRefused("not you")
            reader, writer = await call(port, tls, path)
            answer = await reader.read()
            assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n")
            assert b'"detail": "not you"' in answer
            assert b'"code": "weblink-refused"' in answer
            writer.close()
        assert admits.arrived.empty()

    run(test)


def test_a_token_comes_in_the_header_alone(run: Callable[[Test], None]) -> None:
    async def test(admits: Admits, port: int, tls: ssl.SSLContext | None) -> None:
        for header in ("Basic good", "good", ""):
            reader, writer = await call(port, tls, "/weblink/control?token=good", Authorization=header)
            await reader.readuntil(b"\r\n\r\n")
            writer.close()
            (await admits.arrived.get()).close()
        assert [token for token, *_ in admits.asked] == ["", "", ""]

    run(test)


def test_who_speaks_before_the_answer_is_refused(run: Callable[[Test], None]) -> None:
    async def test(admits: Admits, port: int, tls: ssl.SSLContext | None) -> None:
        reader, writer = await call(port, tls, behind=b"too early")
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
        assert admits.asked == []  # and so its token is not bound
        writer.close()

    run(test)


def test_one_that_leaves_before_the_answer_leaves_nothing(run: Callable[[Test], None]) -> None:
    async def test(admits: Admits, port: int, tls: ssl.SSLContext | None) -> None:
        admits.gate.clear()
        reader, writer = await call(port, tls)
        async with asyncio.timeout(30):
            while not admits.asked:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        writer.transport.abort()
        admits.gate.set()
        # the next is not disturbed
        reader, writer = await call(port, tls)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        writer.close()
        while not admits.arrived.empty():
            admits.arrived.get_nowait().close()

    run(test)


def test_nothing_else_is_there(run: Callable[[Test], None]) -> None:
    async def test(admits: Admits, port: int, tls: ssl.SSLContext | None) -> None:
        for data in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", request("/view/s")):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
            writer.write(data)
            assert (await reader.read()).startswith(b"HTTP/1.1 404 ")
            writer.close()

    run(test)
