"""A link by sudo: for a service user that a sudoers file allows to start links as anybody but root."""

from __future__ import annotations

import os
import shutil

from portcall.errors import NoLink
from portcall.links import _process
from portcall.links.base import LinkKind, LinkPlan, Settings
from portcall.model.user import Account

LINK_PROGRAM = "portcall-link"


class Sudo(LinkKind):
    """sudoers names one program, ``…/libexec/portcall-link``: where the command runs it by an interpreter, that is left
    out, and the program's first line decides."""

    name = "sudo"

    def __init__(self, settings: Settings) -> None:
        pass

    def unavailable(self, account: Account) -> str:
        if account.uid == 0:
            return "sudo is never used to become root"
        if account.uid == os.geteuid():
            return "the server is this user already"
        return "" if shutil.which("sudo", path=_process.PATH) else "sudo is not installed"

    async def start(self, plan: LinkPlan) -> None:
        sudo = shutil.which("sudo", path=_process.PATH) or "sudo"
        environment = {"PATH": _process.PATH, "LANG": "C.UTF-8"}
        try:
            await _process.start((sudo, "-n", "-u", plan.account.name, "--", *program(plan.command)), environment)
        except NoLink as error:
            raise NoLink(error.detail.replace("sudo: ", "", 1)) from error


def program(command: tuple[str, ...]) -> tuple[str, ...]:
    for at, word in enumerate(command):
        if os.path.basename(word) == LINK_PROGRAM and os.access(word, os.X_OK):
            return command[at:]
    return command


IMPLEMENTATION = Sudo
