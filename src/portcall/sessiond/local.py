"""Own sessions of this host without a server: what their daemons and records say."""

from __future__ import annotations

import builtins
import dataclasses
import errno
import os
import select
import socket
import time
from typing import Any, Callable

from portcall.errors import NoSuchSession, PortcallError, ServerUnreachable
from portcall.model import lifecycle
from portcall.model.ids import is_session_id
from portcall.model.session import Session
from portcall.model.start import FAREWELL
from portcall.sessiond import places
from portcall.sessiond.connection import receive
from portcall.sessiond.peer import peer_uid
from portcall.sessiond.record import Record
from portcall.wire import messages
from portcall.wire.channel import Channel

_PATIENCE = 10.0
_BETWEEN = 0.02  # seconds between dials


def list(base: str = "") -> builtins.list[Session]:
    """All of one's own sessions, the oldest first; those that ended and were not yet told to a server too."""
    base = base or places.base_directory()
    found = [session for name in places.names(base) if (session := read(name, base)) is not None]
    return sorted(found, key=lambda session: session.created)


def read(session_id: str, base: str = "") -> Session | None:
    """The record of one, with the state that it has now; None where there is none."""
    base = base or places.base_directory()
    record = Record.load(f"{base}/sessions/{session_id}") if is_session_id(session_id) else None
    if record is None:
        return None
    if record.ended is not None:
        state = lifecycle.ENDED
    elif not places.held(base, session_id):
        state = lifecycle.LOST
    elif record.ending is not None:
        state = lifecycle.ENDING
    else:
        state = lifecycle.RUNNING if record.phase == "running" else lifecycle.PENDING
    return dataclasses.replace(record.session, state=state)


def call(session_id: str, make: Callable[[int], Any], base: str = "") -> dict[str, Any]:
    """Ask a session's daemon; the answer's result. Raises the error it answers, or NoSuchSession."""
    result, descriptors = request(session_id, make, base)
    for descriptor in descriptors:
        os.close(descriptor)
    return result


def open_display(session_id: str, base: str = "") -> int:
    """A descriptor connected to the session's display."""
    _, descriptors = request(session_id, messages.OpenDisplay, base)
    return descriptors[0]


def end(session_id: str, reason: str, grace: float = 5.0, base: str = "") -> None:
    """Returns when it has ended."""
    patience = grace + FAREWELL + 10
    _converse(session_id, lambda seq: messages.EndSession(seq, reason, grace), base, messages.SessionEnded, patience)


def request(session_id: str, make: Callable[[int], Any], base: str = "") -> tuple[dict[str, Any], builtins.list[int]]:
    return _converse(session_id, make, base, None, _PATIENCE)


def _converse(
    session_id: str, make: Callable[[int], Any], base: str, until: type | None, patience: float
) -> tuple[dict[str, Any], builtins.list[int]]:
    channel = Channel()
    answers: builtins.list[tuple[dict[str, Any], builtins.list[int], PortcallError | None]] = []
    channel.request(make, lambda *answer: answers.append(answer))
    seen = until is None
    with _connect(session_id, base or places.base_directory(), patience) as sock:
        for data, _ in channel.outgoing():
            sock.sendall(data)
        while not (answers and (seen or answers[0][2] is not None)):
            try:
                data, descriptors = receive(sock)
            except OSError as error:
                raise ServerUnreachable(f"session {session_id} does not answer: {error}") from error
            if not data:
                if answers:
                    break
                raise NoSuchSession(f"session {session_id} has just ended")
            for message, taken in channel.feed(data, descriptors):
                seen = seen or isinstance(message, until or ())
                for descriptor in taken:
                    os.close(descriptor)
    result, received, refusal = answers[0]
    if refusal is not None:
        raise refusal
    return result, received


def _reached(sock: socket.socket, path: str) -> bool:
    """False where nobody listens, or not yet."""
    try:
        sock.connect(path)
    except (FileNotFoundError, ConnectionRefusedError):
        return False
    return True


def _connect(session_id: str, base: str, patience: float) -> socket.socket:
    if not is_session_id(session_id) or not os.path.isdir(f"{base}/sessions/{session_id}"):
        raise NoSuchSession(f"there is no session {session_id} of yours on this host")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(patience)
    until = time.monotonic() + patience
    try:
        while not _reached(sock, f"{base}/sessions/{session_id}/control"):
            # it comes with the command: a session that waits for its display has a daemon, and will have it
            if not places.held(base, session_id) or time.monotonic() > until:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            select.select((), (), (), _BETWEEN)
        if peer_uid(sock) == os.getuid():
            return sock
        reason = "it is another user's"
    except OSError as error:
        reason = error.strerror or str(error)
    sock.close()
    raise NoSuchSession(f"session {session_id} does not run: {reason}")
