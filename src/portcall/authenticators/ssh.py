"""Logins by SSH: this host's sshd decides, with all that it asks: password, verification codes, or a key."""

from __future__ import annotations

from typing import Any

from portcall.authenticators import _sshd
from portcall.authenticators.base import Ask, Authenticator, Proof, Settings
from portcall.clock import Clock
from portcall.errors import LoginFailed


class Ssh(Authenticator):
    """The connection stays open in the proof: a link can be started on it without asking again."""

    name = "ssh"
    title = "SSH"

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings

    def unavailable(self) -> str:
        return _sshd.unavailable(self._settings)

    async def authenticate(self, user: str, given: dict[str, Any], ask: Ask, address: str) -> Proof:
        password, key = given.get("password"), given.get("publicKey")
        if password == "":  # a form that was sent without one
            raise LoginFailed()
        connection = await _sshd.connect(self._settings, user, ask, password, key)
        return Proof(user, self.name, connection)


IMPLEMENTATION = Ssh
