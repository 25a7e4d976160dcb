"""The TLS transport over real sockets: what is written arrives, and who does not play along is let go."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop

from portcall.gateway.tls import TlsListener, TlsTransport
from portcall.web import certificate

MIB = 1024 * 1024


class Heard(asyncio.Protocol):
    """Keeps what comes and says what is to be said; ``on_data`` may answer."""

    def __init__(self, on_data: Callable[[Heard, bytes], None] = lambda *_: None) -> None:
        self.transport: TlsTransport
        self.data = b""
        self.paused = 0
        self.gone: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self.on_data = on_data

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.data += data
        self.on_data(self, data)

    def pause_writing(self) -> None:
        self.paused += 1

    def connection_lost(self, error: Exception | None) -> None:
        self.gone.set_result(error)


class Place:
    """A port with TLS; ``heard``: a protocol for each connection whose handshake is done."""

    def __init__(self, folder: Path, on_data: Callable[[Heard, bytes], None] = lambda *_: None) -> None:
        cert, key = certificate.own(folder)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(cert, key)
        self.client = ssl.create_default_context(cafile=str(cert))
        self.on_data = on_data
        self.heard: list[Heard] = []
        self.came = asyncio.Event()
        self.port = 0

    def made(self) -> Heard:
        self.heard.append(Heard(self.on_data))
        self.came.set()
        return self.heard[-1]

    @contextlib.asynccontextmanager
    async def open(self, within: float = 30.0) -> AsyncIterator[Place]:
        listening = socket.create_server(("127.0.0.1", 0))
        listening.setblocking(False)
        self.port = listening.getsockname()[1]
        listener = TlsListener(listening, self.context, self.made, within)
        try:
            yield self
        finally:
            listener.close()
            for one in self.heard:
                if not one.gone.done():
                    one.transport.abort()
                    await one.gone

    def said_to(self, first: bytes) -> bytes:
        """All that is said to one who says ``first``; for a thread (uvloop's client loses what it has not read)."""
        with (
            socket.create_connection(("127.0.0.1", self.port)) as sock,
            self.client.wrap_socket(sock, server_hostname="127.0.0.1", suppress_ragged_eofs=False) as secure,
        ):
            secure.sendall(first)
            return b"".join(iter(lambda: secure.recv(65_536), b""))

    async def dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port, ssl=self.client)


def run(test: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(test, 10))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_what_is_written_in_pieces_of_any_size_arrives_in_order_and_then_the_end(
    version: ssl.TLSVersion, tmp_path: Path
) -> None:
    pieces = [bytes([number % 251]) * size for number, size in enumerate((1, 4, 16_380, 16_384, 16_385, 0, 300_000, 3))]

    def answer(heard: Heard, _data: bytes) -> None:
        for piece in pieces:
            heard.transport.write(piece)
        heard.transport.writelines(pieces)
        heard.transport.close()
        heard.transport.write(b"too late")

    async def test() -> None:
        async with Place(tmp_path, answer).open() as place:
            place.client.minimum_version = place.client.maximum_version = version
            assert await asyncio.to_thread(place.said_to, b"go") == b"".join(pieces) * 2
            assert await place.heard[0].gone is None
            assert place.heard[0].data == b"go"

    run(test())


def test_who_reads_slowly_holds_the_writer_back_and_gets_all_of_it_also_after_the_close(tmp_path: Path) -> None:
    whole = bytes(range(256)) * 4096 * 32

    def answer(heard: Heard, _data: bytes) -> None:
        heard.transport.write(whole)
        assert heard.paused == 1
        assert heard.transport.get_write_buffer_size() > 16 * MIB
        heard.transport.close()
        assert heard.transport.is_closing()
        assert not heard.gone.done()

    async def test() -> None:
        async with Place(tmp_path, answer).open() as place:
            assert await asyncio.to_thread(place.said_to, b"go") == whole
            assert await place.heard[0].gone is None

    run(test())


def test_reading_that_was_paused_goes_on_with_what_had_come(tmp_path: Path) -> None:
    async def test() -> None:
        def pause(heard: Heard, _data: bytes) -> None:
            heard.transport.pause_reading()
            asyncio.get_running_loop().call_later(0.001, heard.transport.resume_reading)

        async with Place(tmp_path, pause).open() as place:
            _, writer = await place.dial()
            sent = bytes(range(256)) * 1000  # several records in one read
            writer.write(sent)
            writer.close()
            await place.came.wait()
            assert await place.heard[0].gone is None
            assert place.heard[0].data == sent

    run(test())


@pytest.mark.parametrize(
    "said", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05hello", b""], ids=["http", "bad", "none"]
)
def test_who_speaks_no_tls_is_let_go_and_seen_by_nobody(said: bytes, tmp_path: Path) -> None:
    async def test() -> None:
        async with Place(tmp_path).open() as place:
            reader, writer = await asyncio.open_connection("127.0.0.1", place.port)
            writer.write(said)
            if not said:
                writer.write_eof()
            with contextlib.suppress(ConnectionResetError):
                await reader.read()  # an alert, perhaps
            assert not place.heard
            writer.close()

    run(test())


def test_a_handshake_that_is_not_gone_on_with_is_not_waited_for(tmp_path: Path) -> None:
    async def test() -> None:
        async with Place(tmp_path).open(within=0.05) as place:
            reader, writer = await asyncio.open_connection("127.0.0.1", place.port)
            writer.write(b"\x16\x03\x01")
            assert await reader.read() == b""
            assert not place.heard
            writer.close()

    run(test())


def test_a_connection_that_is_cut_off_is_told_to_its_protocol_once(tmp_path: Path) -> None:
    async def test() -> None:
        async with Place(tmp_path).open() as place:
            _, writer = await place.dial()
            await place.came.wait()
            raw = socket.socket(fileno=socket.dup(writer.get_extra_info("socket").fileno()))
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            raw.close()
            await place.heard[0].gone
            place.heard[0].transport.write(b"nobody hears")
            place.heard[0].transport.resume_reading()
            await asyncio.sleep(0)

    run(test())
