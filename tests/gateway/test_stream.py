"""A viewer's stream as time passes: over a socket pair, in virtual time."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import CLIENT, Protocol

from portcall.gateway.stream import ViewerStream
from portcall.model import lifecycle
from portcall.model.session import Session
from portcall.testing.time import VirtualClock, in_virtual_time
from tests.gateway.stand import GREETING, Display, Stand


class Page:
    """The browser's side, by the websockets library. It answers pings unless it is ``silent``."""

    def __init__(self, sock: socket.socket, silent: bool = False) -> None:
        self._sock = sock
        self._silent = silent
        self._protocol = Protocol(CLIENT, max_size=None)
        self.frames: list[Frame] = []
        self.over = asyncio.Event()
        sock.setblocking(False)
        asyncio.get_running_loop().add_reader(sock, self._readable)

    def say(self, **message: Any) -> None:
        self._protocol.send_text(json.dumps(message).encode())
        self._flush()

    def send(self, data: bytes) -> None:
        self._protocol.send_binary(data)
        self._flush()

    def said(self) -> list[dict[str, Any]]:
        return [json.loads(frame.data) for frame in self.frames if frame.opcode is Opcode.TEXT]

    def data(self) -> bytes:
        return b"".join(frame.data for frame in self.frames if frame.opcode is Opcode.BINARY)

    @property
    def code(self) -> int | None:
        for frame in self.frames:
            if frame.opcode is Opcode.CLOSE:
                return int(struct.unpack(">H", frame.data[:2])[0])
        return None

    async def until(self, ready: Callable[[], object]) -> None:
        """Virtual time makes waiting cheap."""
        async with asyncio.timeout(100):
            while not ready():  # noqa: ASYNC110
                await asyncio.sleep(0.001)

    def close(self) -> None:
        if self._sock.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._sock)
            self._sock.close()
        self.over.set()

    def _readable(self) -> None:
        try:
            data = self._sock.recv(65_536)
        except OSError:
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._sock)
            self.over.set()
            return
        self._protocol.receive_data(data)
        self.frames += [event for event in self._protocol.events_received() if isinstance(event, Frame)]
        self._flush()

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data and not self._silent:
                with contextlib.suppress(OSError):
                    self._sock.send(data)


OPEN: list[Page | Display] = []


