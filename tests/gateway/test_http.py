"""Viewers over real sockets: uvicorn with our protocol, plain and TLS, and the websockets library as browser."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import ssl
from collections.abc import Awaitable, Callable

import pytest
import uvloop
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode

from portcall.web import certificate
from tests.gateway.stand import GREETING, Stand, browser, digest, enter, receive, serving

MIB = 1024 * 1024
Test = Callable[[Stand, int], Awaitable[None]]


def on_loopback(test: Test, stand: Stand | None = None, tls: ssl.SSLContext | None = None) -> None:
    """As a server runs: on uvloop."""

    async def run() -> None:
        here = stand or Stand()
        async with serving(here, tls) as port:
            await test(here, port)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The server's own certificate, and a client that trusts it alone."""
    cert, key = certificate.own(tmp_path_factory.mktemp("tls"))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert, key)
    return server, ssl.create_default_context(cafile=str(cert))


def request(path: str = "/view/s", **headers: str) -> bytes:
    fields = {
        "Host": "localhost", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "binary", **headers,
    }  # fmt: skip
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    return "\r\n".join(lines).encode()


async def raw(port: int, data: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    return reader, writer


async def head(reader: asyncio.StreamReader) -> bytes:
    return await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)


def test_what_arrives_with_the_upgrade_request_is_kept() -> None:
    async def test(stand: Stand, port: int) -> None:
        ticket = Frame(Opcode.TEXT, json.dumps({"type": "ticket", "ticket": stand.ticket()}).encode())
        reader, writer = await raw(port, request() + ticket.serialize(mask=True))
        assert b" 101 " in await head(reader)
        first = await asyncio.wait_for(reader.readexactly(2), 30)
        assert b'"type":"ready"' in await reader.readexactly(first[1])
        assert await reader.readexactly(2 + len(GREETING)) == bytes((0x82, len(GREETING))) + GREETING
        writer.close()

    on_loopback(test)


