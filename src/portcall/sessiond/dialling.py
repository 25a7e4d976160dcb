"""Has the server dialled over the network by a child, so that the session's own loop never waits for a network.

A dial for the conversation with the server gives a socket: the network's own, or with TLS one whose other end the child
relays. A dial for a viewer stays in the child, which carries the display's bytes until either side has ended.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
from dataclasses import dataclass
from typing import Any, Callable

from portcall.sessiond import network, processes, relay
from portcall.sessiond.connection import receive
from portcall.sessiond.loop import READ, Loop
from portcall.sessiond.spawn import close_others, reset_signals
from portcall.sessiond.weblink import CONTROL, DISPLAY, Weblink

_PATIENCE = 45.0  # seconds for all steps of a dial together


@dataclass(frozen=True)
class Failure:
    """Why a dial gave nothing. ``final``: the same dial will fail again; ``over``: the session is to end."""

    reason: str
    final: bool = False
    over: bool = False


class Dial:
    """One dial. ``on_done`` is told once: a socket (of a display: None) and no failure, or the failure."""

    def __init__(
        self, loop: Loop, work: Callable[[socket.socket], Any], keep: list[int],
        on_done: Callable[[socket.socket | None, Failure | None], Any],
    ) -> None:  # fmt: skip
        self._loop, self._on_done = loop, on_done
        self._words, theirs = socket.socketpair()
        self._patience = loop.after(_PATIENCE, self._late)
        gc.freeze()  # what is frozen is not touched by the child's collector, and so not copied
        try:
            self._pid = os.fork()
        except OSError as error:
            reason = f"no process can be made: {error.strerror}"
            self._pid = 0
            loop.after(0, lambda: self._over(None, Failure(reason)))
        else:
            if self._pid == 0:
                _child(work, theirs, keep)
            loop.child(self._pid, self._ended)
            loop.watch(self._words.fileno(), READ, self._heard)
        theirs.close()

    def give_up(self) -> None:
        """Nobody wants it any more; ``on_done`` is not called."""
        self._on_done = lambda *_: None
        self._kill()
        self._over(None, None)

    def _ended(self, _code: int) -> None:
        self._pid = 0  # waited for: the number may be another's by now

    def _kill(self) -> None:
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)

    def _late(self) -> None:
        self._kill()
        self._over(None, Failure(f"no answer within {_PATIENCE:g} s"))

    def _heard(self, _events: int) -> None:
        data: bytes = b""
        descriptors: list[int] = []
        try:
            data, descriptors = receive(self._words)
            said = json.loads(data)
        except BlockingIOError:
            return
        except (OSError, ValueError):
            said = {"reason": "its process ended without a word"}
        sock = socket.socket(fileno=descriptors[0]) if descriptors else None
        self._over(sock, Failure(**said) if said else None)

    def _over(self, sock: socket.socket | None, failure: Failure | None) -> None:
        if self._words.fileno() >= 0:
            self._patience.cancel()
            self._loop.forget(self._words.fileno())
            self._words.close()
            self._on_done(sock, failure)


def control(loop: Loop, link: Weblink, on_done: Callable[[socket.socket | None, Failure | None], Any]) -> Dial:
    """The way that messages to the server take."""

    def work(words: socket.socket) -> None:
        sock: Any = network.dial(link, CONTROL, link.primary)
        if type(sock) is socket.socket:
            _say(words, {}, sock)
            return
        ours, theirs = socket.socketpair()
        _say(words, {}, theirs)
        theirs.close()
        words.close()
        relay.carry(ours, sock)

    return Dial(loop, work, [], on_done)


def display(
    loop: Loop, link: Weblink, token: str, shown: socket.socket,
    on_done: Callable[[socket.socket | None, Failure | None], Any],
) -> Dial:  # fmt: skip
    """A viewer's way to the display ``shown``, which is the child's from now on."""

    def work(words: socket.socket) -> None:
        sock: Any = network.dial(link, DISPLAY, token)
        _say(words, {})
        words.close()
        relay.carry(shown, sock)

    try:
        return Dial(loop, work, [shown.fileno()], on_done)
    finally:
        shown.close()


def jitter(seconds: float) -> float:
    """Some less: sessions that lost the same server shall not all come back in the same moment."""
    return seconds * (0.6 + 0.4 * os.urandom(1)[0] / 255)


def _child(work: Callable[[socket.socket], Any], words: socket.socket, keep: list[int]) -> None:
    """Holds nothing of the session's daemon: least of all the lock that says that one lives."""
    try:
        signal.set_wakeup_fd(-1)
        reset_signals()
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        close_others([words.fileno(), *keep])
        processes.name_self(processes.RELAY_NAME)
        try:
            work(words)
        except network.Refused as refusal:
            _say(words, {"reason": str(refusal), "final": refusal.final, "over": refusal.over})
        except Exception as error:  # noqa: BLE001 - whatever it was, the daemon tells it and tries again
            _say(words, {"reason": network.words(error)})
    finally:
        os._exit(0)


def _say(words: socket.socket, said: dict[str, Any], sock: socket.socket | None = None) -> None:
    data = json.dumps(said).encode()
    if sock is None:
        words.sendall(data)
    else:
        socket.send_fds(words, [data], [sock.fileno()])
