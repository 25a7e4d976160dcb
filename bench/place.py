"""A server of the measurement's own: temporary directories, loopback, one person; ended with all that it started."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from bench import processes, tools
from bench.waiting import until

_PORTCALL = Path(sys.executable).parent / "portcall"
_LINK = re.compile(r"(https?)://[^\s/]*?:(\d+)\S*#token=([\w.-]+)")
HOST = "127.0.0.1"


class Place:
    """A running server and its HTTP API as its one person. ``argv`` and ``environment`` start it once more."""

    argv = (str(_PORTCALL), "server", "--one-person")

    def __init__(
        self, folder: Path, process: subprocess.Popen[bytes], link: re.Match[str], certificate: str,
        environment: Mapping[str, str],
    ) -> None:  # fmt: skip
        self.folder = folder
        self.process = process
        self.environment = dict(environment)
        self.kind = "tls" if link[1] == "https" else "tcp"
        self.port = link[2]
        verify: Any = certificate or True
        url = f"{link[1]}://{HOST}:{link[2]}/api"
        self.http = httpx.Client(base_url=url, verify=verify, trust_env=False, timeout=120)
        answer = self.call("POST", "/login", {"method": "token", "token": link[3], "api": True, "name": "bench"})
        self.token: str = answer["token"]
        self.http.headers["Authorization"] = f"Bearer {self.token}"
        self.http.headers["Accept"] = "application/json"  # of a scheduled start, too

    @property
    def target(self) -> list[str]:
        """The first arguments of a load tool."""
        return [self.kind, HOST, self.port]

    def call(self, method: str, path: str, body: Any = None) -> Any:
        response = self.http.request(method, path, json=body)
        if response.is_error:
            raise RuntimeError(f"{method} {path}: {response.status_code} {response.text}")
        return response.json() if response.content else None

    def start(self, **request: Any) -> dict[str, Any]:
        """A session that runs."""
        answer: dict[str, Any] = self.call("POST", "/sessions", {"command": "sleep infinity", **request})
        return answer["result"]  # type: ignore[no-any-return]

    def sessions_folder(self) -> Path:
        """Where the user side keeps its sessions: the only folder that is not the measurement's own."""
        return Path(f"/tmp/portcall-{os.getuid()}/sessions")

    def end(self, ids: list[str]) -> None:
        """All told to end, then each waited for until nothing of it is left."""
        for session_id in ids:
            with contextlib.suppress(RuntimeError):
                self.call("POST", f"/sessions/{session_id}/terminate", {})
        for session_id in ids:
            until(lambda: not (self.sessions_folder() / session_id).exists(), f"the end of session {session_id}")  # noqa: B023
            until(lambda: self._ended(session_id), f"the server's word that {session_id} has ended")  # noqa: B023

    def _ended(self, session_id: str) -> bool:
        response = self.http.get(f"/sessions/{session_id}")
        return response.status_code == 404 or response.json()["state"] == "ended"

    def user_side(self) -> list[int]:
        """Our processes that run as the user: link and session daemons, not displays and commands."""
        servers = {self.process.pid, *processes.children(self.process.pid)}
        found = processes.with_argument(str(self.folder))
        return [pid for pid in found if pid not in servers and "python" in processes.program(pid)]

    def displays(self) -> list[int]:
        """X servers of this place's sessions."""
        below = {child for pid in self.user_side() for child in processes.children(pid)}
        return processes.with_argument("-rfbunixpath", below)

    def tickets(self, ids: list[str], count: int) -> Path:
        """A file of tickets for load/view.c, the sessions in turn."""
        pairs: list[str] = []
        for number, session_id in enumerate(ids):
            share = count // len(ids) + (number < count % len(ids))
            pairs += [f"/api/sessions/{session_id}/connect", str(share)]
        path = self.folder / "tickets"
        path.write_text(tools.run("tickets", [*self.target, *pairs], stdin=self.token + "\n"))
        return path


@contextlib.contextmanager
def opened(settings: Mapping[str, object] | None = None, tls: tuple[str, str] | None = None) -> Iterator[Place]:
    """A server with these settings; ``tls``: certificate and key."""
    folder = Path(tempfile.mkdtemp(prefix="pcb-", dir="/tmp"))  # short: paths of unix sockets have 107 bytes
    for name in ("config", "var", "tmp", "home"):
        (folder / name).mkdir()
    values: dict[str, object] = {"port": 0, "runtime_dir": folder / "run", "login_methods": "token", **(settings or {})}
    if tls:
        values |= {"tls": "files", "tls_cert": tls[0], "tls_key": tls[1]}
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PORTCALL_", "FX_"))},
        **{f"PORTCALL_{name.upper()}": str(value) for name, value in values.items()},
        "FX_CONFIG_DIR": str(folder / "config"), "FX_VAR_DIR": str(folder / "var"), "FX_TEMP_DIR": str(folder / "tmp"),
        "HOME": str(folder / "home"),
    }  # fmt: skip
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            Place.argv,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    place: Place | None = None
    try:
        place = Place(folder, process, _link(process, folder / "server.log"), tls[0] if tls else "", environment)
        yield place
    finally:
        _close(place, place.process if place is not None else process, folder)


def _link(process: subprocess.Popen[bytes], out: Path) -> re.Match[str]:
    """The link that the server prints when it listens."""
    until(lambda: process.poll() is not None or _LINK.search(out.read_text()) is not None, "the server's link", 30)
    found = _LINK.search(out.read_text())
    if found is None:
        raise RuntimeError(f"the server ended without a link: {out.read_text()[-3000:]}")
    return found


def _close(place: Place | None, process: subprocess.Popen[bytes], folder: Path) -> None:
    if place is not None and process.poll() is None:
        with contextlib.suppress(Exception):
            live = [s["id"] for s in place.call("GET", "/sessions")["sessions"] if s["state"] not in ("ended", "lost")]
            place.end(live)
    user_side = place.user_side() if place is not None else []
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
    for pid in user_side:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    with contextlib.suppress(TimeoutError):
        until(lambda: not any(processes.alive(pid) for pid in user_side), "the end of the user's processes", 10)
    shutil.rmtree(folder, ignore_errors=True)
