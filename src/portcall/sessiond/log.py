"""A session's log files: their end for people, and a bound for the disk."""

from __future__ import annotations

import os

BOUND, KEPT = 4 * 1024 * 1024, 1024 * 1024


def open_append(path: str) -> int:
    """For a process's output; every writer appends, so the file may be cut while they write."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def tail(path: str, size: int) -> tuple[str, int]:
    """The last ``size`` bytes as text, and how many there are; what is not UTF-8 is shown as such."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
            length = file.seek(0, os.SEEK_END)
            file.seek(max(0, length - size))
            data = file.read(size)
    except OSError:
        return "", 0
    if length > size:
        data = data[_character_start(data) :]
    return data.decode(errors="replace"), length


def last_lines(path: str, count: int = 20) -> str:
    """For an error's text."""
    return "\n".join(tail(path, 8192)[0].splitlines()[-count:]).strip()


def bound(path: str) -> int:
    """Keep the file under BOUND by cutting its beginning; its size afterwards."""
    try:
        size = os.stat(path).st_size
        if size <= BOUND:
            return size
        with open(os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC), "r+b") as file:
            file.seek(-KEPT, os.SEEK_END)
            kept = file.read(KEPT)
            file.truncate(0)
        appended = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            os.write(appended, b"[the beginning was cut]\n" + kept[kept.find(b"\n") + 1 :])
        finally:
            os.close(appended)
        return os.stat(path).st_size
    except OSError:
        return 0


def _character_start(data: bytes) -> int:
    """Where the first whole character begins."""
    for index in range(min(4, len(data))):
        if data[index] & 0xC0 != 0x80:
            return index
    return len(data) if len(data) < 4 else 0  # as many in a row are no text anyway
