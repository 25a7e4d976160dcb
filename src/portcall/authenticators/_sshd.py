"""A connection to sshd as a person: passwords, keyboard-interactive rounds and signatures are relayed to them.

What sshd says is untrusted text: it is cut and stripped of control characters, and shown as text.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
from collections.abc import Sequence
from typing import Any, Protocol

import asyncssh

from portcall.authenticators.base import Ask, Prompt, Round
from portcall.errors import LoginFailed, ServerUnreachable

_CONNECT_TIMEOUT = 10.0
_LOGIN_TIMEOUT = 600.0  # a person is typing
_MAX_PROMPTS, _MAX_TEXT = 10, 4000


class Settings(Protocol):
    def __getitem__(self, name: str) -> Any: ...


def unavailable(settings: Settings) -> str:
    """Why sshd cannot be trusted with a password, or empty."""
    host = str(settings["ssh_host"])
    if not settings["ssh_known_hosts"] and not _is_loopback(host):
        return f"ssh_known_hosts is needed: the key of {host} must be known before anybody's password is sent to it"
    return ""


async def connect(
    settings: Settings, user: str, ask: Ask | None, password: str | None = None, public_key: str | None = None
) -> asyncssh.SSHClientConnection:
    """An authenticated connection. LoginFailed with constant words; ServerUnreachable where there is no sshd, or not
    the one known."""
    host, port = str(settings["ssh_host"]), int(settings["ssh_port"])
    where = f"the SSH server {host}:{port}"
    relay = _Relay(ask, password, _keys(public_key, ask))
    try:
        return await asyncssh.connect(
            host, port, username=user, config=None, client_factory=lambda: relay, known_hosts=_known_hosts(settings),
            client_keys=None, agent_path=None, agent_forwarding=False, x11_forwarding=False, gss_host=None,
            preferred_auth="publickey,keyboard-interactive,password", connect_timeout=_CONNECT_TIMEOUT,
            login_timeout=_LOGIN_TIMEOUT, keepalive_interval=30, send_env=None,
        )  # fmt: skip
    except asyncssh.HostKeyNotVerifiable as error:
        raise ServerUnreachable(f"{where} has another host key than ssh_known_hosts says") from error
    except asyncssh.PermissionDenied as error:
        raise LoginFailed() from error
    except asyncssh.DisconnectError as error:
        if relay.began:  # too many attempts, or sshd's own time limit
            raise LoginFailed() from error
        raise ServerUnreachable(f"{where} ended the connection") from error
    except (OSError, TimeoutError, asyncssh.Error) as error:
        raise ServerUnreachable(f"{where} cannot be reached") from error


class RemoteKey(asyncssh.SSHKeyPair):
    """A key whose private half is with the person: what is to be signed is sent to them as a round."""

    def __init__(self, key: asyncssh.SSHKey, ask: Ask) -> None:
        super().__init__(
            key.algorithm,
            key.algorithm,
            key.sig_algorithms,
            key.sig_algorithms,
            key.public_data,
            key.get_comment_bytes(),
        )
        self._ask = ask

    async def sign_async(self, data: bytes) -> bytes:
        """In SSH's own form: algorithm and signature, each with its length; which algorithm is asked is in ``data``."""
        (answer,) = await self._ask(Round(sign=base64.b64encode(data).decode()))
        try:
            return base64.b64decode(answer, validate=True)
        except (binascii.Error, ValueError) as error:
            raise ValueError("not a signature") from error  # asyncssh goes on with the next method


class _Relay(asyncssh.SSHClient):
    """A password that came with the request is used once: for sshd's password method, or for a first lone hidden
    prompt. When it was wrong, sshd is not asked again with it."""

    def __init__(self, ask: Ask | None, password: str | None, keys: list[asyncssh.SSHKeyPair]) -> None:
        self._ask = ask
        self._password = password
        self._keys = keys
        self._used: set[str] = set()  # methods
        self._first_methods: list[str] = []
        self._told: list[str] = []
        self._connection: asyncssh.SSHClientConnection | None = None
        self.began = False

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        self._connection = conn

    def begin_auth(self, username: str) -> None:
        self.began = True

    def auth_banner_received(self, msg: str, lang: str) -> None:
        self._told.append(_text(msg))

    async def public_key_auth_requested(self) -> Any:
        return self._keys.pop(0) if self._keys else None

    async def kbdint_auth_requested(self) -> str | None:
        if not self._first_methods and self._connection is not None:
            self._first_methods = list(self._connection.get_server_auth_methods())
        if "keyboard-interactive" in self._used:
            return None  # it failed, and the person's answers are used up
        self._used.add("keyboard-interactive")
        return ""

    async def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: Sequence[tuple[str, bool]]
    ) -> list[str] | None:
        self._told += [_text(instructions)]
        if not prompts:
            return []
        if len(prompts) > _MAX_PROMPTS:
            return None
        if self._password is not None and [echo for _, echo in prompts] == [False]:
            given, self._password = self._password, None
            return [given]
        asked = tuple(Prompt(_text(text), bool(echo)) for text, echo in prompts)
        return await self._round(Round(asked, _text(name), self._take_told()))

    async def password_auth_requested(self) -> str | None:
        if "password" in self._used:
            return None
        self._used.add("password")
        if self._password is not None:
            given, self._password = self._password, None
            return given
        after_others = bool(self._first_methods) and "password" not in self._first_methods
        if "keyboard-interactive" in self._used and not after_others:
            return None  # the other way to give the same password, which was not accepted
        answers = await self._round(Round((Prompt("Password:"),), instructions=self._take_told()))
        return answers[0] if answers else None

    async def _round(self, asked: Round) -> list[str] | None:
        return await self._ask(asked) if self._ask is not None else None

    def _take_told(self) -> str:
        told, self._told = "\n".join(filter(None, self._told))[:_MAX_TEXT], []
        return told


def _keys(public_key: str | None, ask: Ask | None) -> list[asyncssh.SSHKeyPair]:
    """The keys of some lines as in authorized_keys; LoginFailed for what is none."""
    if not public_key or ask is None:
        return []
    try:
        lines = [line for line in public_key.splitlines() if line.strip()]
        return [RemoteKey(asyncssh.import_public_key(line), ask) for line in lines[:_MAX_PROMPTS]]
    except (asyncssh.KeyImportError, ValueError) as error:
        raise LoginFailed("this is no public key of SSH") from error


def _known_hosts(settings: Settings) -> str | None:
    """None accepts any key, which ``unavailable`` allows on loopback alone."""
    if settings["ssh_known_hosts"]:
        return str(settings["ssh_known_hosts"])
    if _is_loopback(str(settings["ssh_host"])):
        return None
    raise ServerUnreachable(unavailable(settings))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _text(text: str) -> str:
    return "".join(letter for letter in text[:_MAX_TEXT] if letter == "\n" or letter.isprintable()).strip()
