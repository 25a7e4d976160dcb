"""A real server process in folders of a test's own: started, killed, started again."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import re
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from portcall.client.address import Address
from portcall.client.api import Client
from portcall.testing.ports import free_port
from tests.features.waiting import removed, until

READY_WITHIN = ENDED_WITHIN = 60.0
_LINK = re.compile(r"http\S+/#token=\S+")


class Server:
    """``mode`` is ``service`` or ``one-person``; ``user`` is the account it is started as (empty: oneself).

    All is below ``folder``: config, var and run, and ``log`` for what it prints. ``settings`` become flags.
    """

    def __init__(
        self, program: Path, mode: str = "service", user: str = "", environment: Mapping[str, str] | None = None,
        **settings: object,
    ) -> None:  # fmt: skip
        self.program, self.mode, self.user = program, mode, user
        self.settings: dict[str, object] = {"host": "127.0.0.1", "port": free_port(), **settings}
        self.environment = dict(environment or {})
        self.folder = Path(tempfile.mkdtemp(prefix="pct-server-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.config, self.var, self.run = (self.folder / name for name in ("config", "var", "run"))
        owner = pwd.getpwnam(user) if user else pwd.getpwuid(os.geteuid())
        for place in (self.config, self.var, self.run):
            place.mkdir(mode=0o755)
            os.chown(place, owner.pw_uid, owner.pw_gid)
        self.log = self.folder / "log"
        self.process: subprocess.Popen[bytes] | None = None
        self._token = ""

    # life

    def start(self) -> Server:
        """Returns once it says that it is ready (sd_notify)."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
            path = self.folder / "ready"
            path.unlink(missing_ok=True)
            ready.bind(str(path))
            path.chmod(0o666)
            ready.settimeout(READY_WITHIN)
            with self.log.open("ab") as output:
                self.process = subprocess.Popen(
                    self._argv(), stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=self._environment(path),
                    cwd="/", user=self.user if self._as_other else None, group=self._group, extra_groups=self._groups,
                )  # fmt: skip
            try:
                assert ready.recv(100) == b"READY=1"
            except TimeoutError:
                self.kill()
                raise AssertionError(f"the server did not become ready: {self.said()}") from None
        if self.settings["port"] == 0:
            self.settings["port"] = int(self.url.rsplit(":", 1)[1].split("/")[0])  # the same again after a restart
        return self

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(ENDED_WITHIN)
            self.process = None

    def remove(self) -> None:
        """The server, the links and sessions to it that are left, and all its files."""
        self.stop()
        for one in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if str(self.run / "server.sock") in one.cmdline():
                    one.terminate()
        until(lambda: removed(self.folder), f"nothing writes to {self.folder} any more")

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.remove()

    # what it says

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def public(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.run / "public.json").read_text())
        return document

    @property
    def url(self) -> str:
        """The address, with its prefix."""
        return str(self.public["url"])

    @property
    def link(self) -> str:
        """The link that lets one person in, the newest one printed."""
        return _LINK.findall(self.said())[-1]

    def said(self) -> str:
        return self.log.read_text()

    def audit(self) -> list[dict[str, Any]]:
        path = self.var / "audit.log"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    # clients

    def administered_by(self, *names: str) -> None:
        """These people are its administrators from now on, and all others full users."""
        lines = "".join(f'"{name}" = "admin"\n' for name in names)
        (self.config / "permissions.toml").write_text(f"[users]\n{lines}")

    def login(self, name: str, password: str, method: str = "pam") -> Client:
        """A client with a token, by the name's password."""
        with self.anonymous() as client:
            stage = client.login(method=method, user=name, password=password)
        assert stage["stage"] == "success", stage
        return self.client(stage["token"])

    def by_link(self) -> Client:
        """A client of the one person; the link is used up by the first."""
        if not self._token:
            with self.anonymous() as client:
                stage = client.login(method="token", token=self.link.rsplit("#token=", 1)[1])
            self._token = str(stage["token"])
        return self.client(self._token)

    def client(self, token: str) -> Client:
        return Client(Address(self.url, given=True), token)

    def anonymous(self) -> Client:
        return Client(Address(self.url, given=True))

    # how it is started

    @property
    def _as_other(self) -> bool:
        """A service is started as its user; one person's server becomes that person itself (``--user``)."""
        return bool(self.user) and self.mode == "service" and os.geteuid() == 0

    @property
    def _group(self) -> int | None:
        return pwd.getpwnam(self.user).pw_gid if self._as_other else None

    @property
    def _groups(self) -> list[int] | None:
        return [] if self._as_other else None

    def _argv(self) -> list[str]:
        flags = [f"--{name.replace('_', '-')}={_word(value)}" for name, value in self.settings.items()]
        who = ["--user", self.user] if self.user and self.mode != "service" else []
        mode = [] if who else [f"--{self.mode}"]
        return [str(self.program), "server", *mode, *who, "--runtime-dir", str(self.run), *flags]

    def _environment(self, ready: Path) -> dict[str, str]:
        return {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8",
            "HOME": str(self.folder), "FX_CONFIG_DIR": str(self.config), "FX_VAR_DIR": str(self.var),
            "NOTIFY_SOCKET": str(ready), "PYTHONDONTWRITEBYTECODE": "1", **self.environment,
        }  # fmt: skip


def _word(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
