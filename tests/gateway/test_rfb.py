"""What viewers say, watched as it passes: nothing is changed but a screen that would be too large."""

from __future__ import annotations

import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall.gateway.rfb import ClientWatch

HANDSHAKE = b"RFB 003.008\n\x01\x01"
LARGEST = (1920, 1080)


def key() -> bytes:
    return struct.pack(">BBxxI", 4, 1, 0x61)


def pointer() -> bytes:
    return struct.pack(">BBHH", 5, 0, 10, 20)


def resize(width: int, height: int, screens: int = 1) -> bytes:
    return struct.pack(">BxHHBx", 251, width, height, screens) + bytes(16 * screens)


QUIET = st.one_of(
    st.just(struct.pack(">Bxxx", 0) + bytes(16)),
    st.lists(st.integers(-500, 500), max_size=20).map(
        lambda items: struct.pack(f">BxH{len(items)}i", 2, len(items), *items)
    ),
    st.just(struct.pack(">BBHHHH", 3, 1, 0, 0, 640, 480)),
    st.binary(max_size=64).map(lambda data: struct.pack(">BxxxIB", 248, 0, len(data)) + data),
    st.just(struct.pack(">BBHHHH", 150, 1, 0, 0, 640, 480)),
    st.builds(resize, st.integers(1, LARGEST[0]), st.integers(1, LARGEST[1]), st.integers(0, 3)),
)
INPUT = st.one_of(
    st.builds(key), st.builds(pointer),
    st.binary(max_size=300).map(lambda text: struct.pack(">Bxxxi", 6, len(text)) + text),
    st.binary(min_size=4, max_size=300).map(lambda text: struct.pack(">Bxxxi", 6, -len(text)) + text),
    st.just(struct.pack(">BBHII", 255, 0, 1, 0x61, 0x1E)),
)  # fmt: skip
LARGE = st.builds(resize, st.integers(LARGEST[0] + 1, 65535), st.integers(1, 65535), st.integers(0, 3))
cuts = st.lists(st.integers(0, 100_000), max_size=12)


def through(watch: ClientWatch, data: bytes, where: list[int]) -> bytes:
    edges = [0, *sorted({cut % (len(data) + 1) for cut in where}), len(data)]
    return b"".join(watch.feed(data[start:end]) for start, end in itertools.pairwise(edges))


@given(st.lists(st.one_of(QUIET, INPUT, LARGE.map(lambda data: data)), max_size=12), cuts)
def test_everything_passes_but_screens_that_are_too_large(said: list[bytes], where: list[int]) -> None:
    watch = ClientWatch(LARGEST)
    expected = b"".join(item for item in said if not _large(item))
    assert through(watch, HANDSHAKE + b"".join(said), where) == HANDSHAKE + expected


def _large(item: bytes) -> bool:
    return item[0] == 251 and any(
        size > most for size, most in zip(struct.unpack_from(">HH", item, 2), LARGEST, strict=True)
    )


@given(st.lists(st.one_of(QUIET, LARGE), max_size=12), cuts)
def test_what_is_no_input_is_no_activity(said: list[bytes], where: list[int]) -> None:
    watch = ClientWatch(LARGEST)
    through(watch, HANDSHAKE + b"".join(said), where)
    assert not watch.active


@given(st.lists(QUIET, max_size=6), INPUT, st.lists(QUIET, max_size=6), cuts)
def test_input_anywhere_is_activity(before: list[bytes], item: bytes, after: list[bytes], where: list[int]) -> None:
    watch = ClientWatch(LARGEST)
    through(watch, HANDSHAKE + b"".join([*before, item, *after]), where)
    assert watch.active


@given(st.binary(max_size=400), cuts)
def test_whatever_comes_is_passed_on_or_kept_for_a_moment(noise: bytes, where: list[int]) -> None:
    watch = ClientWatch(None)
    passed = through(watch, HANDSHAKE + noise, where)
    assert (HANDSHAKE + noise).startswith(passed)
    assert len(HANDSHAKE + noise) - len(passed) < 5000


def test_an_unknown_message_ends_the_watching_on_the_side_of_those_who_work() -> None:
    watch = ClientWatch(LARGEST)
    assert watch.feed(HANDSHAKE + b"\xc8 something") == HANDSHAKE + b"\xc8 something"
    watch.active = False
    assert watch.feed(b"more") == b"more"
    assert watch.active


@pytest.mark.parametrize("size", [0, 1, 13])
def test_a_long_text_is_not_collected(size: int) -> None:
    watch = ClientWatch(LARGEST)
    head = struct.pack(">Bxxxi", 6, 3_000_000)
    assert watch.feed(HANDSHAKE + head + b"x" * size) == HANDSHAKE + head + b"x" * size
    for _ in range(30):
        assert watch.feed(b"y" * 99_000) == b"y" * 99_000


@given(st.lists(st.one_of(QUIET, INPUT), min_size=1, max_size=5), st.data())
def test_it_knows_when_a_message_is_whole(messages: list[bytes], data: st.DataObject) -> None:
    watch = ClientWatch(None)
    assert not watch.between, "before the handshake nothing may be said in between"
    stream = HANDSHAKE + b"".join(messages)
    ends = {len(HANDSHAKE), *(len(HANDSHAKE) + sum(map(len, messages[: count + 1])) for count in range(len(messages)))}
    cut = data.draw(st.integers(1, len(stream)))
    watch.feed(stream[:cut])
    assert watch.between == (cut in ends)
    watch.feed(stream[cut:])
    assert watch.between


def test_of_what_is_not_known_no_end_is_known() -> None:
    watch = ClientWatch(None)
    watch.feed(HANDSHAKE + b"\xc8unknown")
    assert not watch.between
