"""Starts a program that outlives the server, and hears of it when it fails at once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import threading
from collections.abc import Mapping, Sequence

from portcall.errors import NoLink
from portcall.model.user import Account

WATCH = 2.0  # seconds in which a program that fails is heard of
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SHOWN = 2000
_running: set[subprocess.Popen[bytes]] = set()


def login_environment(account: Account) -> dict[str, str]:
    """What a login gives everybody; nothing of the server's own environment goes to people."""
    path = PATH if account.uid == 0 else "/usr/local/bin:/usr/bin:/bin"
    environment = {
        "HOME": account.home,
        "USER": account.name,
        "LOGNAME": account.name,
        "SHELL": account.shell or "/bin/sh",
    }
    lang = os.environ.get("LANG", "C.UTF-8")
    return {**environment, "PATH": path, "LANG": lang}


async def start(argv: Sequence[str], environment: Mapping[str, str], watch: float = WATCH) -> None:
    """Returns when the program has ended well (it made itself a daemon) or has run for ``watch`` seconds.

    It has a session and process group of its own, no descriptor of ours, and nothing to read. NoLink, with what it
    said, where it ended badly. Its end is waited for, whenever it comes, so that it leaves no zombie.
    """
    errors = os.memfd_create("link-stderr")
    try:
        process = subprocess.Popen(  # noqa: ASYNC220  asyncio kills its children when the loop ends
            list(argv), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors, cwd="/",
            env=dict(environment), start_new_session=True, close_fds=True,
        )  # fmt: skip
    except OSError as error:
        os.close(errors)
        raise NoLink(f"{argv[0]}: {error.strerror}") from error
    try:
        ended = _reaped(process)
        with contextlib.suppress(TimeoutError):
            code = await asyncio.wait_for(asyncio.shield(ended), watch)
            if code != 0:
                said = (
                    os.pread(errors, _SHOWN, max(0, os.fstat(errors).st_size - _SHOWN)).decode(errors="replace").strip()
                )
                raise NoLink(said or f"{os.path.basename(argv[0])} ended with code {code}")
    finally:
        os.close(errors)


def _reaped(process: subprocess.Popen[bytes]) -> asyncio.Future[int]:
    """The exit code, once the process has ended; it is waited for even when nobody waits for the future."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[int] = loop.create_future()
    _running.add(process)

    def done() -> None:
        code = process.wait()
        _running.discard(process)
        if not ended.done():
            ended.set_result(code)

    try:
        descriptor = os.pidfd_open(process.pid)
    except OSError:  # Linux before 5.3
        threading.Thread(target=_wait, args=(process, loop, done), daemon=True).start()
        return ended

    def readable() -> None:
        loop.remove_reader(descriptor)
        os.close(descriptor)
        done()

    loop.add_reader(descriptor, readable)
    return ended


def _wait(process: subprocess.Popen[bytes], loop: asyncio.AbstractEventLoop, done: object) -> None:
    process.wait()
    with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
        loop.call_soon_threadsafe(done)  # type: ignore[arg-type]
