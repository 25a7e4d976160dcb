"""WebSocket framing of a server (RFC 6455 5.2), sans-I/O: the little of it that a byte stream needs.

Data frames are handed on as their bytes come, without waiting for a frame's end: a stream has no use for messages.
"""

from __future__ import annotations

import base64
import hashlib
import struct

from portcall.errors import ProtocolError

try:  # the C version is there in every wheel; the other is its equal, slower
    from websockets.speedups import apply_mask
except ImportError:  # pragma: no cover
    from websockets.utils import apply_mask

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_TEXT_LIMIT = 65_536
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def accept_key(key: bytes) -> bytes:
    """RFC 6455 4.2.2, 5.4."""
    return base64.b64encode(hashlib.sha1(key + _GUID).digest())  # noqa: S324 - the protocol's choice


def header(opcode: int, size: int) -> bytes:
    """The head of an unmasked, final frame."""
    if size < 126:
        return bytes((0x80 | opcode, size))
    if size < 65_536:
        return struct.pack(">BBH", 0x80 | opcode, 126, size)
    return struct.pack(">BBQ", 0x80 | opcode, 127, size)


def frame(opcode: int, payload: bytes) -> bytes:
    return header(opcode, len(payload)) + payload


def close_frame(code: int, reason: str = "") -> bytes:
    """The reason is cut to what a control frame holds."""
    text = reason.encode()[:120].decode(errors="ignore").encode()
    return frame(CLOSE, struct.pack(">H", code) + text)


class FrameReader:
    """Masked frames in; ``(opcode, payload)`` out. Binary payloads come in pieces, all others whole."""

    __slots__ = ("_buffer", "_left", "_mask", "_message", "_opcode", "_text", "_final")

    def __init__(self) -> None:
        self._buffer = b""
        self._left = 0  # payload bytes of the present data frame still to come
        self._mask = b""
        self._opcode = 0  # of the present data frame, continuation resolved
        self._message = 0  # opcode of the message that a continuation goes on with; 0: none open
        self._final = True
        self._text = b""

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Raises ProtocolError for what RFC 6455 forbids; after that the reader is of no more use."""
        if self._buffer:
            data = self._buffer + data
            self._buffer = b""
        out: list[tuple[int, bytes]] = []
        at, end = 0, len(data)
        while at < end:
            if self._left:
                piece = data[at : at + self._left]
                at += len(piece)
                self._payload(piece, out)
                continue
            size = self._head(data, at, end)
            if size is None:
                self._buffer = data[at:]
                break
            at = self._begin(data, at, end, size, out)
            if at < 0:
                self._buffer = data[-at - 1 :]
                break
        return out

    def _head(self, data: bytes, at: int, end: int) -> tuple[int, int] | None:
        """Length of the head and of the payload, or None while the head is not complete."""
        if end - at < 6:
            return None
        first, second = data[at], data[at + 1]
        if first & 0x70:
            raise ProtocolError("reserved bits are set")
        if not second & 0x80:
            raise ProtocolError("a client's frame is masked")
        size = second & 0x7F
        if size < 126:
            return 6, size
        if first & 0x08:
            raise ProtocolError("a control frame holds 125 bytes at most")
        need = 8 if size == 126 else 14
        if end - at < need:
            return None
        (size,) = struct.unpack_from(">H" if need == 8 else ">Q", data, at + 2)
        if size >> 63:
            raise ProtocolError("a length has 63 bits at most")
        return need, size

    def _begin(self, data: bytes, at: int, end: int, head: tuple[int, int], out: list[tuple[int, bytes]]) -> int:
        """Where to go on; negative (-at - 1) where a control frame is not complete yet."""
        first, (need, size) = data[at], head
        opcode, final = first & 0x0F, bool(first & 0x80)
        mask = data[at + need - 4 : at + need]
        if opcode & 0x08:
            if not final or opcode not in (CLOSE, PING, PONG):
                raise ProtocolError("a control frame is whole, and one of close, ping, pong")
            if opcode == CLOSE and size == 1:
                raise ProtocolError("a close says nothing, or a code of two bytes")
            if end - at < need + size:
                return -at - 1
            payload = data[at + need : at + need + size]
            out.append((opcode, apply_mask(payload, mask) if payload else b""))
            return at + need + size
        if opcode == CONTINUATION:
            if not self._message:
                raise ProtocolError("a continuation of nothing")
            opcode = self._message
        elif self._message or opcode not in (TEXT, BINARY):
            raise ProtocolError("a data frame inside another message, or of an unknown kind")
        self._opcode, self._final, self._mask, self._left = opcode, final, mask, size
        self._message = 0 if final else opcode
        if size == 0:
            self._payload(b"", out)
        return at + need

    def _payload(self, piece: bytes, out: list[tuple[int, bytes]]) -> None:
        if piece:
            self._left -= len(piece)
            plain = apply_mask(piece, self._mask)
            turn = len(piece) & 3
            if turn:
                self._mask = self._mask[turn:] + self._mask[:turn]
        else:
            plain = b""
        if self._opcode == BINARY:
            if plain:
                out.append((BINARY, plain))
            return
        self._text += plain
        if len(self._text) > _TEXT_LIMIT:
            raise ProtocolError(f"a text message holds {_TEXT_LIMIT} bytes at most")
        if self._left == 0 and self._final:
            out.append((TEXT, self._text))
            self._text = b""
