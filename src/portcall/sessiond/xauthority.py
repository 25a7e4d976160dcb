"""The session's X authority: one record, written by ourselves."""

from __future__ import annotations

import os
import struct

_WILD = 0xFFFF  # any host, and with an empty number any display: valid before the display's number is known
_NAME = b"MIT-MAGIC-COOKIE-1"


def write(path: str) -> None:
    """A new cookie, for the session's user alone."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600), "wb") as file:
        fields = (b"", b"", _NAME, os.urandom(16))
        file.write(struct.pack(">H", _WILD) + b"".join(struct.pack(">H", len(field)) + field for field in fields))


def cookie(path: str) -> bytes:
    """The cookie of a file that ``write`` wrote."""
    with open(path, "rb") as file:
        return file.read()[-16:]
