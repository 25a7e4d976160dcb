"""People of this host with a command line of their own, and what they leave behind."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from portcall.client.api import Client
from portcall.errors import NoSuchSession
from portcall.model.session import Session
from portcall.model.start import StartRequest
from tests.accounts import Account
from tests.features.server import Server
from tests.features.waiting import WITHIN, until

_THEIR_OWN = ("xtermXX", "dbus-", "dconf")  # what programs that are ended leave in /tmp, wherever they run


@dataclass(frozen=True)
class Person:
    """Somebody with an account on this host; ``program`` is the ``portcall`` that they run."""

    name: str
    uid: int
    gid: int
    home: Path
    password: str
    program: Path

    @classmethod
    def of(cls, account: Account, program: Path) -> Person:
        return cls(account.name, account.uid, account.gid, account.home, account.password, program)

    @classmethod
    def oneself(cls, program: Path, home: Path) -> Person:
        """``home`` is for the files of tests: one's own is left alone."""
        entry = pwd.getpwuid(os.geteuid())
        return cls(entry.pw_name, entry.pw_uid, entry.pw_gid, home, "", program)

    @property
    def base(self) -> Path:
        """The user's runtime directory."""
        return Path(f"/tmp/portcall-{self.uid}")

    def place(self, session_id: str) -> Path:
        return self.base / "sessions" / session_id

    # doing things

    def login(self, server: Server) -> Client:
        return server.by_link() if server.mode == "one-person" else server.login(self.name, self.password)

    def start(self, server: Server, command: str, **members: Any) -> Session:
        """A session that runs, started through the API."""
        with self.login(server) as client:
            answer = client.start(StartRequest(command, **members))
            return client.session(answer["result"]["id"])

    def popen(
        self, *command: str | Path, environment: Mapping[str, str] | None = None, **options: Any
    ) -> subprocess.Popen[str]:
        """A program as this person, in the home, with an environment of its own; who asks for it ends it and closes
        its pipes, as ``running`` and ``run`` do."""
        other = self.uid != os.geteuid()
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.Popen(
            command, user=self.uid if other else None, group=self.gid if other else None,
            extra_groups=os.getgrouplist(self.name, self.gid) if other else None,
            cwd=self.home, env=self.environment | dict(environment or {}), text=True, **options,
        )  # fmt: skip

    @contextlib.contextmanager
    def running(self, *command: str | Path, **options: Any) -> Iterator[subprocess.Popen[str]]:
        """A program that runs beside the test; it is killed if it still does at the end."""
        with self.popen(*command, **options) as process:
            try:
                yield process
            finally:
                process.kill()

    def run(
        self, *command: str | Path, environment: Mapping[str, str] | None = None, text: str | None = None,
        within: float = 60.0, **options: Any,
    ) -> subprocess.CompletedProcess[str]:  # fmt: skip
        given = {} if text is None else {"stdin": subprocess.PIPE}
        with self.popen(*command, environment=environment, **given, **options) as process:
            try:
                out, err = process.communicate(text, within)
            except BaseException:
                process.kill()
                raise
            return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def portcall(
        self, server: Server | None, *arguments: str, environment: Mapping[str, str] | None = None, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """The command line; without a server it asks the session daemons."""
        return self.run(self.program, *arguments, environment=self.at(server) | dict(environment or {}), **options)

    def json(self, server: Server | None, *arguments: str, **options: Any) -> Any:
        """What a command prints, which must succeed."""
        done = self.portcall(server, *arguments, **options)
        assert done.returncode == 0, (done.args, done.stdout, done.stderr)
        return json.loads(done.stdout)

    def at(self, server: Server | None) -> dict[str, str]:
        return {"PORTCALL_RUNTIME_DIR": str(server.run)} if server else {}

    @property
    def environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.home), "USER": self.name, "LOGNAME": self.name, "SHELL": "/bin/bash", "LANG": "C.UTF-8",
            "PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip

    # what there is

    def processes(self, *names: str) -> list[psutil.Process]:
        """Those of this person that live, of these names (none: all)."""
        return [one for one in _living() if _uid(one) == self.uid and (not names or name_of(one) in names)]

    def of_session(self, session_id: str) -> list[psutil.Process]:
        """Those that belong to a session: by their environment or arguments; the daemon by its lock."""
        found = [one for one in self.processes() if session_id in " ".join(arguments_of(one) + _marks(one))]
        return found + [one for one in [self.daemon(session_id)] if one is not None and one not in found]

    def daemon(self, session_id: str) -> psutil.Process | None:
        """The session's own process: of that name, with the lock of its directory open."""
        lock = str(self.place(session_id))
        return next((one for one in self.processes("portcall-sess") if lock in _open_files(one)), None)

    def programs(self, session_id: str) -> dict[int, str]:
        """Pid → name of what runs in a session, its own process left out."""
        found = {one.pid: name_of(one) for one in self.of_session(session_id)}
        return {pid: name for pid, name in found.items() if name not in ("", "portcall-sess")}

    def settled(self, session_id: str) -> dict[int, str]:
        """``programs``, once none has come or gone for a while: what a shell runs at its start is over."""
        seen: list[dict[int, str]] = []

        def still() -> bool:
            seen.append(self.programs(session_id))
            return len(seen) > 20 and all(one == seen[-1] for one in seen[-20:])

        until(still, f"nothing comes and goes in {session_id}")
        return seen[-1]

    def program_of(self, session_id: str, name: str) -> psutil.Process:
        """The session's program of that name: a command is a shell before it is what it executes."""

        def found() -> psutil.Process | None:
            return next((one for one in self.of_session(session_id) if name_of(one) == name), None)

        return until(found, f"{name} runs in {session_id}")  # type: ignore[return-value]

    def link(self, server: Server) -> psutil.Process | None:
        """The link to that server."""
        socket_path = str(server.run / "server.sock")
        found = {one.pid: one for one in self.processes("portcall-link") if socket_path in arguments_of(one)}
        # what it has just forked has its name yet
        return next((one for one in found.values() if _parent(one) not in found), None)

    def leavings(self, session_id: str, display: str | None = None) -> list[str]:
        """All that is left of a session; nothing, some time after it has ended."""
        found = [f"process {one.pid} {arguments_of(one)}" for one in self.of_session(session_id)]
        found += [f"directory {path}" for path in self.base.glob(f"sessions/*{session_id}*")]
        sockets = Path("/proc/net/unix").read_text(errors="replace").splitlines()
        found += [f"socket {line}" for line in sockets if session_id in line]
        if display:
            number = display.lstrip(":")
            found += [line for line in sockets if line.endswith(f"/tmp/.X11-unix/X{number}") and self._mine(number)]
            paths = (Path(f"/tmp/.X11-unix/X{number}"), Path(f"/tmp/.X{number}-lock"))
            found += [f"file {path}" for path in paths if owner_of(path) == self.uid]
        return found

    def clean(self, what: str, within: float = WITHIN) -> None:
        """Waits until nothing is left behind; AssertionError names what is."""
        try:
            until(lambda: not self.left_behind(), what, within)
        except AssertionError:
            raise AssertionError(f"left behind ({what}): {self.left_behind()}") from None

    def left_behind(self) -> list[str]:
        """All that this person has on this host beside home and link; for people made by the test."""
        others = [one for one in self.processes() if name_of(one) not in ("", "portcall-link")]
        found = [f"process {one.pid} {arguments_of(one)}" for one in others]
        for top in ("/tmp", "/tmp/.X11-unix", "/dev/shm", "/var/tmp", "/run/user"):
            with contextlib.suppress(FileNotFoundError):
                paths = [path for path in Path(top).iterdir() if path != self.base and owner_of(path) == self.uid]
                found += [f"file {path}" for path in paths if not path.name.startswith(_THEIR_OWN)]
        return found + [f"directory {path}" for path in self.base.glob("sessions/*")]

    def gone(self, session_id: str, display: str | None = None, within: float = WITHIN) -> None:
        """Waits until nothing is left of a session."""
        left: list[str] = []

        def nothing() -> bool:
            left[:] = self.leavings(session_id, display)
            return not left

        try:
            until(nothing, "nothing is left", within)
        except AssertionError:
            raise AssertionError(f"left behind by session {session_id}: {left}") from None

    def over(self, session_id: str, display: str | None = None) -> None:
        """Waits until a session that has no server to tell its end to is over: that and its log are kept for it."""

        def left() -> list[str]:
            daemon = self.daemon(session_id)
            told = [str(self.place(session_id)), f"process {daemon.pid if daemon else 0} ", "/control"]
            return [one for one in self.leavings(session_id, display) if not any(word in one for word in told)]

        until(lambda: not left(), f"nothing but the record is left of {session_id}")
        names = {"session.json", "log"}
        assert self.daemon(session_id) or {path.name for path in self.place(session_id).glob("*")} <= names

    def tidy(self) -> None:
        """Ends all that a person made by a test still has, and removes the runtime directory."""
        for one in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                one.send_signal(signal.SIGKILL)
        until(lambda: not self.processes(), f"the processes of {self.name} have ended")
        shutil.rmtree(self.base, ignore_errors=True)
        for top in ("/tmp", "/tmp/.X11-unix", "/dev/shm"):
            for path in Path(top).iterdir():
                if owner_of(path) == self.uid:
                    shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)

    def _mine(self, number: str) -> bool:
        return owner_of(Path(f"/tmp/.X11-unix/X{number}")) == self.uid


