"""A link by SSH: over the connection of a login where there is one, else over a new one, with its prompts relayed."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
from typing import Any

import asyncssh

from portcall.authenticators import _sshd
from portcall.errors import LoginFailed, NoLink
from portcall.links import _process
from portcall.links.base import LinkKind, LinkPlan, Settings
from portcall.model.user import Account


class Ssh(LinkKind):
    """sshd gives each command a session of its own, so that a link outlives the connection by itself."""

    name = "ssh"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def unavailable(self, account: Account) -> str:
        return _sshd.unavailable(self._settings)

    async def start(self, plan: LinkPlan) -> None:
        if plan.connection is not None and not plan.connection.is_closed():
            await _run(plan.connection, plan.command)
            return
        if plan.ask is None:
            raise NoLink("nobody is there to be asked for a password")
        try:
            connection = await _sshd.connect(self._settings, plan.account.name, plan.ask)
        except LoginFailed as error:
            raise NoLink("the SSH server did not accept the login") from error
        try:
            await _run(connection, plan.command)
        finally:
            connection.close()


async def _run(connection: Any, command: tuple[str, ...]) -> None:
    # sh, since a login shell may be csh; its quoting of a word in '' is the same everywhere
    line = f"exec /bin/sh -c {shlex.quote('exec ' + shlex.join(command) + ' </dev/null >/dev/null')}"
    try:
        process = await connection.create_process(line, stdin=asyncssh.DEVNULL, stdout=asyncssh.DEVNULL)
    except (asyncssh.Error, OSError) as error:
        raise NoLink(f"the SSH server does not run commands: {error}") from error
    try:
        with contextlib.suppress(TimeoutError):
            result = await asyncio.wait_for(process.wait(), _process.WATCH)
            if result.exit_status != 0:
                said = str(result.stderr or "").strip()[-2000:]
                raise NoLink(said or f"the command ended with code {result.exit_status}")
    finally:
        process.close()


IMPLEMENTATION = Ssh
