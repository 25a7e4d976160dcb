"""What a session daemon says to its display in RFB itself: the size that a warm one shall have; a first key."""

from __future__ import annotations

import socket
import struct

from portcall.model.start import parse_geometry

_EXTENDED_DESKTOP_SIZE, _SET_DESKTOP_SIZE = -308, 251
_PATIENCE = 1.0
_MOST_UPDATES = 20
_SHIFT = 0xFFE1


def resize(path: str, geometry: str) -> bool:
    """RFB 7.4.11 SetDesktopSize; False where the display does not do it."""
    width, height = parse_geometry(geometry)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(_PATIENCE)
            sock.connect(path)
            _greet(sock)
            sock.sendall(struct.pack(">BxHi", 2, 1, _EXTENDED_DESKTOP_SIZE))
            _, _, screen_id = _screen(sock)
            screen = struct.pack(">IHHHHI", screen_id, 0, 0, width, height, 0)
            sock.sendall(struct.pack(">BxHHBx", _SET_DESKTOP_SIZE, width, height, 1) + screen)
            return _screen(sock)[:2] == (width, height)
    except (OSError, struct.error):
        return False


def touch_keyboard(path: str, pointer: tuple[int, int] | None = None) -> socket.socket | None:
    """Press and release Shift; the caller closes what is returned about a second later, when it has been read.

    ``pointer``: put it there. Where no window manager says who has the keyboard, the window below the pointer has it.

    With its first key the X server takes over the keyboard's map. Xvnc puts a character that is not on the keyboard
    into that map just before; a program that sees both at once loses the character: it would be the first one typed.
    Nothing is waited for: the whole conversation goes out at once.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.connect(path)
        keys = b"".join(struct.pack(">BBxxI", 4, down, _SHIFT) for down in (1, 0))
        moves = struct.pack(">BBHH", 5, 0, *pointer) if pointer is not None else b""
        sock.send(b"RFB 003.008\n" + b"\x01" + b"\x01" + keys + moves)  # version, security None, shared
    except OSError:
        sock.close()
        return None
    return sock


def _greet(sock: socket.socket) -> None:
    _read(sock, 12)
    sock.sendall(b"RFB 003.008\n")
    _read(sock, _read(sock, 1)[0])
    sock.sendall(b"\x01")  # security type None
    _read(sock, 4)
    sock.sendall(b"\x01")  # shared
    name = struct.unpack(">20xI", _read(sock, 24))[0]
    _read(sock, name)


def _screen(sock: socket.socket) -> tuple[int, int, int]:
    """Width, height and the first screen's id. An update tells it only where no pixels are due: asked until it does."""
    for _ in range(_MOST_UPDATES):
        sock.sendall(struct.pack(">BBHHHH", 3, 0, 0, 0, 1, 1))
        kind, count = struct.unpack(">BxH", _read(sock, 4))
        if kind != 0:
            break
        for _ in range(count):
            _, _, width, height, encoding = struct.unpack(">HHHHi", _read(sock, 12))
            if encoding == _EXTENDED_DESKTOP_SIZE:
                screens = _read(sock, 16 * _read(sock, 4)[0])
                return width, height, int.from_bytes(screens[:4], "big")
            _read(sock, 4 * width * height)
    raise ConnectionError("the display does not tell its size")


def _read(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            raise ConnectionError("the display closed the connection")
        data += part
    return data
