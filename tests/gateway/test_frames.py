"""Framing against the `websockets` library as the browser's side, however the bytes are cut."""

from __future__ import annotations

import contextlib
import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.protocol import CLIENT, Protocol
from websockets.uri import parse_uri

from portcall.errors import ProtocolError
from portcall.gateway import frames

MASK = b"\x0f\xf0\x5a\xa5"


def browser() -> Protocol:
    """The other side, after its handshake."""
    return Protocol(CLIENT, max_size=None)


def masked(opcode: int, payload: bytes = b"", final: bool = True) -> bytes:
    return Frame(Opcode(opcode), payload, final).serialize(mask=True)


def raw(first: int, size: int, payload: bytes = b"", mask: bool = True) -> bytes:
    """A frame that a library would refuse to write."""
    return bytes((first, (0x80 if mask else 0) | size)) + (MASK if mask else b"") + payload


def read(reader: frames.FrameReader, data: bytes, cuts: list[int]) -> list[tuple[int, bytes]]:
    """What comes out when ``data`` arrives cut at ``cuts``; pieces of a binary message are put together."""
    out: list[tuple[int, bytes]] = []
    edges = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
    for start, end in itertools.pairwise(edges):
        for opcode, payload in reader.feed(data[start:end]):
            if opcode == frames.BINARY and out and out[-1][0] == frames.BINARY:
                out[-1] = (frames.BINARY, out[-1][1] + payload)
            else:
                out.append((opcode, payload))
    return out


payloads = st.one_of(
    st.binary(max_size=300), st.sampled_from([125, 126, 127, 65_535, 65_536, 70_000]).map(lambda size: b"\xa5" * size)
)
controls = st.lists(st.tuples(st.sampled_from([frames.PING, frames.PONG]), st.binary(max_size=125)), max_size=2)


@st.composite
def conversations(draw: st.DrawFn) -> tuple[bytes, list[tuple[int, bytes]]]:
    """Messages in fragments with control frames between them: the bytes, and what should be read of them."""
    data, expected = b"", []
    for _ in range(draw(st.integers(0, 4))):
        opcode = draw(st.sampled_from([frames.TEXT, frames.BINARY]))
        whole = draw(payloads) if opcode == frames.BINARY else draw(st.text(max_size=200)).encode()
        parts = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=3)))
        pieces = [whole[start:end] for start, end in zip([0, *parts], [*parts, len(whole)], strict=True)]
        held: list[tuple[int, bytes]] = []
        for number, piece in enumerate(pieces):
            data += masked(opcode if number == 0 else frames.CONTINUATION, piece, number == len(pieces) - 1)
            if opcode == frames.BINARY and piece:
                held.append((frames.BINARY, piece))
            for control, payload in draw(controls) if number < len(pieces) - 1 else []:
                data += masked(control, payload)
                held.append((control, payload))
        expected += held if opcode == frames.BINARY else [*held, (frames.TEXT, whole)]
    return data, expected


@given(conversations(), st.lists(st.integers(0, 1_000_000), max_size=12))
def test_messages_are_read_however_they_are_fragmented_and_cut(
    conversation: tuple[bytes, list[tuple[int, bytes]]], cuts: list[int]
) -> None:
    data, expected = conversation
    joined: list[tuple[int, bytes]] = []
    for opcode, payload in expected:
        if opcode == frames.BINARY and joined and joined[-1][0] == frames.BINARY:
            joined[-1] = (frames.BINARY, joined[-1][1] + payload)
        else:
            joined.append((opcode, payload))
    assert read(frames.FrameReader(), data, cuts) == joined


def test_messages_are_read_byte_by_byte() -> None:
    data = masked(frames.BINARY, b"first", False) + masked(frames.PING, b"now") + masked(frames.CONTINUATION, b"last")
    data += masked(frames.TEXT, b"") + masked(frames.BINARY, b"") + masked(frames.CLOSE, struct.pack(">H", 1000))
    assert read(frames.FrameReader(), data, list(range(len(data)))) == [
        (frames.BINARY, b"first"), (frames.PING, b"now"), (frames.BINARY, b"last"), (frames.TEXT, b""),
        (frames.CLOSE, struct.pack(">H", 1000)),
    ]  # fmt: skip


@given(st.sampled_from([frames.TEXT, frames.BINARY, frames.PING, frames.PONG]), st.data())
def test_the_library_reads_what_we_write(opcode: int, data: st.DataObject) -> None:
    payload = data.draw(payloads if opcode == frames.BINARY else st.text(max_size=30).map(str.encode))
    other = browser()
    other.receive_data(frames.frame(opcode, payload))
    (event,) = other.events_received()
    assert isinstance(event, Frame)
    assert (event.opcode, event.data, event.fin) == (opcode, payload, True)


@given(st.text(max_size=200))
def test_a_close_reason_of_any_length_is_one_that_the_library_accepts(reason: str) -> None:
    other = browser()
    other.receive_data(frames.close_frame(4403, reason))
    assert other.close_rcvd is not None
    assert other.close_rcvd.code == 4403
    assert reason.startswith(other.close_rcvd.reason)


def test_the_handshake_is_answered_as_the_library_expects() -> None:
    client = ClientProtocol(parse_uri("ws://localhost/"), extensions=[ClientPerMessageDeflateFactory()])
    request = client.connect()
    accept = frames.accept_key(request.headers["Sec-WebSocket-Key"].encode())
    client.send_request(request)
    answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    client.receive_data(answer + b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
    client.events_received()
    assert client.handshake_exc is None
    assert client.state.name == "OPEN"


FORBIDDEN = {
    "unmasked": raw(0x82, 1, b"x" * 5, mask=False),
    "reserved bit 1": raw(0xC2, 1, b"x"),
    "reserved bit 2": raw(0xA2, 1, b"x"),
    "reserved bit 3": raw(0x92, 1, b"x"),
    "unknown data opcode": raw(0x83, 0),
    "unknown control opcode": raw(0x8B, 0),
    "fragmented ping": raw(0x09, 0),
    "long ping": raw(0x89, 126, b"\0" * 140),
    "continuation of nothing": raw(0x80, 0),
    "a new message inside another": raw(0x02, 0) + raw(0x82, 0),
    "a length of 2^63": b"\x82\xff" + struct.pack(">Q", 1 << 63) + MASK,
    "a close of one byte": raw(0x88, 1, b"x"),
}


@pytest.mark.parametrize("data", FORBIDDEN.values(), ids=FORBIDDEN.keys())
def test_what_the_protocol_forbids_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        frames.FrameReader().feed(data)


def test_a_text_message_without_end_is_refused_before_it_fills_the_memory() -> None:
    reader = frames.FrameReader()
    reader.feed(masked(frames.TEXT, b"x" * 60_000, final=False))
    with pytest.raises(ProtocolError):
        reader.feed(masked(frames.CONTINUATION, b"x" * 60_000, final=False))


def test_a_long_binary_message_is_handed_on_as_it_comes() -> None:
    """Nothing is kept but the head: a message may be longer than memory."""
    reader = frames.FrameReader()
    head = b"\x82\xff" + struct.pack(">Q", 1 << 40) + MASK
    assert reader.feed(head) == []
    assert sum(len(payload) for _ in range(100) for _, payload in reader.feed(b"\0" * 65_536)) == 100 * 65_536


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=4))
def test_noise_is_read_or_refused_and_nothing_else(noise: bytes, cuts: list[int]) -> None:
    with contextlib.suppress(ProtocolError):
        read(frames.FrameReader(), noise, cuts)
