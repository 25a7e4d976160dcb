"""Runs a command as the user for the server: argv, input, environment in; exit code and output back."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from typing import Any, Callable

from portcall.errors import PortcallError, StartFailed
from portcall.model.user import Account
from portcall.sessiond import environment
from portcall.sessiond.loop import READ, WRITE, Loop
from portcall.sessiond.spawn import fork_at_home
from portcall.wire import messages

_MOST_OUTPUT = 1024 * 1024
_TIMED_OUT = 124  # as timeout(1) has it


class Command:
    """One run. ``on_done`` gets ``{code, stdout, stderr}``; after the time limit its whole process group is killed."""

    def __init__(
        self, loop: Loop, account: Account, request: messages.RunCommand, on_done: Callable[[dict[str, Any]], Any]
    ) -> None:
        self._loop, self._on_done = loop, on_done
        self._output: dict[int, bytearray] = {}
        self._input = request.stdin.encode()
        self._code: int | None = None
        self._timed_out = self._done = False
        variables = {**environment.login(account, os.environ), **request.environment}
        program = shutil.which(request.argv[0], path=variables["PATH"]) if request.argv else None
        if program is None:
            raise StartFailed(_not_run(request.argv[0] if request.argv else "the command", account))
        ends = [os.pipe2(os.O_CLOEXEC) for _ in range(3)]
        self._stdin, self._stdout, self._stderr = ends[0][1], ends[1][0], ends[2][0]
        theirs = (ends[0][0], ends[1][1], ends[2][1])
        self._pid = fork_at_home(account, program, request.argv, variables, theirs, dies_with_us=request.bound)
        for descriptor in theirs:
            os.close(descriptor)
        for descriptor in (self._stdout, self._stderr):
            self._output[descriptor] = bytearray()
            loop.watch(descriptor, READ, lambda _events, descriptor=descriptor: self._read(descriptor))  # type: ignore[misc]
        os.set_blocking(self._stdin, False)
        loop.watch(self._stdin, WRITE, lambda _events: self._write())
        loop.child(self._pid, self._exited)
        self._name, self._seconds = request.argv[0], request.timeout
        self._limit = loop.after(request.timeout, self._late)

    def _write(self) -> None:
        try:
            self._input = self._input[os.write(self._stdin, self._input[:65_536]) :]
        except BlockingIOError:
            return
        except OSError:
            self._input = b""
        if not self._input:
            self._close(self._stdin)
            self._stdin = -1

    def _read(self, descriptor: int) -> None:
        data = os.read(descriptor, 65_536)
        kept = self._output[descriptor]
        kept += data[: _MOST_OUTPUT - len(kept)]
        if not data:
            self._close(descriptor)
            self._finish_if_over()

    def _exited(self, code: int) -> None:
        self._code = code
        # what it left in the background may hold its output open for ever
        self._loop.after(0.2, self._finish)
        self._finish_if_over()

    def _finish_if_over(self) -> None:
        if self._code is not None and not any(self._open(descriptor) for descriptor in self._output):
            self._finish()

    def _finish(self) -> None:
        if self._done or self._code is None:
            return
        self._done = True
        self._limit.cancel()
        for descriptor in (self._stdin, *self._output):
            self._close(descriptor)
        stdout, stderr = (bytes(self._output[one]).decode(errors="replace") for one in (self._stdout, self._stderr))
        code = _TIMED_OUT if self._timed_out else self._code if self._code >= 0 else 128 - self._code
        if self._timed_out:
            stderr += f"{self._name}: the time limit of {self._seconds:g} s was reached\n"
        self._on_done({"code": code, "stdout": stdout, "stderr": stderr})

    def kill(self) -> None:
        """With all that it started and that has not left its process group."""
        if self._code is None:
            with contextlib.suppress(OSError):
                os.killpg(self._pid, signal.SIGKILL)

    def _late(self) -> None:
        self._timed_out = True
        self.kill()

    def _open(self, descriptor: int) -> bool:
        return descriptor in self._loop

    def _close(self, descriptor: int) -> None:
        if descriptor >= 0 and descriptor in self._loop:
            self._loop.forget(descriptor)
            os.close(descriptor)


def _not_run(program: str, account: Account) -> str:
    if not os.path.exists(program):  # nor is anything to be seen in a directory that is closed
        return f"{program}: there is no such program, or not for {account.name}"
    return f"{program}: it may not be run by {account.name}"


def refusal(error: PortcallError) -> dict[str, Any]:
    """The answer for a command that could not be begun, as a shell would give it."""
    return {"code": 127, "stdout": "", "stderr": error.detail + "\n"}
