"""A link that a server which is root starts itself, within a PAM session of its user."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from portcall.links import _process
from portcall.links.base import LinkKind, LinkPlan, Settings
from portcall.model.user import Account


class Setuid(LinkKind):
    """``_pam_session`` becomes the user, and waits: when the link ends, so does its PAM session."""

    name = "setuid"

    def __init__(self, settings: Settings, directory: Path = Path("/etc/pam.d")) -> None:
        self._settings = settings
        self._directory = directory

    def unavailable(self, account: Account) -> str:
        return "" if os.geteuid() == 0 else "the server does not run as root"

    async def start(self, plan: LinkPlan) -> None:
        wrapper = (sys.executable, "-I", "-m", "portcall.links._pam_session", f"--service={self._service()}")
        argv = (*wrapper, plan.account.name, "--", *plan.command, "--foreground")
        await _process.start(argv, {"PATH": _process.PATH, "LANG": os.environ.get("LANG", "C.UTF-8")})

    def _service(self) -> str:
        """Empty: no PAM session."""
        wanted = str(self._settings["pam_service"])
        usable = self._settings["pam_session"] and re.fullmatch(r"[A-Za-z0-9_-]+", wanted)
        return wanted if usable and (self._directory / wanted).is_file() else ""


IMPLEMENTATION = Setuid
