"""The display of a session: spawned, dialled as soon as its socket is there, alive when it says its number."""

from __future__ import annotations

import contextlib
import os
import re
import socket
from typing import Any, Callable, Iterable

from portcall import plugins
from portcall.displays.base import Display, DisplayPlan
from portcall.errors import DisplayUnavailable, PortcallError, StartFailed, UnknownPlugin
from portcall.model.start import ROOTLESS
from portcall.sessiond import log, xauthority
from portcall.sessiond.appearing import Appearing
from portcall.sessiond.context import Context
from portcall.sessiond.loop import READ
from portcall.sessiond.spawn import spawn

_FIRST_WAIT, _LONGEST_WAIT = 0.0005, 0.01  # seconds between dials
_TOLD = 0.1  # seconds between dials while we are told when there is a socket
_WATCHED = 1.0  # seconds for which that is watched when it is not needed any more: to end it takes a moment
_SOCKETS = "/tmp/.X11-unix"
_LEFT = re.compile(r"(?:X|server-)([0-9]+)(?:\.xkm)?\Z")
# Another user's left-over keymap of the number that is free next: Xvnc cannot write its own there (/tmp is sticky)
_BLOCKED = "virtual core keyboard"
_TRIES, _FIRST_FREE, _LAST_FREE = 5, 100, 32_000  # numbers to try instead
_CONTROL = re.compile(r"[\x00-\x1f]")


class DisplayProcess:
    """Connectable is not alive: the socket accepts while the X server still loads, and it may yet fail.

    ``on_connected`` gets the first connection's descriptor, in which the greeting waits; ``on_alive`` gets the number,
    at the newline; ``on_gone`` is called once when the process has ended.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self.since = context.clock.monotonic()
        self._trouble: Exception | None = None
        self._next_dial = context.loop.after(0, lambda: None)
        self._wait = _FIRST_WAIT
        self._appearing: Appearing | None = None
        self._said = b""
        self._tries = 0
        self._read = -1
        self._alive = self._connected = False
        self.gone = False

    def tell(
        self, on_connected: Callable[[int], Any], on_alive: Callable[[int], Any], on_gone: Callable[[int | None], Any]
    ) -> None:
        """Before the loop runs: nothing happens outside of it."""
        self._on_connected, self._on_alive, self._on_gone = on_connected, on_alive, on_gone

    def begin(self) -> None:
        """Before there is anybody to tell what went wrong: ``begun`` raises it."""
        try:
            self.spawn()
        except (PortcallError, OSError) as error:
            self._trouble = error

    def begun(self) -> None:
        """Spawned, now or by ``begin``; StartFailed or OSError where it cannot be."""
        if self._trouble is not None:
            raise self._trouble
        if "display" not in self.context.record.processes:
            self.spawn()

    def spawn(self, number: int | None = None) -> None:
        """StartFailed where it cannot be."""
        context = self.context
        display = find(str(context.limit("display", "xvnc")))
        if self._appearing is None:
            self._appearing = Appearing(context.loop, context.place.path, "rfb", self._appeared)
        read, write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        os.set_blocking(write, True)
        try:
            if number is None:
                xauthority.write(context.place / "Xauthority")
            output = log.open_append(context.place / "display.log")
        except OSError as error:
            os.close(read)
            os.close(write)
            raise StartFailed(f"the session's directory cannot be written: {error.strerror}") from error
        try:
            pid = spawn(display.argv(self._plan(write, number)), context.environment(), output, keep=write)
        except OSError as error:
            os.close(read)
            raise StartFailed(display.missing() or f"the display cannot be started: {error.strerror}") from error
        finally:
            os.close(write)
            os.close(output)
        self._read = read
        context.loop.child(pid, self._exited)
        context.loop.watch(read, READ, lambda _events: self._hear(read))
        self._next_dial.cancel()
        self._next_dial = context.loop.after(_TOLD if self._appearing.works else self._wait, self._dial)
        context.note("display", pid)

    def _plan(self, number_fd: int, number: int | None) -> DisplayPlan:
        context, order = self.context, self.context.record.order
        geometry = (
            order.geometry if order.geometry not in ("", ROOTLESS) else str(context.limit("geometry", "1280x800"))
        )
        return DisplayPlan(
            geometry=geometry,
            socket_path=context.place / "rfb",
            authority_path=context.place / "Xauthority",
            display_fd=number_fd,
            name=_CONTROL.sub(" ", order.name) or f"{order.user}@{context.record.session.hostname}",
            keyboard_layout=order.keyboard_layout,
            open_gl=bool(context.limit("open_gl", True)),
            clipboard=str(context.limit("clipboard", "both")),
            number=number,
        )

    def _appeared(self) -> None:
        self._next_dial.cancel()
        if not self._connected:
            self._dial()

    def _dial(self) -> None:
        if self.gone:
            return
        try:
            sock = connect(self.context.place / "rfb")
        except DisplayUnavailable:
            self._next_dial = self.context.loop.after(self._wait, self._dial)
            self._wait = min(_LONGEST_WAIT, self._wait * 2)
            return
        self._connected = True
        if self._appearing is not None:
            self.context.loop.after(_WATCHED, self._appearing.close)
        self._on_connected(sock.detach())

    def _hear(self, read: int) -> None:
        # number and newline are two writes; closing the pipe after the first would kill the X server
        try:
            data = os.read(read, 64)
        except BlockingIOError:
            return
        self._said += data
        if data and b"\n" not in self._said:
            return
        self._close(read)
        number = self._said.partition(b"\n")[0].strip()
        if data and number.isdigit() and not self.gone:
            self._alive = True
            self._on_alive(int(number))

    def _close(self, read: int) -> None:
        if read >= 0 and read == self._read:
            self._read = -1
            self.context.loop.forget(read)
            os.close(read)

    def _exited(self, code: int | None) -> None:
        if self._try_another():
            return
        self.gone = True
        self._on_gone(code)

    def _try_another(self) -> bool:
        """Whether the start goes on with a display of another number."""
        place = self.context.place
        blocked = not self._alive and _BLOCKED in log.last_lines(place / "display.log")
        if self._tries >= _TRIES or not blocked:
            return False
        self._tries += 1
        self._said = b""
        self._close(self._read)
        with contextlib.suppress(OSError):
            os.unlink(place / "rfb")
        try:
            self.spawn(_FIRST_FREE + int.from_bytes(os.urandom(4), "big") % (_LAST_FREE - _FIRST_FREE))
        except StartFailed:
            return False
        return True


def find(name: str) -> Display:
    """The display of this kind; StartFailed where it is not known, or cannot run here."""
    try:
        display: Display = plugins.find("displays", name)()
    except UnknownPlugin as error:
        raise StartFailed(str(error)) from error
    missing = display.missing()
    if missing:
        raise StartFailed(missing)
    return display


def connect(path: str) -> socket.socket:
    """A new connection to the display; DisplayUnavailable where it does not answer."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.connect(path)
    except OSError as error:
        sock.close()
        raise DisplayUnavailable(f"the display does not answer: {error.strerror}") from error
    return sock


