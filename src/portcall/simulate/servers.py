"""Servers of a replay: what they hold in truth, and the record of it that others see late."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from portcall.errors import InvalidValue
from portcall.simulate.start import Start

GIB = 1024**3
MOST = 10_000


@dataclass
class Server:
    """``memory``: bytes in all; ``most``: sessions at most, 0: as many as fit into the memory."""

    id: str
    memory: int
    cpus: int = 16
    most: int = 0
    document: dict[str, Any] = field(default_factory=dict)
    running: int = 0
    pending: int = 0
    used: int = 0
    load: float = 0.0
    users: Counter[str] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        return self.running + self.pending

    def fits(self, start: Start) -> bool:
        """What the server itself says, whatever its record said."""
        return self.used + start.memory <= self.memory and (not self.most or self.count < self.most)

    def take(self, start: Start) -> None:
        self.pending += 1
        self.used += start.memory
        self.load += start.cpus
        self.users[start.login] += 1

    def came_up(self) -> None:
        self.pending -= 1
        self.running += 1

    def end(self, start: Start) -> None:
        self.running -= 1
        self.used -= start.memory
        self.load = max(0.0, self.load - start.cpus)
        self.users[start.login] -= 1
        if not self.users[start.login]:
            del self.users[start.login]

    def record(self, now: float) -> dict[str, Any]:
        load = round(self.load, 2)
        return {
            **self.document, "sessions": self.running, "pending": self.pending, "freemem": self.memory - self.used,
            "loadavg": [load, load, load], "cpu": round(min(100.0, 100 * load / self.cpus), 1),
            "uniqueSessionUsers": len(self.users), "loggedInUsers": list(self.users), "updated": now,
        }  # fmt: skip


def make_up(count: int, memory: Sequence[int] = (64 * GIB,), cpus: int = 16, most: int = 0) -> list[Server]:
    """``count`` servers with these sizes in turn; every fourth has a GPU in its static data."""
    if not 1 <= count <= MOST:
        raise InvalidValue(f"servers: 1 to {MOST}", field="servers")
    return [
        _server({"serverId": f"s{number:05}", "hostname": f"s{number:05}", "totalmem": memory[number % len(memory)],
                 "cpus": cpus, "maxSessions": most, "staticData": {"gpu": number % 4 == 0}})
        for number in range(count)
    ]  # fmt: skip


def read(path: Path) -> list[Server]:
    """An array of server documents, such as ``portcall servers --json`` prints. They begin without sessions."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InvalidValue(f"{path}: {error.strerror}", field="servers") from error
    except ValueError as error:
        raise InvalidValue(f"{path}: not JSON: {error}", field="servers") from error
    return of(found.get("servers") if isinstance(found, dict) else found, str(path))


def of(found: Any, where: str) -> list[Server]:
    """Server documents; InvalidValue names the first that is none."""
    if not isinstance(found, list) or not 1 <= len(found) <= MOST:
        raise InvalidValue(f"{where}: an array of 1 to {MOST} server objects is needed", field="servers")
    servers = []
    for number, document in enumerate(found):
        if not isinstance(document, dict) or not isinstance(document.get("serverId"), str):
            raise InvalidValue(f"{where}: element {number} is no server object with a serverId", field="servers")
        try:
            servers.append(_server(document))
        except (TypeError, ValueError) as error:
            raise InvalidValue(f"{where}: {document['serverId']}: {error}", field="servers") from error
    if len({server.id for server in servers}) < len(servers):
        raise InvalidValue(f"{where}: two servers have the same serverId", field="servers")
    return servers


def _server(document: dict[str, Any]) -> Server:
    memory = int(document.get("totalmem") or document.get("freemem") or 64 * GIB)
    cpus = max(1, int(document.get("cpus") or 1))
    always = {
        "hostname": document["serverId"], "urls": [], "logins": 0, "uniqueLogins": 0, "uptime": 86400.0,
        "version": "simulated", "staticData": {}, "metrics": {}, "external": False, "reservations": False,
        "reserved": False, "loginsEnabled": True, "startsEnabled": True, "draining": False,
    }  # fmt: skip
    whole = {**always, **document, "totalmem": memory, "cpus": cpus}
    return Server(document["serverId"], memory, cpus, int(document.get("maxSessions") or 0), whole)


def fresh(servers: Sequence[Server]) -> list[Server]:
    """The same servers without sessions, for another replay."""
    return [Server(server.id, server.memory, server.cpus, server.most, server.document) for server in servers]
