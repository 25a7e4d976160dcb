"""portcall connect: a native viewer on a unix socket of one's own, tunnelled to the server."""

from __future__ import annotations

import contextlib
import os
import select
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from portcall.cli import output
from portcall.cli.command import command, json_option, server_options, session_argument
from portcall.cli.reach import current, resolve
from portcall.errors import Conflict, PortcallError
from portcall.model import event, lifecycle

if TYPE_CHECKING:
    from portcall.client.api import Client
    from portcall.client.stream import StreamEvent

VIEWERS = ("xtigervncviewer", "vncviewer")
_ENOUGH = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_VIEWER_SECONDS = 5.0  # for a viewer to end after SIGTERM


@command("connect", examples=[
    ("portcall connect 3f2a", "open a session in TigerVNC's viewer"),
    ("portcall connect 3f2a --viewer 'xtigervncviewer -FullScreen'", "with options of the viewer's"),
    ("portcall connect 3f2a --no-viewer", "print a socket for a viewer of your own, and stay"),
])  # fmt: skip
@session_argument
@click.option(
    "--viewer", metavar="COMMAND", default="", help="The viewer; the socket's path is added as last argument."
)
@click.option("--no-viewer", is_flag=True, help="Only print the path of the unix socket that speaks RFB, and stay.")
@json_option
@server_options
def connect(session: str, viewer: str, no_viewer: bool, as_json: bool) -> int:
    """Open a session in a native viewer, or offer it to one.

    The tunnel is a unix socket that only you can open; there is no TCP port and no password. It goes when the viewer
    does, or with --no-viewer when you press Ctrl-C.
    """
    client = current().client()
    one = resolve(client, session)
    if one.state not in lifecycle.CONNECTABLE:
        raise Conflict(f"The session {one.id} is {one.state}: only one that runs can be opened.")
    return open_viewer(client, one.id, viewer, no_viewer, as_json)


def open_viewer(client: Client, session_id: str, viewer: str, no_viewer: bool, as_json: bool = False) -> int:
    """Serve the tunnel while the viewer runs (or until a signal); the exit code."""
    from portcall.client.tunnel import offered

    failures: list[PortcallError] = []
    argv = [] if no_viewer else viewer_command(viewer)
    with _Enough() as enough:

        def failed(error: PortcallError) -> None:
            failures.append(error)
            enough.say()

        with offered(client, session_id, _say, failed) as path:
            if no_viewer:
                if as_json:
                    output.document({"socket": str(path), "session": session_id}, indent=None)
                else:
                    output.line(str(path))
                sys.stdout.flush()
                threading.Thread(target=_watch, args=(client, session_id, enough), name="events", daemon=True).start()
                enough.wait()
            else:
                code = _run([*argv, str(path)], enough)
                if code and not failures:
                    failures.append(PortcallError(f"The viewer {argv[0]} ended with code {code}."))
    if failures:
        raise failures[0]
    return 0


class _Enough:
    """Ctrl-C, SIGTERM and SIGHUP are how a person says that it was enough; also ``say``, from any thread.

    A signal is a byte in a pipe and never an exception: one that came while the viewer was being started would lose
    the viewer.
    """

    def __enter__(self) -> _Enough:
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.signalled = False
        self._before = {number: signal.signal(number, self._signal) for number in _ENOUGH}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        # the pipe stays: threads that outlive the block may still say

    def _signal(self, _number: int, _frame: FrameType | None) -> None:
        self.signalled = True
        self.say()

    def say(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._write, b".")

    def wait(self) -> None:
        select.select([self._read], [], [])
        with contextlib.suppress(BlockingIOError):
            os.read(self._read, 4096)


def _watch(client: Client, session_id: str, over: _Enough) -> None:
    """Say it when the session is over."""
    with contextlib.suppress(PortcallError):
        for came in client.events():
            if _concerns(came, session_id) and client.session(session_id).state in (
                lifecycle.ENDED, lifecycle.ENDING,
            ):  # fmt: skip
                break
            if came.kind == event.SESSION_GONE and came.document.get("id") == session_id:
                break
    over.say()


def _concerns(came: StreamEvent, session_id: str) -> bool:
    return came.kind in ("hello", "reset") or (came.kind == event.SESSION and came.document.get("id") == session_id)


def viewer_command(wanted: str) -> list[str]:
    """The viewer's argv without the socket."""
    if not os.environ.get("DISPLAY") and not wanted:
        raise PortcallError(
            "There is no screen here (DISPLAY is not set). Run this where your screen is, or use a browser."
        )
    if wanted:
        return shlex.split(wanted)
    found = next((name for name in VIEWERS if shutil.which(name)), None)
    if found is None:
        raise PortcallError(
            "No viewer was found: install tigervnc-viewer or name one with --viewer; --no-viewer prints the socket."
        )
    # it would ask whether to reconnect when the session has ended; what happened is said here
    return [found, "-ReconnectOnError=0", "-AlertOnFatalError=0", "-Log=*:stderr:0"] if _is_tigervnc(found) else [found]


def _is_tigervnc(name: str) -> bool:
    shown = subprocess.run([name, "-h"], capture_output=True, text=True, check=False)
    return "ReconnectOnError" in shown.stdout + shown.stderr


def _run(argv: list[str], enough: _Enough) -> int:
    """The viewer's exit code; 0 where it was ended because a signal told us to."""
    try:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise PortcallError(f"{argv[0]}: {error.strerror}") from error

    def watch() -> None:
        process.wait()
        enough.say()

    threading.Thread(target=watch, name="viewer's end", daemon=True).start()
    while process.poll() is None and not enough.signalled:
        enough.wait()
    if not enough.signalled:
        return process.wait()
    process.terminate()
    try:
        process.wait(_VIEWER_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    return 0


def _say(message: dict[str, Any]) -> None:
    """What the server tells a viewer beside the picture."""
    if message.get("type") == "warning":
        what = "ends" if message.get("kind") == "disconnected" else "is disconnected for idleness"
        click.echo(f"portcall: the session {what} at {output.moment(message.get('at'))}", err=True)
    elif message.get("type") == "end":
        click.echo(
            f"portcall: {output.neutral(message.get('reason') or message.get('code') or 'it is over')}", err=True
        )