def states(client: Client) -> dict[str, str]:
    """Id → state of the client's own sessions."""
    return {one.id: one.state for one in client.sessions()}


def state(client: Client, session_id: str) -> str:
    with contextlib.suppress(NoSuchSession):
        return client.session(session_id).state
    return "gone"


def ended(client: Client, session_id: str, within: float = WITHIN) -> Session:
    """The session's record once it has ended."""
    until(lambda: client.session(session_id).state == "ended", f"session {session_id} has ended", within)
    return client.session(session_id)


def kill(one: psutil.Process) -> None:
    """-9, and gone: what it had open is closed."""
    with contextlib.suppress(psutil.NoSuchProcess):
        one.kill()
    until(lambda: not _lives(one), f"{one.pid} is gone")


def _living() -> Iterator[psutil.Process]:
    return (one for one in psutil.process_iter() if _lives(one))


def _lives(one: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return one.is_running() and one.status() != psutil.STATUS_ZOMBIE
    return False


def _uid(one: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return int(one.uids().real)
    return -1


def name_of(one: psutil.Process) -> str:
    """Empty where it has just ended, as what the others say."""
    with contextlib.suppress(psutil.Error):
        return str(one.name())
    return ""


def _parent(one: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return int(one.ppid())
    return -1


def arguments_of(one: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.Error):
        return list(one.cmdline())
    return []


def environment_of(one: psutil.Process) -> dict[str, str]:
    with contextlib.suppress(psutil.Error, OSError):
        return dict(one.environ())
    return {}


def _marks(one: psutil.Process) -> list[str]:
    return [value for name, value in environment_of(one).items() if name == "PORTCALL_SESSION_ID"]


def owner_of(path: Path) -> int:
    with contextlib.suppress(OSError):
        return path.lstat().st_uid
    return -1


def _open_files(one: psutil.Process) -> list[str]:
    """Which files its descriptors are; not psutil's open_files, which leaves some out."""
    found = []
    for path in Path(f"/proc/{one.pid}/fd").glob("*"):
        with contextlib.suppress(OSError):
            found.append(str(path.readlink()))
    return found
