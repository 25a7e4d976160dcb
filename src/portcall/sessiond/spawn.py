"""Makes processes: display and helpers by posix_spawn, the command by fork, so that a home hangs in the child."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from typing import Any, Callable, Mapping, NoReturn, Sequence

from portcall.model.user import Account
from portcall.sessiond.loop import READ, Loop
from portcall.sessiond.processes import Process, alive

_LIBC = ctypes.CDLL(None)  # loaded once, before any fork
_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG, linux/prctl.h
_RESET = sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})


def spawn(argv: Sequence[str], environment: Mapping[str, str], output: int, keep: int = -1) -> int:
    """A program in a session of its own, reading nothing; ``keep`` is a descriptor that it inherits.

    Signals are as a shell would have them: an ignored SIGCHLD would be inherited, and Xvnc then loses its xkbcomp.
    """
    if keep >= 0:
        os.set_inheritable(keep, True)
    try:
        return os.posix_spawn(
            argv[0], list(argv), dict(environment), setsid=True, setsigmask=[], setsigdef=_RESET,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, output, 1),
                (os.POSIX_SPAWN_DUP2, output, 2),
            ],
        )  # fmt: skip
    finally:
        if keep >= 0:
            os.set_inheritable(keep, False)


def fork_at_home(
    account: Account, program: str, argv: Sequence[str], environment: Mapping[str, str], stdio: tuple[int, int, int],
    dies_with_us: bool = False,
) -> int:  # fmt: skip
    """A program in the user's home, or in / where the home is not there (a line on its stderr says so)."""
    pid = os.fork()
    if pid == 0:
        try:
            if dies_with_us:
                _LIBC.prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
            _become(account, program, argv, environment, stdio)
        finally:
            os._exit(127)
    return pid


def _become(
    account: Account, program: str, argv: Sequence[str], environment: Mapping[str, str], stdio: tuple[int, int, int]
) -> NoReturn:
    reset_signals()
    os.setsid()
    moved = [os.dup(descriptor) for descriptor in stdio]
    for target, descriptor in enumerate(moved):
        os.dup2(descriptor, target)
    close_others(())
    try:
        os.chdir(account.home)  # may hang for ever: only this child does
    except OSError as error:
        os.write(2, f"portcall: {account.home}: {error.strerror}; starting in /\n".encode())
        os.chdir("/")
    try:
        os.execve(program, list(argv), dict(environment))
    except OSError as error:
        os.write(2, f"{program}: {error.strerror}\n".encode())
        os._exit(126 if isinstance(error, PermissionError) else 127)


def reset_signals() -> None:
    for number in _RESET:
        if signal.getsignal(number) is not signal.SIG_DFL:
            with contextlib.suppress(OSError, ValueError):
                signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def close_others(keep: Sequence[int]) -> None:
    """Close all descriptors but 0, 1, 2 and ``keep``."""
    for name in os.listdir("/proc/self/fd"):
        descriptor = int(name)
        if descriptor > 2 and descriptor not in keep:
            with contextlib.suppress(OSError):
                os.close(descriptor)


def on_exit(loop: Loop, process: Process, ours: bool, call: Callable[[int | None], Any]) -> None:
    """``call`` once it has ended; with its exit code where it was our child, else with None."""
    if ours:
        loop.child(process.pid, call)
        return
    try:
        descriptor = os.pidfd_open(process.pid)
    except OSError:  # gone already, or a kernel before 5.3
        _poll(loop, process, call)
        return
    if not alive(process):
        os.close(descriptor)
        loop.after(0, lambda: call(None))
        return

    def ended(_events: int) -> None:
        loop.forget(descriptor)
        os.close(descriptor)
        call(None)

    loop.watch(descriptor, READ, ended)


def _poll(loop: Loop, process: Process, call: Callable[[int | None], Any]) -> None:
    if alive(process):
        loop.after(2, lambda: _poll(loop, process, call))
    else:
        loop.after(0, lambda: call(None))
