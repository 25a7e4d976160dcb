"""What a session daemon writes down, so that another can go on where it was killed."""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import json
import os
from typing import Any

from portcall.errors import InvalidValue, StartFailed
from portcall.model import codec
from portcall.model.session import Session
from portcall.model.start import StartOrder
from portcall.sessiond import places
from portcall.sessiond.processes import Process
from portcall.sessiond.weblink import Weblink

FILE = "session.json"
_READS = 5
_A_DAY = 86_400.0
_EXCHANGE, _HERE = 2, -100  # RENAME_EXCHANGE, AT_FDCWD: linux/fs.h, linux/fcntl.h
_renameat2 = getattr(ctypes.CDLL(None), "renameat2", None)  # glibc 2.28


def _put(new: str, path: str) -> None:
    """``new`` becomes ``path``, atomically; by exchange where it can be: the next save then writes over the old one.

    A file made and one deleted for each of the half dozen saves of a start cost more than all else in them.
    """
    if _renameat2 is None or _renameat2(_HERE, new.encode(), _HERE, path.encode(), _EXCHANGE) != 0:
        os.rename(new, path)  # there is none yet, or the file system cannot


def _write(path: str, data: bytes) -> None:
    """As one file's whole content; a file object would ask the kernel half a dozen things more."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        left = data
        while left:
            left = left[os.write(descriptor, left) :]
        os.ftruncate(descriptor, len(data))
    finally:
        os.close(descriptor)


def _read(path: str) -> Any:
    """What is there. A save may write over what has just been opened: then it is not JSON, and there is a newer one."""
    for _ in range(_READS):
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)) as file, contextlib.suppress(ValueError):
            return json.load(file)
    raise ValueError("no JSON")


class Record:
    """``session.json``, replaced as a whole with each change.

    ``marks`` are the values of PORTCALL_SESSION_ID that the session's processes carry; ``processes`` names ours:
    daemon, display, manager, command. A process is written down after it was made; one that was made and not written
    down is found by its mark. ``ending`` is why it is being ended; ``ended`` the SessionEnded, from its end until that
    is delivered. ``adoptions`` counts daemons that took over. ``weblink`` is the way over the network, where there is
    one; its address is then among ``sockets``.
    """

    def __init__(self, session: Session, order: StartOrder, sockets: list[str]) -> None:
        self.session, self.order, self.sockets = session, order, sockets
        self.phase = "display"
        self.marks: list[str] = []
        self.processes: dict[str, Process] = {}
        self.number: int | None = None
        self.ending: str | None = None
        self.ended: dict[str, Any] | None = None
        self.adoptions = 0
        self.rootless_windows = False
        self.spare_keys: list[int] = []
        self.weblink: Weblink | None = None

    def change(self, **members: Any) -> None:
        self.session = dataclasses.replace(self.session, **members)

    def document(self) -> dict[str, Any]:
        return {
            "session": codec.to_document(self.session),
            "order": codec.to_document(self.order),
            "sockets": self.sockets,
            "phase": self.phase,
            "marks": self.marks,
            "processes": {name: [process.pid, process.start] for name, process in self.processes.items()},
            "number": self.number,
            "ending": self.ending,
            "ended": self.ended,
            "adoptions": self.adoptions,
            "rootlessWindows": self.rootless_windows,
            "spareKeys": self.spare_keys,
            "weblink": codec.to_document(self.weblink) if self.weblink is not None else None,
        }

    def save(self, directory: str) -> None:
        """Replaced atomically; StartFailed where it cannot be written (a full disk), and then the old one stays."""
        temporary = f"{directory}/.{FILE}"
        text = json.dumps(self.document(), separators=(",", ":"))  # dump would use the encoder that is not in C
        try:
            _write(temporary, text.encode())
            _put(temporary, f"{directory}/{FILE}")
        except OSError as error:
            raise StartFailed(f"the session's record cannot be written in {directory}: {error.strerror}") from error

    @classmethod
    def load(cls, directory: str) -> Record | None:
        """None where there is none, or none that can be understood."""
        try:
            document = _read(f"{directory}/{FILE}")
            record = cls(
                codec.from_document(Session, document["session"]),
                codec.from_document(StartOrder, document["order"]),
                [str(path) for path in document["sockets"]],
            )
            record.phase = str(document["phase"])
            record.marks = [str(mark) for mark in document["marks"]]
            record.processes = {
                name: Process(int(pid), int(start)) for name, (pid, start) in document["processes"].items()
            }
            record.number = document["number"]
            record.ending = document["ending"]
            record.ended = document["ended"]
            record.adoptions = int(document["adoptions"])
            record.rootless_windows = bool(document["rootlessWindows"])
            record.spare_keys = [int(key) for key in document["spareKeys"]]
            if document.get("weblink") is not None:
                record.weblink = codec.from_document(Weblink, document["weblink"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError, InvalidValue):
            return None
        return record


def forget_old(base: str, now: float) -> None:
    """Ends that no server has asked for within a day; a link does so too, but there may never be one."""
    for name in places.names(base):
        record = Record.load(f"{base}/sessions/{name}")
        if record is None or record.ended is None or places.held(base, name):
            continue
        if now - (record.session.ended or 0.0) > _A_DAY:
            places.remove_tree(f"{base}/sessions/{name}")
