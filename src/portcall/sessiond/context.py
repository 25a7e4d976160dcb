"""What all parts of one session daemon share."""

from __future__ import annotations

import os
import shlex
import socket
from typing import Any

from portcall.clock import Clock
from portcall.model.user import Account
from portcall.sessiond import environment, rfb
from portcall.sessiond.loop import Loop
from portcall.sessiond.places import Place
from portcall.sessiond.processes import MARK, Process, process
from portcall.sessiond.record import Record


class Context:
    """``stdio`` are descriptors that the command gets instead of its log (``--cli``)."""

    def __init__(
        self, loop: Loop, place: Place, record: Record, account: Account, clock: Clock,
        stdio: tuple[int, int, int] | None = None,
    ) -> None:  # fmt: skip
        self.loop, self.place, self.record, self.account, self.clock = loop, place, record, account, clock
        self.stdio = stdio
        self.children: set[int] = set()
        self._touching = False

    @property
    def claimed(self) -> bool:
        """Whether there is an order; a warm display has none yet."""
        return bool(self.record.session.id)

    def save(self) -> None:
        self.record.save(self.place.path)

    def note(self, name: str, pid: int) -> Process:
        """Write one of our processes down."""
        self.children.add(pid)
        self.record.processes[name] = process(pid)
        self.save()
        return self.record.processes[name]

    def touch_keyboard(self, pointer: tuple[int, int] | None = None) -> None:
        """Once for all viewers that come within a second."""
        if self._touching:
            return
        sock = rfb.touch_keyboard(self.place / "rfb", pointer)
        if sock is not None:
            self._touching = True
            self.loop.after(1.0, lambda: self._touched(sock))

    def _touched(self, sock: socket.socket) -> None:
        self._touching = False
        sock.close()

    def limit(self, name: str, default: Any) -> Any:
        """A figure of the order's profile; in JSON it may be written either way."""
        limits = self.record.order.limits
        first, *rest = name.split("_")
        return limits.get(name, limits.get(first + "".join(part.title() for part in rest), default))

    def script(self, event: str) -> str:
        """The profile's for this event; empty where it has none."""
        text = str(self.limit(f"on_{event}", ""))
        return text if text.strip() else ""

    def environment(self) -> dict[str, str]:
        """For everything that runs in the session."""
        variables = environment.login(self.account, os.environ)
        variables[MARK] = self.record.marks[-1]
        variables["FX_SESSION_ID"] = self.record.session.id
        variables["XAUTHORITY"] = self.place / "Xauthority"
        if self.record.number is not None:
            variables["DISPLAY"] = f":{self.record.number}"
        return variables


def quote(text: str) -> str:
    """One word for a POSIX shell."""
    return shlex.quote(text)
