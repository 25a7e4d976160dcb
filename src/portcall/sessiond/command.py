"""The command of a session: run by the user's login shell, in the home, after the login scripts."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import Any, Callable

from portcall.displays.base import program
from portcall.errors import StartFailed
from portcall.sessiond import environment, log, processes
from portcall.sessiond.context import Context, quote
from portcall.sessiond.loop import READ
from portcall.sessiond.spawn import fork_at_home, on_exit

_SETTLE = 0.1  # seconds after which a command that has neither started a program nor ended counts as started


class CommandProcess:
    """``on_started`` once the login scripts are through and the command runs; ``on_ended`` gets its exit code.

    The login shell is given one line that every shell understands, which runs ``command`` in the session's directory by
    /bin/sh: that writes to the pipe ``ready`` and becomes the user's shell with the user's command. (An inherited
    descriptor would not do: csh closes them.)
    """

    def __init__(self, context: Context, on_started: Callable[[], Any], on_ended: Callable[[int | None], Any]) -> None:
        self._context, self._on_started, self._on_ended = context, on_started, on_ended
        self._ready = -1
        self._pid = 0
        self._ended = self.logged_in = False

    def start(self) -> None:
        """StartFailed where it cannot be."""
        context = self._context
        try:
            self._prepare()
            output = log.open_append(context.place / "log")
            null = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise StartFailed(f"the session's directory cannot be written: {error.strerror}") from error
        shell = context.account.shell or posix_shell()
        argv = [f"-{os.path.basename(shell)}", "-c", f"exec {posix_shell()} {quote(context.place / 'command')}"]
        try:
            stdio = context.stdio or (null, output, output)
            self._pid = fork_at_home(context.account, shell, argv, context.environment(), stdio)
        except OSError as error:
            raise StartFailed(f"the command cannot be started: {error.strerror}") from error
        finally:
            os.close(output)
            os.close(null)
        context.loop.child(self._pid, self._exited)
        context.loop.watch(self._ready, READ, lambda _events: self._scripts_done())
        context.note("command", self._pid)

    def resume(self) -> None:
        """Go on with the command that runs; its exit code cannot be known."""
        process = self._context.record.processes["command"]
        self._pid = process.pid
        on_exit(self._context.loop, process, False, self._exited)

    def late(self) -> str:
        """What it waits for, for the user."""
        account = self._context.account
        if self.logged_in:
            return "the command did not start"
        if processes.program(self._pid) == processes.program(os.getpid()):  # still before the exec
            return f"the home {account.home} did not answer"
        return f"the login scripts of {os.path.basename(account.shell)} did not finish"

    def _prepare(self) -> None:
        place, shell = self._context.place, self._context.account.shell or posix_shell()
        for name in ("ready", "command"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(place / name)
        os.mkfifo(place / "ready", 0o600)
        self._ready = os.open(place / "ready", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        prefix = f"{quote(_vglrun() or '')} +wm " if open_gl(self._context) == "virtualgl" else ""
        command = quote(self._context.record.order.command)
        path = environment.images_path(os.environ)
        paths = f'PATH={quote(path)}:"$PATH"; export PATH\n' if path else ""
        text = f"echo >{quote(place / 'ready')}\n{paths}exec {prefix}{quote(shell)} -c {command}\n"
        with open(os.open(place / "command", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as file:
            file.write(text)

    def _scripts_done(self) -> None:
        self._close_ready()
        self.logged_in = True
        self._look(0.001, _SETTLE)

    def _look(self, wait: float, left: float) -> None:
        """Started is what executes something else than the shells; a command that is not there ends before that."""
        if self._ended:
            return
        if left <= 0 or self._runs_program():
            for name in ("ready", "command"):
                with contextlib.suppress(OSError):
                    os.unlink(self._context.place / name)
            self._on_started()
        else:
            self._context.loop.after(wait, lambda: self._look(min(0.01, wait * 2), left - wait))

    def _runs_program(self) -> bool:
        shells = {os.path.realpath(self._context.account.shell or "/bin/sh"), os.path.realpath(posix_shell()), ""}
        return any(processes.program(pid) not in shells for pid in (self._pid, *processes.children(self._pid)))

    def _exited(self, code: int | None) -> None:
        self._ended = True
        if self._ready >= 0:  # both may be heard in the same moment, the end first
            with contextlib.suppress(OSError):
                self.logged_in = bool(os.read(self._ready, 1))
        self._close_ready()
        self._on_ended(code)

    def _close_ready(self) -> None:
        if self._ready >= 0:
            self._context.loop.forget(self._ready)
            os.close(self._ready)
            self._ready = -1


def posix_shell() -> str:
    """Ours only where the image of a container has none."""
    return "/bin/sh" if os.path.exists("/bin/sh") else program("sh") or "/bin/sh"


def open_gl(context: Context) -> str:
    """What draws OpenGL in this session: none, software or virtualgl."""
    if not context.limit("open_gl", True):
        return "none"
    return "virtualgl" if _vglrun() else "software"


def _vglrun() -> str | None:
    return shutil.which("vglrun", path="/usr/local/bin:/usr/bin:/opt/VirtualGL/bin")
