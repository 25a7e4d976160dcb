"""Pictures of screens: a real Xvnc's, and what displays send that are no displays."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import socket
import struct
import subprocess
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from portcall.displays.base import DisplayPlan
from portcall.displays.xvnc import Xvnc
from portcall.errors import DisplayUnavailable
from portcall.session import picture


@pytest.fixture(scope="module")
def screen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The socket of an Xvnc of 640x480 whose background is #3366cc."""
    folder = tmp_path_factory.mktemp("display")
    authority, rfb = folder / "Xauthority", folder / "rfb"
    authority.write_bytes(struct.pack(">HHHH18sH16s", 0xFFFF, 0, 0, 18, b"MIT-MAGIC-COOKIE-1", 16, b"0123456789abcdef"))
    reading, writing = os.pipe()
    plan = DisplayPlan("640x480", str(rfb), str(authority), writing, "picture", open_gl=False)
    display = subprocess.Popen(
        Xvnc().argv(plan), pass_fds=[writing], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(writing)
    try:
        with os.fdopen(reading, "rb") as alive:
            number = alive.readline().strip().decode()
        environment = {**os.environ, "DISPLAY": f":{number}", "XAUTHORITY": str(authority)}
        subprocess.run(["xsetroot", "-solid", "#3366cc"], env=environment, check=True)
        yield rfb
    finally:
        display.terminate()
        display.wait()


def connected(path: Path) -> int:
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(path))
    return sock.detach()


def opened(taken: picture.Picture) -> Image.Image:
    image = Image.open(io.BytesIO(taken.data))
    image.load()
    return image


async def test_a_real_screen_is_seen_in_its_colours(screen: Path) -> None:
    descriptor = connected(screen)
    taken = await picture.take(descriptor, None, "png")
    image = opened(taken)
    assert (taken.media_type, image.format, image.size) == ("image/png", "PNG", (640, 480))
    assert image.convert("RGB").getcolors() == [(640 * 480, (0x33, 0x66, 0xCC))]
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(descriptor)


async def test_a_thumbnail_is_small_and_keeps_its_shape(screen: Path) -> None:
    image = opened(await picture.take(connected(screen), 320, "webp"))
    assert (image.format, image.size) == ("WEBP", (320, 240))
    larger = opened(await picture.take(connected(screen), 5000, "png"))
    assert larger.size == (640, 480)


async def test_the_same_screen_has_the_same_tag(screen: Path) -> None:
    one, other = [await picture.take(connected(screen), 320, "webp") for _ in range(2)]
    assert one.etag == other.etag
    assert one.etag != (await picture.take(connected(screen), 160, "webp")).etag


async def test_many_pictures_at_once(screen: Path) -> None:
    taken = await asyncio.gather(*(picture.take(connected(screen), 64, "png") for _ in range(20)))
    assert len({one.etag for one in taken}) == 1


HELLO = b"RFB 003.008\n\x01\x01\0\0\0\0"
FORMAT = bytes(16)
SQUARE = struct.pack(">HH", 2, 2) + FORMAT + struct.pack(">I", 1) + b"x"


def update(*rectangles: bytes) -> bytes:
    return struct.pack(">BxH", 0, len(rectangles)) + b"".join(rectangles)


def rectangle(left: int, top: int, wide: int, high: int, data: bytes, encoding: int = 0) -> bytes:
    return struct.pack(">HHHHi", left, top, wide, high, encoding) + data


async def pretend(said: bytes, test: Callable[[int], Awaitable[None]], close: bool = True) -> None:
    """A display that says all it has to say at once."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    sent = ours.send(said)
    assert sent == len(said)
    if close:
        ours.shutdown(socket.SHUT_WR)
    try:
        await test(theirs.detach())
    finally:
        ours.close()


async def test_rectangles_are_put_where_they_belong() -> None:
    red, green = b"\0\0\xff\0", b"\0\xff\0\0"
    said = HELLO + SQUARE + struct.pack(">BxHH", 1, 0, 1) + bytes(6)  # a colour map of one
    said += b"\x02" + struct.pack(">B3xI", 3, 4) + b"text"  # a bell, and what was copied
    said += update(rectangle(0, 0, 1, 2, red * 2), rectangle(1, 0, 1, 2, green * 2))

    async def test(descriptor: int) -> None:
        image = opened(await picture.take(descriptor, None, "png")).convert("RGB")
        assert [image.getpixel(at) for at in ((0, 0), (1, 0), (0, 1), (1, 1))] == [(255, 0, 0), (0, 255, 0)] * 2

    await pretend(said, test)


async def test_a_display_that_never_pauses_takes_nobodys_turn() -> None:
    """It may also make the socket a blocking one: it has the other end of the very same."""
    ours, theirs = socket.socketpair()
    same = os.dup(theirs.fileno())
    stop = threading.Event()

    def bells() -> None:
        with contextlib.suppress(OSError):
            ours.sendall(HELLO + SQUARE)
            while not stop.is_set():
                os.set_blocking(same, True)
                ours.sendall(b"\x02" * 65_536)

    bell = threading.Thread(target=bells, daemon=True)
    bell.start()
    try:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(picture.take(theirs.detach(), None, "png"), 0.3)
    finally:
        stop.set()
        os.close(same)
        ours.close()
        await asyncio.to_thread(bell.join)


WRONG = {
    "nothing": b"",
    "a web server": b"HTTP/1.1 200 OK\r\n\r\n" * 10,
    "a password": b"RFB 003.008\n\x01\x02",
    "no security": b"RFB 003.008\n\x00\0\0\0\x03why",
    "refused": b"RFB 003.008\n\x01\x01\0\0\0\x01",
    "no screen": HELLO + struct.pack(">HH", 0, 0) + FORMAT + struct.pack(">I", 0),
    "a huge screen": HELLO + struct.pack(">HH", 65535, 65535) + FORMAT + struct.pack(">I", 0),
    "a huge name": HELLO + struct.pack(">HH", 2, 2) + FORMAT + struct.pack(">I", 0xFFFFFFFF) + b"x" * 100,
    "a huge text": HELLO + SQUARE + struct.pack(">B3xI", 3, 0xFFFFFFFF),
    "an unknown message": HELLO + SQUARE + b"\xfa",
    "another encoding": HELLO + SQUARE + update(rectangle(0, 0, 2, 2, b"", 7)),
    "outside the screen": HELLO + SQUARE + update(rectangle(1, 1, 2, 2, bytes(16))),
    "cut short": HELLO + SQUARE + update(rectangle(0, 0, 2, 2, bytes(15))),
}


@pytest.mark.parametrize("said", WRONG.values(), ids=WRONG.keys())
async def test_what_is_no_picture_is_an_error_and_nothing_worse(said: bytes) -> None:
    async def test(descriptor: int) -> None:
        with pytest.raises(DisplayUnavailable, match="gave no picture"):
            await picture.take(descriptor, None, "png")
        await asyncio.sleep(0.01)
        with pytest.raises(OSError, match="Bad file"):
            os.fstat(descriptor)

    await pretend(said, test)