def tidy(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """In virtual time; nothing that the test opened stays open."""

    @functools.wraps(test)
    async def work() -> None:
        try:
            await test()
        finally:
            for item in OPEN:
                item.close()
            OPEN.clear()
            await asyncio.sleep(5)

    return in_virtual_time(work)


async def view(stand: Stand, silent: bool = False) -> tuple[Page, ViewerStream]:
    if stand.registry.find(stand.session.id) is None:
        await stand.open()
    ours, theirs = socket.socketpair()
    stream = stand.stream()
    await asyncio.get_running_loop().create_connection(lambda: stream, sock=theirs)
    page = Page(ours, silent)
    OPEN.extend((page, stand.display))
    return page, stream


def stand(**changes: Any) -> Stand:
    values = {"state": lifecycle.RUNNING, **changes}
    return Stand(VirtualClock(), Session("s", "here", "ann", "ann", "xterm", **values))


@tidy
async def test_who_brings_no_ticket_within_ten_seconds_is_sent_away() -> None:
    page, _ = await view(stand())
    await asyncio.wait_for(page.over.wait(), 11)
    assert page.code == 4403


@tidy
async def test_a_ticket_that_waited_too_long_is_refused() -> None:
    here = stand()
    await here.open()
    ticket = here.ticket()
    await asyncio.sleep(31)
    page, _ = await view(here)
    page.say(type="ticket", ticket=ticket)
    await page.over.wait()
    assert page.said()[0]["code"] == "ticket-refused"
    assert page.code == 4403


@tidy
async def test_the_second_of_two_tickets_on_one_connection_is_not_looked_at() -> None:
    here = stand()
    page, _ = await view(here)
    page.say(type="ticket", ticket=here.ticket())
    page.say(type="ticket", ticket=here.ticket())
    await asyncio.sleep(1)
    assert [item["type"] for item in page.said()] == ["ready"]
    assert len(here.display.ends) == 1


@tidy
async def test_a_viewer_waits_for_a_session_that_is_coming_up() -> None:
    here = stand(state=lifecycle.PENDING)
    page, _ = await view(here)
    page.say(type="ticket", ticket=here.ticket())
    await asyncio.sleep(15)
    assert page.said() == []
    here.connections.offer("s", [here.display.open()])
    await page.until(page.data)
    assert page.data() == GREETING


@tidy
async def test_a_viewer_of_a_session_that_does_not_come_up_reads_why() -> None:
    here = stand(state=lifecycle.PENDING)
    page, _ = await view(here)
    page.say(type="ticket", ticket=here.ticket())
    await asyncio.sleep(1)
    await here.registry.signal("s", lifecycle.OVER, ended=1.0, reason="xterm: command not found")
    await page.over.wait()
    assert page.said() == [{"type": "error", "code": "display-unavailable", "detail": "xterm: command not found"}]
    assert page.code == 4502


@tidy
async def test_a_viewer_does_not_wait_for_ever() -> None:
    here = stand(state=lifecycle.PENDING)
    page, _ = await view(here)
    page.say(type="ticket", ticket=here.ticket())
    await asyncio.wait_for(page.over.wait(), 25)
    assert page.code == 4502


@tidy
async def test_a_page_that_answers_pings_stays_for_an_hour() -> None:
    here = stand()
    page, _ = await view(here)
    page.say(type="ticket", ticket=here.ticket())
    await asyncio.sleep(3601)
    pings = [frame for frame in page.frames if frame.opcode is Opcode.PING]
    assert len(pings) == 180  # proxies drop what is quiet for a minute
    assert not page.over.is_set()


@tidy
async def test_a_page_that_says_nothing_for_a_minute_is_gone() -> None:
    here = stand()
    page, _ = await view(here)
    page.say(type="ticket", ticket=here.ticket())
    await page.until(page.said)
    page._silent = True
    await asyncio.wait_for(page.over.wait(), 90)
    await here.registry.until("s", lambda session: session.clients == 0, 1)


@tidy
async def test_last_words_are_waited_for_a_moment_when_the_display_goes() -> None:
    here = stand()
    page, _ = await view(here)
    page.say(type="ticket", ticket=here.ticket())
    await page.until(page.data)
    here.display.ends[-1].close()
    await asyncio.sleep(1)
    assert page.code is None
    await page.over.wait()
    assert page.said()[-1] == {"type": "end", "code": "lost", "reason": "The display has closed the connection."}
    assert page.code == 4000


@tidy
async def test_a_page_that_does_not_answer_the_close_is_cut_off() -> None:
    here = stand()
    page, stream = await view(here)
    page.say(type="ticket", ticket=here.ticket())
    await page.until(page.data)
    page._silent = True
    stream.end("taken", "Somebody else took over.")
    stream.end("ended", "not said any more")
    await asyncio.wait_for(page.over.wait(), 3)
    assert [item["type"] for item in page.said()] == ["ready", "end"]


@tidy
async def test_a_connection_that_is_ending_gives_its_display_back_at_once() -> None:
    here = stand()
    page, stream = await view(here)
    page.say(type="ticket", ticket=here.ticket())
    await page.until(page.data)
    page._silent = True
    stream.end("suspended", "It was suspended.")
    assert here.display.ends[-1].recv(10) == b""
    page.send(b"late keys")
    await asyncio.sleep(0.01)
    assert here.connections.count("s") == 0
    await page.over.wait()


@tidy
async def test_staying_is_told_to_the_server_and_counts_as_activity() -> None:
    here = stand()
    page, _ = await view(here)
    page.say(type="stay")  # before the ticket it means nothing
    page.say(type="ticket", ticket=here.ticket())
    await page.until(page.data)
    await asyncio.sleep(100)
    page.say(type="stay")
    await page.until(lambda: here.stayed)
    (viewer,) = here.connections.of("s")
    assert viewer.active == pytest.approx(here.clock.monotonic(), abs=1)


@tidy
async def test_keys_and_pointer_are_activity_and_updates_asked_for_are_not() -> None:
    here = stand()
    page, _ = await view(here)
    page.say(type="ticket", ticket=here.ticket())
    await page.until(page.data)
    page.send(b"RFB 003.008\n" + b"\x01" + b"\x01")
    await asyncio.sleep(100)
    (viewer,) = here.connections.of("s")
    page.send(struct.pack(">BBHHHH", 3, 1, 0, 0, 640, 480))
    await asyncio.sleep(1)
    assert viewer.active < 50
    page.send(struct.pack(">BBHH", 5, 0, 10, 10))
    await asyncio.sleep(1)
    assert viewer.active > 90
    assert viewer.bytes_in == 14 + 10 + 6
    assert viewer.bytes_out == len(GREETING)


@tidy
async def test_a_page_that_goes_while_the_display_is_asked_for_leaves_no_descriptor() -> None:
    here = stand()
    asked, answer = asyncio.Event(), asyncio.Event()

    class Slow:
        displays_at_once = 8

        async def request(self, make: Any, timeout: float = 10.0) -> tuple[dict[str, Any], list[int]]:
            asked.set()
            await answer.wait()
            return {}, [here.display.open()]

    here.connections.attach(lambda _: Slow())  # type: ignore[arg-type,return-value]
    before = len(os.listdir("/proc/self/fd"))
    page, stream = await view(here)
    page.say(type="ticket", ticket=here.ticket())
    await asked.wait()
    stream.end("taken", "")
    answer.set()
    await page.over.wait()
    await asyncio.sleep(3)
    page.close()
    here.display.close()
    assert len(os.listdir("/proc/self/fd")) == before


@tidy
async def test_a_display_that_cannot_be_had_is_told_after_a_while() -> None:
    """Its process may be on its way back: it dials every few seconds."""
    here = stand()
    here.connections.attach(lambda _: None)
    page, _ = await view(here)
    page.say(type="ticket", ticket=here.ticket())
    await asyncio.wait_for(page.over.wait(), 15)
    assert page.said()[0]["code"] == "display-unavailable"
    assert page.code == 4502