def test_a_page_and_a_viewer_may_share_a_connection_one_after_the_other() -> None:
    async def test(stand: Stand, port: int) -> None:
        reader, writer = await raw(port, b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b" 200 " in await head(reader)
        assert b"/page" in await reader.readexactly(len(json.dumps({"path": "/page", "body": 0})))
        writer.write(request())
        assert b" 101 " in await head(reader)
        writer.close()

    on_loopback(test)


@pytest.mark.parametrize(
    "head",
    [
        b"GET /page HTTP/1.1\r\nHost: x\r\nA: " + b"a" * (MIB // 4),
        b"GET /page HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 65_536,
        b"GET /" + b"a" * (MIB // 4),
        b"POST /page HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: " + b"a" * (5 * MIB),
    ],
    ids=["one header", "many headers", "a path", "a trailer"],
)
def test_a_head_without_end_is_not_kept(head: bytes) -> None:
    """Whoever it is: this comes before any login."""

    async def test(stand: Stand, port: int) -> None:
        reader, writer = await raw(port, head)
        with contextlib.suppress(ConnectionError):  # it may be closed while we are still writing
            assert b" 200 " not in await asyncio.wait_for(reader.read(), 30)
        writer.close()

    on_loopback(test)


@pytest.mark.parametrize(
    "begun", [b"", b"GET /page HT", b"POST /page HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"]
)
def test_who_holds_a_request_back_is_not_waited_for(begun: bytes) -> None:
    async def test(port: int) -> None:
        reader, writer = await raw(port, begun)
        assert b" 200 " not in await asyncio.wait_for(reader.read(), 30)
        writer.close()
        reader, writer = await raw(port, request())
        assert b" 101 " in await head(reader)  # a viewer has its own time
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(), 0.4)
        writer.close()

    async def run() -> None:
        async with serving(Stand(), within=0.2) as port:
            await test(port)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


def test_a_viewer_asked_for_before_the_page_is_answered_does_not_mix_with_it() -> None:
    """A pipelined upgrade: the answer to the first request must not fall into the stream."""

    async def test(stand: Stand, port: int) -> None:
        reader, writer = await raw(port, b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n" + request())
        everything = await asyncio.wait_for(reader.read(), 30)
        assert b"101 Switching" not in everything
        writer.close()

    on_loopback(test)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (request("/view/%2e%2e"), b"404"),
        (request("/elsewhere"), b"404"),
        (request("//"), b"404"),
        (request(**{"Sec-WebSocket-Version": "8"}), b"426"),
        (request().replace(b"Sec-WebSocket-Key", b"Sec-Key"), b"426"),
        (request().replace(b"GET", b"POST"), b"426"),
        (request("http://localhost/view/s"), b"101"),
        (request("http://localhost"), b"404"),
        (request("*"), b"40"),
        (request(Upgrade="h2c").replace(b"/view/s", b"/page"), b"200"),
    ],
)  # fmt: skip
def test_each_request_to_upgrade_gets_an_answer(data: bytes, status: bytes) -> None:
    async def test(stand: Stand, port: int) -> None:
        reader, writer = await raw(port, data)
        assert (await head(reader)).split(b" ")[1].startswith(status)
        writer.close()

    on_loopback(test)


def test_the_subprotocol_is_confirmed_only_where_it_was_offered() -> None:
    async def test(stand: Stand, port: int) -> None:
        for offered, confirmed in (("binary", True), ("base64, binary", True), ("base64", False)):
            reader, writer = await raw(port, request(**{"Sec-WebSocket-Protocol": offered}))
            assert (b"sec-websocket-protocol: binary" in await head(reader)) is confirmed
            writer.close()

    on_loopback(test)


def test_the_library_gets_in_and_reads_the_greeting() -> None:
    async def test(stand: Stand, port: int) -> None:
        async with browser(port) as page:
            assert page.subprotocol == "binary"
            assert await enter(page, stand.ticket()) == {
                "type": "ready", "session": "s", "viewOnly": False, "control": True,
            }  # fmt: skip
            assert await page.recv() == GREETING
            assert (await page.ping(b"there?")) is not None
            await page.send(json.dumps({"type": "ping", "t": 7}))
            assert json.loads(await page.recv()) == {"type": "pong", "t": 7}
            assert [viewer.address for viewer in stand.joined] == ["127.0.0.1"]
        await stand.registry.until("s", lambda session: session.clients == 0, 30)

    on_loopback(test)


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_64_mib_go_through_both_ways_at_once_unchanged(
    secure: bool, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    size = 64 * MIB
    pattern = os.urandom(MIB + 7)
    whole = (pattern * (size // len(pattern) + 1))[:size]

    async def test(stand: Stand, port: int) -> None:
        async with browser(port, contexts[1] if secure else None) as page:
            await enter(page, stand.ticket())
            await receive(page, len(GREETING))
            display_reader, display_writer = await asyncio.open_connection(sock=stand.display.ends.pop())

            async def browser_sends() -> None:
                for at in range(0, size, 300_000):
                    await page.send(whole[at : at + 300_000])

            async def display_sends() -> None:
                for at in range(0, size, 300_000):
                    display_writer.write(whole[at : at + 300_000])
                    await display_writer.drain()

            _, _, at_display, at_browser = await asyncio.gather(
                browser_sends(), display_sends(), display_reader.readexactly(size), receive(page, size)
            )
            assert digest(at_display) == digest(whole)
            assert digest(at_browser) == digest(whole)
            display_writer.close()

    on_loopback(test, tls=contexts[0] if secure else None)


def test_a_browser_that_does_not_read_holds_the_display_back() -> None:
    async def test(stand: Stand, port: int) -> None:
        async with browser(port, max_queue=1) as page:
            await enter(page, stand.ticket())
            sent = await flood(stand.display.ends[-1])
            assert sent < 16 * MIB
            got = await receive(page, sent + len(GREETING))
            assert len(got) == sent + len(GREETING)

    on_loopback(test)


def test_a_display_that_does_not_read_holds_the_browser_back() -> None:
    async def test(stand: Stand, port: int) -> None:
        async with browser(port) as page:
            await enter(page, stand.ticket())
            sent = 0
            with contextlib.suppress(TimeoutError):
                while sent < 64 * MIB:
                    await asyncio.wait_for(page.send(b"\x06" * 65_536), 0.5)
                    sent += 65_536
            assert sent < 24 * MIB
            end = stand.display.ends[-1]
            loop = asyncio.get_running_loop()
            got = 0
            while got < sent:
                got += len(await asyncio.wait_for(loop.sock_recv(end, MIB), 30))

    on_loopback(test)


def test_who_sends_pings_and_reads_nothing_is_not_answered_without_end() -> None:
    async def test(stand: Stand, port: int) -> None:
        async with browser(port, max_queue=1, close_timeout=0.1) as page:
            await enter(page, stand.ticket())
            await flood(stand.display.ends[-1])
            (stream,) = stand.viewers._streams
            ping = Frame(Opcode.PING, b"x" * 125).serialize(mask=True)
            said = Frame(Opcode.TEXT, b'{"type":"ping","t":"' + b"x" * 1000 + b'"}').serialize(mask=True)
            for _ in range(50):
                stream.data_received(ping * 100 + said * 100)
            assert stream._transport.get_write_buffer_size() < 4 * MIB

    on_loopback(test)


async def flood(end: socket.socket) -> int:
    """Writes until nothing more goes for a while; how much went."""
    loop = asyncio.get_running_loop()
    sent = 0
    piece = bytes(65_536)
    while sent < 64 * MIB:
        try:
            sent += end.send(piece)
        except BlockingIOError:
            ready = asyncio.Event()
            loop.add_writer(end, ready.set)
            try:
                await asyncio.wait_for(ready.wait(), 0.5)
            except TimeoutError:
                break
            finally:
                loop.remove_writer(end)
        await asyncio.sleep(0)
    return sent


async def last_words(page: ClientConnection) -> list[object]:
    """What is said until the connection ends."""
    said = []
    with contextlib.suppress(ConnectionClosed):
        async for item in page:
            said += [json.loads(item)] if isinstance(item, str) else []
    return said


async def closed(page: ClientConnection) -> tuple[int, str]:
    await last_words(page)
    assert page.close_code is not None
    return page.close_code, page.close_reason or ""


def test_a_ticket_lets_in_once_soon_and_to_its_session_alone() -> None:
    async def test(stand: Stand, port: int) -> None:
        used = stand.ticket()
        async with browser(port) as page:
            assert (await enter(page, used))["type"] == "ready"
        for wrong in (used, "", "x" * 5000, stand.ticket().upper(), "\ud800"):
            async with browser(port) as page:
                answer = await enter(page, wrong)
                assert (answer["type"], answer["code"]) == ("error", "ticket-refused")
                assert (await closed(page))[0] == 4403
        async with browser(port, path="/view/other") as page:
            assert (await enter(page, stand.ticket()))["code"] == "ticket-refused"
            assert (await closed(page))[0] == 4403

    on_loopback(test)


@pytest.mark.parametrize("said", ["{", "[]", '"x"', "{}", '{"type": ["ticket"]', "[" * 60_000, "1e999999"])
def test_nonsense_on_the_control_channel_ends_the_connection(said: str) -> None:
    async def test(stand: Stand, port: int) -> None:
        async with browser(port) as page:
            await page.send(said)
            assert (await closed(page))[0] == 1002

    on_loopback(test)


def test_unknown_words_on_the_control_channel_are_passed_over() -> None:
    async def test(stand: Stand, port: int) -> None:
        async with browser(port) as page:
            await page.send('{"type": "dance"}')
            await page.send('{"type": ["ticket"]}')
            await page.send('{"type": "stay"}')
            assert (await enter(page, stand.ticket()))["type"] == "ready"

    on_loopback(test)


def test_bytes_for_the_display_before_the_ticket_end_the_connection() -> None:
    async def test(stand: Stand, port: int) -> None:
        async with browser(port) as page:
            await page.send(b"RFB 003.008\n")
            assert (await closed(page))[0] == 1002

    on_loopback(test)


def test_a_display_that_goes_says_why_if_the_session_does() -> None:
    async def test(stand: Stand, port: int) -> None:
        async with browser(port) as page:
            await enter(page, stand.ticket())
            stand.display.ends[-1].close()
            await stand.registry.signal("s", "over", ended=1.0, reason="The command has ended.")
            assert await last_words(page) == [{"type": "end", "code": "ended", "reason": "The command has ended."}]
            assert page.close_code == 4000

    on_loopback(test)


def test_viewers_leave_when_the_session_ends_and_hold_nothing_afterwards() -> None:
    async def test(stand: Stand, port: int) -> None:
        async with browser(port) as page:
            await enter(page, stand.ticket())
            stand.connections.end("s", "It was ended by ann.")
            assert await last_words(page) == [{"type": "end", "code": "ended", "reason": "It was ended by ann."}]
            assert page.close_code == 4000
            loop = asyncio.get_running_loop()
            end = stand.display.ends[-1]
            assert await asyncio.wait_for(loop.sock_recv(end, 10), 30) == b""  # the descriptor was closed

    on_loopback(test)


def test_two_hundred_viewers_at_once_each_see_their_own_display() -> None:
    async def test(stand: Stand, port: int) -> None:
        before = len(os.listdir("/proc/self/fd"))

        async def one(number: int) -> None:
            async with browser(port, open_timeout=30) as page:
                await enter(page, stand.ticket())
                await receive(page, len(GREETING))
                await page.send(b"hello %03d" % number)

        await asyncio.gather(*(one(number) for number in range(200)))
        got = set()
        for end in stand.display.ends:
            got.add(await asyncio.get_running_loop().sock_recv(end, 100))
            end.close()
        assert got == {b"hello %03d" % number for number in range(200)}
        await stand.registry.until("s", lambda session: session.clients == 0, 10)
        assert len(os.listdir("/proc/self/fd")) <= before + 2

    on_loopback(test)


def test_an_unknown_address_is_no_place_for_a_viewer() -> None:
    async def test(stand: Stand, port: int) -> None:
        with pytest.raises(InvalidStatus):
            async with browser(port, path="/view/a/b/c!"):
                pass

    on_loopback(test)
