"""Runs a program as a user, within a PAM session: opens it, becomes the user in a child, waits, closes it.

``python -m portcall.links._pam_session --service=NAME USER -- PROGRAM …``; an empty name opens no session. Limits,
groups, umask and environment are what PAM and the account say. The session is closed when the program has ended,
however it ended.
"""

from __future__ import annotations

import os
import pwd
import signal
import sys

from portcall import libpam

_UNFIT = 120  # could not become the user
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main(argv: list[str]) -> int:
    service, user, program = _parse(argv)
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        return _fail(f"there is no account {user!r}")
    transaction = None
    environment: dict[str, str] = {}
    try:
        if service:
            transaction = libpam.Transaction(service, user, lambda messages: [None] * len(messages))
            transaction.set_item(libpam.TTY, "portcall")
            transaction.check_account()
            os.initgroups(account.pw_name, account.pw_gid)  # before: pam_group adds to them
            transaction.set_credentials(libpam.ESTABLISH_CRED)
            transaction.open_session()
            environment = transaction.environment()
    except libpam.PamError as error:
        if transaction is not None:
            transaction.end()
        return _fail(f"PAM (service {service}) refuses a session for {user}: {error}")
    if transaction is None:
        _become(account, environment, program, initgroups=True)  # there is nothing to wait for
        return _UNFIT
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)  # until they are passed on: the session must be closed
    child = os.fork()
    if child == 0:
        os.setsid()  # a group of its own: a signal for this process's does not reach it
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        _become(account, environment, program, initgroups=False)
    code = _wait(child)
    try:
        transaction.close_session()
        transaction.set_credentials(libpam.DELETE_CRED)
    except libpam.PamError as error:
        _fail(f"closing the PAM session of {user}: {error}")
    transaction.end()
    return code


def _become(account: pwd.struct_passwd, pam: dict[str, str], program: list[str], initgroups: bool) -> None:
    """Does not return."""
    try:
        if initgroups:
            os.initgroups(account.pw_name, account.pw_gid)
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
        if account.pw_uid != 0 and 0 in os.getresuid():
            raise PermissionError("still root")
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": os.environ.get("LANG", "C.UTF-8"),
            **pam,
            "HOME": account.pw_dir,
            "USER": account.pw_name,
            "LOGNAME": account.pw_name,
            "SHELL": account.pw_shell or "/bin/sh",
        }
        os.chdir("/")  # not the home: it may hang, and a link works without it
        os.execve(program[0], program, environment)
    except (OSError, ValueError) as error:
        _fail(f"{program[0]} as {account.pw_name}: {error}")
    finally:
        os._exit(_UNFIT)


def _wait(child: int) -> int:
    """The child's exit code. A signal that would end this process is passed on instead, and forgotten afterwards."""
    over = False

    def pass_on(number: int, _frame: object) -> None:
        if not over:
            os.kill(child, number)

    for number in _SIGNALS:
        signal.signal(number, pass_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    quiet = os.open("/dev/null", os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(quiet, descriptor)
    os.close(quiet)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    over = True  # its number may be another's once it is waited for
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _parse(argv: list[str]) -> tuple[str, str, list[str]]:
    if len(argv) < 4 or not argv[0].startswith("--service=") or argv[2] != "--":
        raise SystemExit(_fail("usage: --service=NAME USER -- PROGRAM …"))
    return argv[0].removeprefix("--service="), argv[1], argv[3:]


def _fail(text: str) -> int:
    print(text, file=sys.stderr, flush=True)
    return _UNFIT


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
