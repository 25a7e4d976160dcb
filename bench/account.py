"""Who measures: an ordinary account. Root's login scripts are no measure, and a service's users are not root."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import tools


def run(main: Callable[[], None]) -> None:
    """``main``, by root in a process of an account that is made for it and taken away again."""
    tools.build_all()
    if os.geteuid() != 0:
        main()
        return
    with _account() as account:
        child = os.fork()
        if child == 0:
            os._exit(_as(account, main))
        _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status))


@contextlib.contextmanager
def _account() -> Iterator[pwd.struct_passwd]:
    name = f"pcbench{os.getpid()}"
    home = tempfile.mkdtemp(prefix="pcb-home-", dir="/tmp")
    subprocess.run(["useradd", "--home-dir", home, "--shell", "/bin/bash", name], check=True, capture_output=True)
    account = pwd.getpwnam(name)
    try:
        for skeleton in Path("/etc/skel").iterdir():
            shutil.copy(skeleton, home)
        os.chown(home, account.pw_uid, account.pw_gid)
        yield account
    finally:
        subprocess.run(["userdel", "--force", name], check=False, capture_output=True)
        for left in (home, f"/tmp/portcall-{account.pw_uid}"):
            shutil.rmtree(left, ignore_errors=True)


def _as(account: pwd.struct_passwd, main: Callable[[], None]) -> int:
    os.setgroups([account.pw_gid])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    os.environ.update(HOME=account.pw_dir, USER=account.pw_name, LOGNAME=account.pw_name)
    if not all(os.access(path, os.R_OK | os.X_OK) for path in (sys.executable, tools.TOP)):
        print(f"{tools.TOP} and its .venv must be readable by other accounts: as root, one of those measures")
        return 1
    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except (Exception, KeyboardInterrupt):  # noqa: BLE001 - nothing is above this in the child
        sys.excepthook(*sys.exc_info())
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0
