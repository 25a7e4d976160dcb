"""A picture of a session's screen: one RFB update (RFC 6143) read to the end, scaled and encoded."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import socket
import struct
from dataclasses import dataclass

from PIL import Image

from portcall.errors import DisplayUnavailable

_TIMEOUT = 10.0
_MAX_PIXELS = 1 << 26  # two screens of 7680x4320; a display is its user's, and may claim any size
_CHUNK = 262_144  # bytes at a time
_MAX_TEXT = 1 << 20  # bytes of a name, or of what was copied
_TRUE_COLOUR = struct.pack(">BBBBHHHBBB3x", 32, 24, 0, 1, 255, 255, 255, 16, 8, 0)
FORMATS = {"png": "image/png", "webp": "image/webp"}


@dataclass(frozen=True)
class Picture:
    data: bytes
    media_type: str
    etag: str


async def take(descriptor: int, width: int | None, image_format: str) -> Picture:
    """The screen as it is; ``width`` scales down. Owns and closes ``descriptor``. DisplayUnavailable where it fails."""
    try:
        async with asyncio.timeout(_TIMEOUT):
            with contextlib.closing(socket.socket(fileno=descriptor)) as sock:
                size, pixels = await _read(_Reader(sock), _Writer(sock))
    except (TimeoutError, OSError, EOFError, struct.error) as error:
        raise DisplayUnavailable(
            f"The display gave no picture: {str(error) or 'it did not answer in time'}."
        ) from error
    return await asyncio.to_thread(_encode, size, pixels, width, image_format)


class _Reader:
    """The display's socket is its user's too, who may make it blocking again at any moment: each call says
    MSG_DONTWAIT, which a stream of the event loop's would not."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._buffer = bytearray()

    async def readexactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            try:
                data = self._sock.recv(_CHUNK, socket.MSG_DONTWAIT)
            except BlockingIOError:
                await _readable(self._sock)
                continue
            if not data:
                raise EOFError("it closed the connection")
            self._buffer += data
            await asyncio.sleep(0)  # others have their turn, however fast it sends
        taken = bytes(memoryview(self._buffer)[:size])
        del self._buffer[:size]
        return taken


class _Writer:
    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def write(self, data: bytes) -> None:
        """A few bytes; a display that has no room even for them is not one."""
        if self._sock.send(data, socket.MSG_DONTWAIT) < len(data):
            raise OSError("it takes nothing")


async def _readable(sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def is_ready() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(sock, is_ready)
    try:
        await ready
    finally:
        loop.remove_reader(sock)


async def _read(reader: _Reader, writer: _Writer) -> tuple[tuple[int, int], bytearray]:
    await reader.readexactly(12)
    writer.write(b"RFB 003.008\n")
    kinds = await reader.readexactly((await reader.readexactly(1))[0])
    if 1 not in kinds:
        raise OSError("it asks for a password")
    writer.write(b"\x01")
    if await reader.readexactly(4) != b"\0\0\0\0":
        raise OSError("it refused the connection")
    writer.write(b"\x01")  # shared: nobody is thrown out
    width, height = struct.unpack(">HH", await reader.readexactly(4))
    await reader.readexactly(16)
    (name_size,) = struct.unpack(">I", await reader.readexactly(4))
    await _pass_over(reader, name_size)
    if not 0 < width * height <= _MAX_PIXELS:
        raise OSError(f"its screen is {width}x{height}")
    writer.write(b"\0\0\0\0" + _TRUE_COLOUR)
    writer.write(struct.pack(">BxHi", 2, 1, 0))  # raw
    writer.write(struct.pack(">BBHHHH", 3, 0, 0, 0, width, height))
    return (width, height), await _update(reader, width, height)


async def _update(reader: _Reader, width: int, height: int) -> bytearray:
    pixels = bytearray(width * height * 4)
    while True:
        kind = (await reader.readexactly(1))[0]
        if kind == 0:
            break
        if kind == 1:  # colour map: not in true colour, but harmless
            (count,) = struct.unpack(">xxxH", await reader.readexactly(5))
            await reader.readexactly(count * 6)
        elif kind == 3:
            (size,) = struct.unpack(">3xI", await reader.readexactly(7))
            await _pass_over(reader, size)
        elif kind != 2:
            raise OSError(f"it sent a message of kind {kind}")
    (count,) = struct.unpack(">xH", await reader.readexactly(3))
    for _ in range(count):
        left, top, wide, high, encoding = struct.unpack(">HHHHi", await reader.readexactly(12))
        if encoding != 0 or left + wide > width or top + high > height:
            raise OSError("it sent what was not asked for")
        if wide == width:
            pixels[top * width * 4 : (top + high) * width * 4] = await reader.readexactly(wide * high * 4)
            continue
        for row in range(top, top + high):
            at = (row * width + left) * 4
            pixels[at : at + wide * 4] = await reader.readexactly(wide * 4)
    return pixels


async def _pass_over(reader: _Reader, size: int) -> None:
    if size > _MAX_TEXT:
        raise OSError(f"it sends a text of {size} bytes")
    await reader.readexactly(size)


def _encode(size: tuple[int, int], pixels: bytearray, width: int | None, image_format: str) -> Picture:
    image = Image.frombuffer("RGB", size, pixels, "raw", "BGRX", 0, 1)
    if width is not None and width < size[0]:
        height = max(1, round(size[1] * width / size[0]))
        image = image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0)
    out = io.BytesIO()
    if image_format == "webp":
        image.save(out, "WEBP", quality=70, method=2)
    else:
        image.save(out, "PNG", compress_level=3)
    data = out.getvalue()
    return Picture(data, FORMATS[image_format], hashlib.sha256(data).hexdigest()[:32])
