"""What a replay is given: one start, as it was recorded or made up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

MIB = 1024 * 1024
MEMORY = 512 * MIB  # of a session that nothing is known about
HOUR = 3600.0


@dataclass(frozen=True)
class Start:
    """``at``: seconds, of any origin; ``duration`` of the session in seconds; ``memory`` in bytes."""

    id: str
    at: float
    duration: float = HOUR
    memory: int = MEMORY
    login: str = "user0"
    groups: tuple[str, ...] = ()
    params: dict[str, Any] = field(default_factory=dict)
    command: str = "xterm"
    cpus: float = 0.5

    def given(self, local: str, logged_in: str) -> dict[str, Any]:
        """What a start balancing function is given, without the servers. ``logged_in``: the server of the login."""
        return {
            "user": {"login": self.login, "sub": self.login, "serverId": logged_in, "sessions": []},
            "userGroups": list(self.groups), "isAdmin": False, "isManager": False, "local": {"serverId": local},
            "data": {"id": self.id, "command": self.command, "params": self.params, "profile": "default"},
        }  # fmt: skip
