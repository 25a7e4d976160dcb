"""``portcall link``: one for each user and server socket; puts itself in the background once it is registered."""

from __future__ import annotations

import argparse
import fcntl
import os
import select
import signal
import sys
import zlib

from portcall.clock import Clock
from portcall.errors import PortcallError, StartFailed
from portcall.linkd import forking
from portcall.linkd.link import Link
from portcall.sessiond import places, processes
from portcall.sessiond.begin import own_account
from portcall.sessiond.loop import Loop

_PATIENCE = 5.0  # seconds for the server to welcome it
_TRIES, _BETWEEN = 200, 0.01  # a lock whose holder is dead


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="portcall-link", description=(__doc__ or "").splitlines()[0].replace("`", ""))
    parser.add_argument("--socket", required=True, metavar="PATH", help="the server's socket")
    parser.add_argument("--directory", metavar="DIR", help="the user's runtime directory (default: /tmp/portcall-UID)")
    parser.add_argument("--started-by", default="server", help="shown by the server")
    parser.add_argument("--foreground", action="store_true", help="stay in the foreground")
    options = parser.parse_args(argv)
    try:
        base = places.prepare(options.directory or places.base_directory())
        if options.foreground:
            return _serve(base, options.socket, options.started_by, -1)
        return _in_background(base, options.socket, options.started_by)
    except PortcallError as error:
        print(f"portcall link: {error.detail}", file=sys.stderr)
        return 1


def _in_background(base: str, socket_path: str, started_by: str) -> int:
    """Returns when the link is registered (0), or has said what is wrong."""
    read, write = os.pipe()
    if os.fork() > 0:
        os.close(write)
        with open(read) as words:
            said = words.read()
        if said.strip() == "registered":
            return 0
        print(f"portcall link: {said.strip() or 'it ended without a word'}", file=sys.stderr)
        return 1
    code = 1
    try:
        os.close(read)
        os.setsid()
        os.chdir("/")
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        os.close(null)
        code = _serve(base, socket_path, started_by, write)
    except PortcallError as error:
        os.write(write, error.detail.encode())
    finally:
        os._exit(code)


def _serve(base: str, socket_path: str, started_by: str, words: int) -> int:
    """The link's life. ``words`` is the pipe to whoever started it, -1 in the foreground."""
    if _lock(base, socket_path) is None:
        # one is there: it dials the server by itself
        if words >= 0:
            os.write(words, b"registered")
        return 0
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    processes.name_self(processes.LINK_NAME)
    account = own_account()
    loop = Loop()
    forking.load()
    failed = False

    def told(welcomed: bool) -> None:
        nonlocal words
        if welcomed and words >= 0:
            os.write(words, b"registered")
            os.close(words)
            words = -1

    def late() -> None:
        nonlocal failed
        if words >= 0:
            failed = True
            link.leave()

    link = Link(loop, base, socket_path, account, Clock(), started_by, told)
    loop.on_signal(signal.SIGTERM, link.leave)
    loop.on_signal(signal.SIGINT, link.leave)
    loop.after(_PATIENCE, late)
    link.start()
    loop.run()
    if failed:
        raise StartFailed(f"no server answers at {socket_path}")
    return 0


def _lock(base: str, socket_path: str) -> int | None:
    """The lock of this user's link to this server, held until we end; None where another link holds it.

    A child that a link forked just before it was killed holds its lock too, until it closes what it has inherited.
    """
    name = f"link-{zlib.crc32(os.path.abspath(socket_path).encode()):08x}.lock"
    descriptor = os.open(f"{base}/{name}", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    for left in reversed(range(_TRIES)):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except OSError:
            if not left or _holder_lives(descriptor):
                os.close(descriptor)
                return None
            select.select((), (), (), _BETWEEN)
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor


def _holder_lives(descriptor: int) -> bool:
    """Who wrote its pid into the lock; one who has just got it is about to."""
    text = os.pread(descriptor, 32, 0).strip()
    return text.isdigit() and processes.alive(processes.process(int(text)))
