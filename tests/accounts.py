"""Linux users for tests that need other people. Needs root."""

from __future__ import annotations

import contextlib
import pwd
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

_UIDS = range(20_000, 60_000)  # useradd would give the last one's uid again, and with it what others have left of it
_TAKEN = 4  # useradd's exit code for a uid that is somebody's
_SHARED = ("/tmp", "/tmp/.X11-unix", "/dev/shm", "/var/tmp")


@dataclass(frozen=True)
class Account:
    name: str
    uid: int
    gid: int
    home: Path
    password: str

    @classmethod
    def make(cls) -> Account:
        """A user of a name and a uid that no one has, with a home of mode 0700 and bash; nothing here is theirs yet."""
        name = f"pct-{secrets.token_hex(4)}"
        password = secrets.token_urlsafe(12)
        useradd = ["useradd", "--create-home", "--shell", "/bin/bash", "--user-group"]
        while (done := subprocess.run([*useradd, "--uid", str(_free_uid()), name], check=False)).returncode == _TAKEN:
            continue
        done.check_returncode()
        subprocess.run(["chpasswd"], input=f"{name}:{password}\n", text=True, check=True)
        record = pwd.getpwnam(name)
        home = Path(record.pw_dir)
        home.chmod(0o700)
        return cls(name, record.pw_uid, record.pw_gid, home, password)

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Runs a command as this user, with an environment of their own; its output is returned."""
        return subprocess.run(
            command,
            user=self.uid,
            group=self.gid,
            extra_groups=[],
            cwd=self.home,
            env={
                "HOME": str(self.home),
                "USER": self.name,
                "LOGNAME": self.name,
                "PATH": "/usr/local/bin:/usr/bin:/bin",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def remove(self) -> None:
        """With all that runs as this user, and all that it has outside of its home."""
        while living := [one for one in psutil.process_iter() if _lives_as(one, self.uid)]:
            for one in living:
                with contextlib.suppress(psutil.Error):
                    one.kill()
            psutil.wait_procs(living, 1.0)  # and again: they may have made others while they were being killed
        for path in _belongings(self.uid):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
        subprocess.run(["userdel", "--force", "--remove", self.name], check=True, stderr=subprocess.DEVNULL)


def _free_uid() -> int:
    """One that nobody has, and that no file which another test has left belongs to."""
    return next(uid for uid in iter(lambda: secrets.choice(_UIDS), None) if not any(_belongings(uid)))


def _lives_as(one: psutil.Process, uid: int) -> bool:
    with contextlib.suppress(psutil.Error):
        return one.uids().real == uid and one.status() != psutil.STATUS_ZOMBIE
    return False


def _belongings(uid: int) -> Iterator[Path]:
    for folder in _SHARED:
        for path in Path(folder).glob("*"):
            with contextlib.suppress(OSError):
                if path.lstat().st_uid == uid:
                    yield path
