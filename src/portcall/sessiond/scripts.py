"""A profile's event scripts: run as the session's user beside the session, and at its end before the display goes.

Loaded only where one is set. A script is a process session of its own with the session's mark, so whatever it leaves
behind ends with the session; nobody waits for one but the end for ``on_terminate``.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
from typing import Any, Callable

from portcall.errors import PortcallError
from portcall.model.start import FAREWELL, RESERVED_PARAMS
from portcall.sessiond import log, processes
from portcall.sessiond.command import posix_shell
from portcall.sessiond.context import Context
from portcall.sessiond.spawn import fork_at_home, on_exit

_MOST = 16  # at once: viewers may come and go for ever beside a script that hangs
_LAST = "on_terminate"  # its name in the record


class Scripts:
    """What happened is told to it; none of its methods raises, or waits."""

    def __init__(self, context: Context, farewell: float = FAREWELL) -> None:
        self._context, self._farewell = context, farewell
        self._running: set[int] = set()
        self._over = False
        self._on_done: Callable[[], Any] | None = None

    def started(self) -> None:
        """The session runs; viewers may have come before."""
        self._run("start")
        if self._context.record.session.clients:
            self._run("connect")

    def viewers(self, count: int) -> None:
        """So many look at it now."""
        record = self._context.record
        before = record.session.clients
        if count == before:
            return
        record.change(clients=count)
        if self._runs():
            with contextlib.suppress(PortcallError):  # a full disk: a daemon after us may run one again
                self._context.save()
            self._run("connect" if count > before else "disconnect")

    def params(self, before: dict[str, Any]) -> None:
        """They were other ones; what the server writes of its clients is no news."""
        now = self._context.record.session.params
        names = [name for name in {**before, **now} if name == "name" or name not in RESERVED_PARAMS]
        changed = {name: now.get(name) for name in names if before.get(name) != now.get(name)}
        if changed and self._runs():
            self._run("params", {"PORTCALL_PARAMS": json.dumps(changed, sort_keys=True)})

    def terminate(self, on_done: Callable[[], Any]) -> None:
        """``on_done`` once its script is over, or was killed for taking too long. It is run once, whatever daemon
        began it; a session that never ran has nothing to take back."""
        context, record = self._context, self._context.record
        runs, self._over, self._on_done = self._runs(), True, on_done
        if _LAST in record.processes:
            on_exit(context.loop, record.processes[_LAST], False, lambda _code: self._done())
        elif runs and (pid := self._run("terminate", {"PORTCALL_REASON": record.ending or ""})):
            with contextlib.suppress(PortcallError):
                context.note(_LAST, pid)
        else:
            self._done()
            return
        context.loop.after(self._farewell, self._too_long)

    def pids(self) -> set[int]:
        """Of scripts, and of what they have started: no windows are expected of them."""
        return {pid for pid, status in processes.own().items() if status.session in self._running}

    def _runs(self) -> bool:
        return self._context.record.phase == "running" and not self._over

    def _run(self, event: str, variables: dict[str, str] | None = None) -> int:
        """Its pid; 0 where there is none, or it cannot be run."""
        context, record = self._context, self._context.record
        text = context.script(event)
        if not text:
            return 0
        if len(self._running) >= _MOST and not self._over:
            self._say(f"on_{event} was not run: {_MOST} scripts of this session have not ended yet")
            return 0
        environment = {
            **context.environment(), "PORTCALL_EVENT": event, "PORTCALL_PROFILE": record.session.profile,
            "PORTCALL_CLIENTS": str(record.session.clients), **(variables or {}),
        }  # fmt: skip
        try:
            program, *arguments = self._argv(event, text.replace("\r\n", "\n").strip("\n"))
            with open("/dev/null", "rb") as null, open(log.open_append(context.place / "log"), "ab") as output:
                stdio = (null.fileno(), output.fileno(), output.fileno())
                pid = fork_at_home(context.account, program, [program, *arguments], environment, stdio)
        except OSError as error:
            self._say(f"on_{event} was not run: {error.strerror}")
            return 0
        self._running.add(pid)
        context.loop.child(pid, lambda code: self._ended(event, pid, code))
        return pid

    def _argv(self, event: str, text: str) -> list[str]:
        """One line is the shell's; more are a file, run by what its first line names: /tmp may allow no programs. So is
        what an argument could not hold in whatever locale this process has."""
        if "\n" not in text and text.isascii():
            return [posix_shell(), "-c", text]
        path = self._context.place / f"on_{event}"
        draft = f"{path}.new"  # one that runs may still be read
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft)
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o700), "wb") as file:
            file.write(f"{text}\n".encode())
        os.replace(draft, path)
        first = text.partition("\n")[0]
        interpreter = first[2:].split(None, 1) if first.startswith("#!") else []
        return [*([word.strip() for word in interpreter] or [posix_shell()]), path]

    def _ended(self, event: str, pid: int, code: int) -> None:
        self._running.discard(pid)
        last = event == "terminate" and self._on_done is not None
        if code and (last or not self._over):  # else it ended with the session
            self._say(f"on_{event} ended with {f'exit code {code}' if code > 0 else f'signal {-code}'}")
        if last:
            self._done()

    def _too_long(self) -> None:
        one = self._context.record.processes[_LAST]
        if self._on_done is None:
            return
        self._say(f"{_LAST} did not end within {self._farewell:g} seconds")
        if processes.alive(one):
            with contextlib.suppress(OSError):
                os.killpg(one.pid, signal.SIGKILL)
        self._done()

    def _done(self) -> None:
        """Once."""
        on_done, self._on_done = self._on_done, None
        if on_done is not None:
            on_done()

    def _say(self, words: str) -> None:
        """Where the scripts' own words are."""
        with contextlib.suppress(OSError), open(log.open_append(self._context.place / "log"), "a") as file:
            file.write(f"portcall: {words}\n")
