"""A link by sudo: for a service user that a sudoers file allows to start links as anybody but root."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from portcall.errors import NoLink
from portcall.links import _process
from portcall.links.base import LinkKind, LinkPlan, Settings
from portcall.model.user import Account

PROGRAM = "portcall-link"
REMEMBERED = 600.0  # seconds; sudo mails root about each refusal


class Sudo(LinkKind):
    """sudoers names one program, ``libexec/portcall-link`` of the installation that the server runs from: a file of
    root's, which the service user cannot change. The link's own arguments follow it."""

    name = "sudo"

    def __init__(self, settings: Settings, places: Iterable[Path] | None = None, path: str = _process.PATH) -> None:
        self._path = path
        self._places = tuple(Path(sys.prefix).parents if places is None else places)
        self._refusals: dict[int, tuple[float, str]] = {}

    def unavailable(self, account: Account) -> str:
        if account.uid == 0:
            return "sudo is never used to become root"
        if account.uid == os.geteuid():
            return "the server is this user already"
        return "" if shutil.which("sudo", path=self._path) else "sudo is not installed"

    async def start(self, plan: LinkPlan) -> None:
        time, uid = asyncio.get_running_loop().time, plan.account.uid
        refused, reason = self._refusals.get(uid, (float("-inf"), ""))
        if (ago := time() - refused) < REMEMBERED:
            raise NoLink(f"{reason} (asked {ago:.0f} s ago)")
        sudo = shutil.which("sudo", path=self._path) or "sudo"
        environment = {"PATH": _process.PATH, "LANG": "C.UTF-8"}
        argv = (sudo, "-n", "-u", plan.account.name, "--", *self._command(plan.command))
        try:
            await _process.start(argv, environment)
        except NoLink as error:
            if error.detail.startswith(("sudo: ", "Sorry, ")):  # sudo's own words, not the link's
                self._refusals[uid] = (time(), error.detail)
            raise

    def _command(self, command: tuple[str, ...]) -> tuple[str, ...]:
        """Without the interpreter, since sudoers names the program; the installed one where there is one."""
        for at, word in enumerate(command):
            if os.path.basename(word) == PROGRAM:
                installed = (str(place / "libexec" / PROGRAM) for place in self._places)
                found = next((path for path in installed if os.access(path, os.X_OK)), word)
                return (found, *command[at + 1 :])
        return command


IMPLEMENTATION = Sudo
