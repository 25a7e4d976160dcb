"""Every character that a browser can type arrives in the program, the first one too, and the hundredth."""

from __future__ import annotations

import os
import socket
import struct
import time
from pathlib import Path

import pytest

from portcall.wire import messages
from tests.fixtures.ground import Ground, until

pytestmark = pytest.mark.serial

_LATIN = "üöäßÄÖÜéñçŷł€@{}[]~|\\µ²"
_MANY = "".join(chr(0x4E00 + index) for index in range(120)) + "ш日한→😀"
_EMULATOR_KEY = 0x1A  # what noVNC also tells where the server knows QEMU's extended keys; it must not count


def _keysym(character: str) -> int:
    number = ord(character)
    return 0xFF0D if character == "\n" else number if number < 0x100 else 0x01000000 | number


def _type(ground: Ground, session: str, text: str, scancodes: bool, pointer: bool = True) -> None:
    """As noVNC does, on the descriptor that the start gave; without ``pointer`` the mouse was never touched."""
    heard = ground.server.session(session).heard
    (descriptor,) = next(fds for message, fds in heard if isinstance(message, messages.DisplayOpened))
    with socket.socket(fileno=os.dup(descriptor)) as sock:
        sock.setblocking(True)
        sock.sendall(b"RFB 003.008\n\x01\x01")
        if scancodes:
            sock.sendall(struct.pack(">BxHi", 2, 1, -258))
        if pointer:
            sock.sendall(struct.pack(">BBHH", 5, 0, 50, 50))  # into the program's window
        time.sleep(0.3)  # noqa: TID251 - the focus follows; nobody tells
        for character in text:
            for down in (1, 0):
                if scancodes:
                    sock.sendall(struct.pack(">BBHII", 255, 0, down, _keysym(character), _EMULATOR_KEY))
                else:
                    sock.sendall(struct.pack(">BBxxI", 4, down, _keysym(character)))
            time.sleep(0.02)  # noqa: TID251 - a fast typist


@pytest.mark.parametrize("layout", ["us", "de"])
@pytest.mark.parametrize("scancodes", [False, True])
@pytest.mark.parametrize("text", ["ü", "€", _LATIN, _MANY], ids=["one", "other", "latin", "many"])
def test_what_is_typed_arrives(ground: Ground, layout: str, scancodes: bool, text: str) -> None:
    typed = Path(ground.folder, "typed")
    command = f"exec xterm -e sh -c 'touch {typed}; exec cat >{typed}'"
    session = ground.running(ground.order(command, keyboard_layout=layout))
    until(typed.exists)
    _type(ground, session, text + "\n", scancodes)
    until(lambda: typed.read_text().endswith("\n"))
    assert typed.read_text() == text + "\n"


def test_a_lone_program_has_the_keyboard_before_the_mouse_is_touched(ground: Ground) -> None:
    typed = Path(ground.folder, "typed")
    session = ground.running(ground.order(f"exec xterm -e sh -c 'touch {typed}; exec cat >{typed}'"))
    until(typed.exists)
    _type(ground, session, "at once\n", False, pointer=False)
    until(lambda: typed.read_text() == "at once\n")


def test_a_layout_that_is_not_known_fails_the_start(ground: Ground) -> None:
    session = ground.start(ground.order("true", keyboard_layout="zz"))
    ended = ground.server.ended(session)
    assert ended.failed
    assert "keyboard layout zz" in ended.reason
    assert '"zz"' in ended.log


@pytest.mark.parametrize("layout", ["de", "us-intl", "fr(azerty)", "ru"])
def test_the_layout_is_the_displays(ground: Ground, layout: str) -> None:
    name, _, variant = layout.partition("-")
    session = ground.running(ground.order("setxkbmap -query; exec sleep 1000", keyboard_layout=layout))
    until(lambda: "layout:" in (ground.directory(session) / "log").read_text())
    lines = (ground.directory(session) / "log").read_text().split()
    assert name in lines
    assert not variant or variant in lines