def remove_socket(number: int | None) -> None:
    """What a killed X server leaves: its socket, lock and keymap; only if they are ours and nobody listens there.

    None, where it was killed before it said its number: of every number.
    """
    if number is None:
        for found in _left_numbers():
            remove_socket(found)
        return
    path = f"{_SOCKETS}/X{number}"
    for left in (path, f"/tmp/server-{number}.xkm"):
        with contextlib.suppress(OSError):
            if os.lstat(left).st_uid == os.getuid() and not _bound(path):
                os.unlink(left)
    with contextlib.suppress(OSError, ValueError):
        lock = f"/tmp/.X{number}-lock"
        if os.lstat(lock).st_uid == os.getuid():
            with open(lock) as file:
                holder = int(file.read())
            if not os.path.exists(f"/proc/{holder}"):
                os.unlink(lock)


def _left_numbers() -> set[int]:
    """Numbers for which there is a socket or a keymap."""
    found: set[int] = set()
    for directory in (_SOCKETS, "/tmp"):
        with contextlib.suppress(OSError):
            matches = [_LEFT.match(name) for name in os.listdir(directory)]
            found.update(int(match.group(1)) for match in matches if match)
    return found


def numbers(pids: Iterable[int]) -> set[int]:
    """Numbers of the displays whose sockets these processes hold."""
    inodes = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            for name in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    inodes.add(os.readlink(f"/proc/{pid}/fd/{name}"))
    found = set()
    with open("/proc/net/unix", errors="replace") as file:
        for line in file:
            fields = line.split()
            if len(fields) == 8 and fields[7].startswith(f"{_SOCKETS}/X") and f"socket:[{fields[6]}]" in inodes:
                found.add(int(fields[7][len(_SOCKETS) + 2 :]))
    return found


def _bound(path: str) -> bool:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.connect(path)
    except (ConnectionRefusedError, FileNotFoundError):
        pass
    except OSError:
        return True
    else:
        return True
    finally:
        sock.close()
    with open("/proc/net/unix", errors="replace") as file:
        return any(line.rstrip("\n").endswith(" " + path) for line in file)
