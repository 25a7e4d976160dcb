"""What a viewer says to a display (RFC 6143 7.5 and the extensions in use), sans-I/O: is it input, how large a screen.

The stream is watched, not changed, but for one kind of message: a request for a screen larger than the profile
allows is left out. A message that is not known ends the watching; the bytes go on all the same.
"""

from __future__ import annotations

import struct

_FIXED = {0: 20, 3: 10, 4: 8, 5: 6, 150: 10, 250: 4}
_INPUT = frozenset({4, 5, 6, 255})
_SET_ENCODINGS, _CUT_TEXT, _FENCE, _SET_SIZE, _EXTENDED = 2, 6, 248, 251, 255
NOTHING_NEW = struct.pack(">BBHHHH", 3, 1, 0, 0, 0, 0)  # a request for changes of no part of the screen
_HANDSHAKE = 14  # version (12), security type (1), shared flag (1): no password is ever used


class ClientWatch:
    """``feed`` gives the bytes to pass on; ``active`` is set when there was input since it was last cleared."""

    __slots__ = ("_buffer", "_largest", "_lost", "_skip", "active")

    def __init__(self, largest: tuple[int, int] | None) -> None:
        self._largest = largest
        self._buffer = b""
        self._skip = _HANDSHAKE
        self._lost = False
        self.active = False

    @property
    def between(self) -> bool:
        """Whether the viewer's last message is whole: another may be put behind it."""
        return not (self._lost or self._skip or self._buffer)

    def feed(self, data: bytes) -> bytes:
        if self._lost:
            self.active = True  # better never idle than idle while somebody works
            return data
        if self._skip >= len(data) and not self._buffer:
            self._skip -= len(data)
            return data
        out = data[: self._skip]
        rest = self._buffer + data[self._skip :]
        self._skip, self._buffer = 0, b""
        return out + self._messages(rest)

    def _messages(self, data: bytes) -> bytes:
        at, kept, end = 0, 0, len(data)
        left_out: list[bytes] = []
        while at < end:
            size = self._size(data, at, end)
            if size == 0:
                break
            if size < 0:
                self._lost = True
                return b"".join(left_out) + data[kept:]
            if data[at] in _INPUT:
                self.active = True
            if data[at] == _SET_SIZE and end - at >= 6 and self._too_large(data, at):
                if end - at < size:
                    break
                left_out.append(data[kept:at])
                kept = at + size
            at += size
        if at > end:  # a long message goes on as it comes
            self._skip = at - end
            at = end
        self._buffer = data[at:]
        return b"".join(left_out) + data[kept:at]

    def _size(self, data: bytes, at: int, end: int) -> int:
        """Bytes of the message at ``at``; 0: not enough of it yet; -1: not known."""
        kind, there = data[at], end - at
        if kind in _FIXED:
            size = _FIXED[kind]
            return size if there >= size else 0
        if kind == _SET_ENCODINGS:
            return 0 if there < 4 else 4 + 4 * int.from_bytes(data[at + 2 : at + 4], "big")
        if kind == _CUT_TEXT:
            return 0 if there < 8 else 8 + abs(struct.unpack_from(">i", data, at + 4)[0])
        if kind == _FENCE:
            return 0 if there < 9 else 9 + data[at + 8]
        if kind == _SET_SIZE:
            return 0 if there < 8 else 8 + 16 * data[at + 6]
        if kind == _EXTENDED:
            return 0 if there < 2 else (12 if data[at + 1] == 0 else -1)
        return -1

    def _too_large(self, data: bytes, at: int) -> bool:
        if self._largest is None:
            return False
        width, height = struct.unpack_from(">HH", data, at + 2)
        return bool(width > self._largest[0] or height > self._largest[1])
