"""As much of an X client as watching windows and keys needs: requests and replies in a poll loop.

Never waits for the X server: a program may hold the server for itself as long as it likes. Xlib would cost each session
4 MiB and 20 ms, and waits.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections import deque
from typing import Any, Callable

from portcall.sessiond.loop import READ, Loop

_PROPERTY_NOTIFY, _PROPERTY_CHANGES = 28, 0x400000
_CONFIGURE_NOTIFY, _STRUCTURE = 22, 0x20000
_MAPPING_NOTIFY, _KEYBOARD = 34, 1
_MOST = 65_536  # words of a property
OnReply = Callable[[bytes], Any]


class XClient:
    """``on_ready`` when connected, with the root window known; ``on_property`` gets atoms that changed on the root,
    ``on_size`` its width and height when they have, ``on_keys`` first and number of the keys whose symbols changed."""

    def __init__(
        self, loop: Loop, number: int, cookie: bytes, on_ready: Callable[[], Any], on_lost: Callable[[], Any],
        on_property: Callable[[int], Any] = lambda _: None, on_keys: Callable[[int, int], Any] = lambda *_: None,
        on_size: Callable[[int, int], Any] = lambda *_: None,
    ) -> None:  # fmt: skip
        self._loop, self._on_ready, self._on_lost = loop, on_ready, on_lost
        self._on_property, self._on_keys, self._on_size = on_property, on_keys, on_size
        self.keys = (8, 255)  # the first and the last there are
        self._buffer = b""
        self._root = 0
        self._sequence = 0
        self._waiting: deque[tuple[int, OnReply]] = deque()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._open = True
        try:
            self._socket.connect(f"/tmp/.X11-unix/X{number}")
            self._socket.setblocking(False)
            name = b"MIT-MAGIC-COOKIE-1"
            self._write(struct.pack("<BxHHHHxx", 0x6C, 11, 0, len(name), len(cookie)) + _padded(name) + _padded(cookie))
        except OSError:
            loop.after(0, self._lost)
            return
        loop.watch(self._socket.fileno(), READ, self._ready)

    def close(self) -> None:
        if self._open:
            self._open = False
            if self._socket.fileno() >= 0:
                self._loop.forget(self._socket.fileno())
            self._socket.close()

    def atom(self, name: str, on_atom: Callable[[int], Any]) -> None:
        text = name.encode()
        request = struct.pack("<BBHHxx", 16, 0, 2 + len(_padded(text)) // 4, len(text)) + _padded(text)
        self._request(request, lambda reply: on_atom(struct.unpack_from("<I", reply, 8)[0] if reply else 0))

    def values(self, atom: int, on_values: Callable[[tuple[int, ...]], Any], window: int = 0) -> None:
        """What this property of a window, or else of the root window, has; nothing where there is no such property."""
        self._property(window or self._root, atom, on_values)

    def box(self, window: int, on_box: Callable[[int, int, int, int], Any]) -> None:
        """Left, top, width and height of a window on the screen; not called where it is gone."""

        def sized(size: bytes) -> None:
            def placed(place: bytes) -> None:
                if size and place:
                    on_box(*struct.unpack_from("<hh", place, 12), *struct.unpack_from("<HH", size, 16))

            self._request(struct.pack("<BBHIIhh", 40, 0, 4, window, self._root, 0, 0), placed)

        self._request(struct.pack("<BBHI", 14, 0, 2, window), sized)

    def move(self, window: int, left: int, top: int) -> None:
        """Ask for the place of a window with its frame; whoever manages it decides."""
        self._request(struct.pack("<BBHIHxxii", 12, 0, 5, window, 0x3, left, top), None)

    def vouched(self, atom: int, on_answer: Callable[[bool], Any]) -> None:
        """Whether this property of the root window names a window that has it too, as _NET_SUPPORTING_WM_CHECK does
        while the window manager lives: what a dead one wrote stays on the root window.
        """

        def named(values: tuple[int, ...]) -> None:
            if values:
                self._property(values[0], atom, lambda own: on_answer(own == values))
            else:
                on_answer(False)

        self._property(self._root, atom, named)

    def _property(self, window: int, atom: int, on_values: Callable[[tuple[int, ...]], Any]) -> None:
        """Its 32-bit values; none where there is no such property, or no such window."""

        def read(reply: bytes) -> None:
            count = struct.unpack_from("<I", reply, 16)[0] if reply and reply[1] == 32 else 0
            on_values(struct.unpack_from(f"<{count}I", reply, 32) if count else ())

        self._request(struct.pack("<BBHIIIII", 20, 0, 6, window, atom, 0, 0, _MOST), read)

    def watch_root(self) -> None:
        self._request(struct.pack("<BBHIII", 2, 0, 4, self._root, 0x800, _PROPERTY_CHANGES | _STRUCTURE), None)

    def read_keys(self, first: int, count: int, on_symbols: Callable[[list[set[int]]], Any]) -> None:
        """The symbols of each of these keys; empty for one that has none."""

        def read(reply: bytes) -> None:
            if reply:
                each = reply[1]
                symbols = struct.unpack_from(f"<{each * count}I", reply, 32)
                on_symbols([set(symbols[index * each : (index + 1) * each]) - {0} for index in range(count)])

        self._request(struct.pack("<BxHBBxx", 101, 2, first, count), read)

    def clear_keys(self, first: int, count: int) -> None:
        """Take all symbols from these keys."""
        self._request(struct.pack("<BBHBBxx", 100, count, 2 + count, first, 1) + bytes(4 * count), None)

    def _request(self, data: bytes, on_reply: OnReply | None) -> None:
        if not self._open:
            return
        self._sequence = (self._sequence + 1) & 0xFFFF
        if on_reply is not None:
            self._waiting.append((self._sequence, on_reply))
        self._write(data)

    def _write(self, data: bytes) -> None:
        # requests are few and small: one that does not fit means a server that has stopped reading
        try:
            self._socket.sendall(data)
        except OSError:
            self._loop.after(0, self._lost)

    def _ready(self, _events: int) -> None:
        try:
            data = self._socket.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lost()
            return
        self._buffer += data
        while self._open and self._take():
            pass

    def _lost(self) -> None:
        if self._open:
            self.close()
            self._on_lost()

    def _take(self) -> bool:
        """One packet from the buffer; False where there is no whole one."""
        if not self._root:
            return self._setup()
        if len(self._buffer) < 32:
            return False
        kind = self._buffer[0] & 0x7F
        (more,) = struct.unpack_from("<I", self._buffer, 4)
        size = 32 + (4 * more if kind in (1, 35) else 0)
        if len(self._buffer) < size:
            return False
        packet, self._buffer = self._buffer[:size], self._buffer[size:]
        if kind in (0, 1):
            (sequence,) = struct.unpack_from("<H", packet, 2)
            if self._waiting and self._waiting[0][0] == sequence:
                self._waiting.popleft()[1](packet if kind == 1 else b"")
        elif kind == _PROPERTY_NOTIFY:
            window, atom = struct.unpack_from("<II", packet, 4)
            if window == self._root:
                self._on_property(atom)
        elif kind == _CONFIGURE_NOTIFY:
            window, _, _, _, width, height = struct.unpack_from("<IIhhHH", packet, 8)
            if window == self._root:
                self._on_size(width, height)
        elif kind == _MAPPING_NOTIFY and packet[4] == _KEYBOARD:
            self._on_keys(packet[5], packet[6])
        return True

    def _setup(self) -> bool:
        if len(self._buffer) < 8:
            return False
        status, length = self._buffer[0], struct.unpack_from("<H", self._buffer, 6)[0]
        if len(self._buffer) < 8 + 4 * length:
            return False
        body, self._buffer = self._buffer[8 : 8 + 4 * length], self._buffer[8 + 4 * length :]
        if status != 1:
            self._lost()
            return False
        vendor, formats = struct.unpack_from("<H", body, 16)[0], body[21]
        self.keys = body[26], body[27]
        (self._root,) = struct.unpack_from("<I", body, 32 + (vendor + 3) // 4 * 4 + 8 * formats)
        with contextlib.suppress(OSError):
            self._on_ready()
        return True


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
