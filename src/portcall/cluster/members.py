"""This server's record: what it is and how it is doing. A server alone is a cluster of one."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

import psutil

from portcall import __version__
from portcall.clock import Clock
from portcall.config import Config
from portcall.model import lifecycle
from portcall.model.session import Session
from portcall.model.user import Login


class Members:
    """The server object that functions and pages see, in the field names that sites know.

    ``live`` gives the sessions that are not over, ``linked`` the people who have a link, ``said`` what
    administrators add: ``staticData`` and ``metrics``, ``url`` where this server listens, once it does.
    """

    def __init__(
        self, config: Config, live: Callable[[], list[Session]], clock: Clock, logins: Callable[[], list[Login]],
        linked: Callable[[], list[str]], said: Callable[[], dict[str, Any]] = dict,
        url: Callable[[], str] = str,
    ) -> None:  # fmt: skip
        self._config = config
        self._live = live
        self._clock = clock
        self._logins = logins
        self._linked = linked
        self._said = said
        self._url = url
        self._began = clock.now()
        psutil.cpu_percent()  # the first call only sets the mark

    def here(self) -> dict[str, Any]:
        """Times are seconds since 1970, memory is bytes, ``cpu`` per cent of all cores since the last look."""
        sessions = self._live()
        logins = [login for login in self._logins() if not login.link]
        memory = psutil.virtual_memory()
        url = self._config["public_url"] or self._url()
        return {
            "serverId": self._config.server_id,
            "hostname": socket.gethostname(),
            "urls": [url] if url else [],
            "sessions": sum(session.state != lifecycle.PENDING for session in sessions),
            "pending": sum(session.state == lifecycle.PENDING for session in sessions),
            "uniqueSessionUsers": len({session.login for session in sessions}),
            "logins": len(logins),
            "uniqueLogins": len({login.sub for login in logins}),
            "loggedInUsers": sorted({login.sub for login in logins} | set(self._linked())),
            "uptime": round(self._clock.now() - self._began, 1),
            "cpu": psutil.cpu_percent(),
            "loadavg": list(os.getloadavg()),
            "cpus": os.cpu_count() or 1,
            "totalmem": memory.total,
            "freemem": memory.available,
            "version": __version__,
            "staticData": {},
            "metrics": {},
            "external": False,
            "reservations": False,
            "reserved": False,
            "loginsEnabled": bool(self._config["logins_enabled"]),
            "startsEnabled": bool(self._config["starts_enabled"]),
            "draining": False,
            "updated": self._clock.now(),
            **self._said(),
        }
