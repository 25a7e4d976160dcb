"""A server whose launcher leaves all starts to the test, which makes them on another host, or not at all."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portcall.client.api import Client
from portcall.model.session import Session
from portcall.model.start import StartRequest
from portcall.testing.ports import free_port
from tests.features.apart import Apart
from tests.features.conftest import MakeServer
from tests.features.people import Person, state
from tests.features.server import Server
from tests.features.waiting import until

TELLS = """#!/bin/sh
# keeps what it was given: somebody starts the session later, somewhere
umask 022
printf %s "$WEBLINK_FINGERPRINT" > "$1/fingerprint"
cat > "$1/$$.new"
mv "$1/$$.new" "$1/$$.json"
echo scheduled
"""


@dataclass
class Given:
    """What a launcher was told for one session."""

    document: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.document["start"]["id"])

    @property
    def environment(self) -> dict[str, str]:
        link = self.document["weblink"]
        return {"WEBLINK_URL": link["url"], "WEBLINK_URI": link["uri"], "WEBLINK_PRIMARY": link["primary"]}

    @property
    def start(self) -> str:
        return json.dumps(self.document["start"])


class Site:
    """A server whose launcher leaves all starts to the test."""

    def __init__(self, server: Server, person: Person, far: Apart) -> None:
        self.server, self.person, self.far = server, person, far
        self.told = server.folder / "told"

    def schedule(self, client: Client, command: str = "xterm", **members: Any) -> Given:
        """A start that waits for somebody to make it."""
        return self.told_by(lambda: client.start(StartRequest(command, geometry="640x480", **members)))

    def told_by(self, start: Callable[[], object]) -> Given:
        """What the launcher was told by a start, however that is made."""
        before = set(self.told.glob("*.json"))
        start()
        path = until(lambda: set(self.told.glob("*.json")) - before, "the launcher was told").pop()
        return Given(json.loads(path.read_text()))

    def begin(
        self, given: Given, *more: str, program: tuple[str | Path, ...] = (), **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """``start-weblink`` over there, or ``program`` that does the same."""
        run = program or (f"{given.document['rootDir']}/scripts/start-weblink",)
        return self.far.run(
            self.person, *run, "--json=0", *more, text=given.start, environment=given.environment | environment
        )

    def started(
        self, client: Client, command: str = "xterm", program: tuple[str | Path, ...] = (), **environment: str
    ) -> Session:
        given = self.schedule(client, command)
        done = self.begin(given, program=program, **environment)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["id"] == given.id
        until(lambda: state(client, given.id) == "running", "it is listed as running")
        return client.session(given.id)


def site_server(
    new_server: MakeServer, pam: str, host: str, site: Mapping[str, str] | None = None, **settings: Any
) -> Server:
    """``WEBLINK_PORT`` is the next one to its own; ``site`` are more lines of its ``fastx.env``."""
    server = new_server(
        "service", pam_service=pam, login_methods="pam", login_failures=1000, host=host, launcher="custom",
        **{"port": free_port(), **settings},
    )  # fmt: skip
    script, told = server.folder / "tells", server.folder / "told"
    script.write_text(TELLS)
    script.chmod(0o755)
    told.mkdir(mode=0o777)
    told.chmod(0o777)
    values = {"LAUNCHER_SCRIPT": script, "LAUNCHER_ARGS": told, "WEBLINK_PORT": weblink_port(server), **(site or {})}
    (server.config / "fastx.env").write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    server.stop()
    return server.start()


def weblink_port(server: Server) -> int:
    return int(str(server.settings["port"])) + 1
