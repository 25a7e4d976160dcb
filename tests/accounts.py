"""Linux users for tests that need other people. Needs root."""

from __future__ import annotations

import pwd
import secrets
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Account:
    name: str
    uid: int
    gid: int
    home: Path
    password: str

    @classmethod
    def make(cls) -> Account:
        """A user of a name that no one has, with a home of mode 0700 and bash."""
        name = f"pct-{secrets.token_hex(4)}"
        password = secrets.token_urlsafe(12)
        subprocess.run(["useradd", "--create-home", "--shell", "/bin/bash", "--user-group", name], check=True)
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
        subprocess.run(["pkill", "-KILL", "-U", str(self.uid)], check=False)
        subprocess.run(["userdel", "--force", "--remove", self.name], check=True, stderr=subprocess.DEVNULL)
