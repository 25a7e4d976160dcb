"""Logins: from a method and what a person answers to a login with a token, and back from a token to the login."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from portcall.authenticators.base import Ask, Authenticator, Proof, Round
from portcall.bus import Bus
from portcall.clock import Clock
from portcall.config import Config
from portcall.errors import (
    Forbidden,
    InvalidValue,
    LoginExpired,
    LoginFailed,
    NotFound,
    NotLoggedIn,
    PortcallError,
)
from portcall.login.accounts import Accounts
from portcall.login.attempts import Attempt, Attempts
from portcall.login.limits import FailureLimit
from portcall.login.permissions import Permissions
from portcall.login.tokens import Tokens
from portcall.model import codec, event
from portcall.model.user import Account, Login

log = logging.getLogger(__name__)
SEEN_EVERY = 180.0  # seconds between two writes of a login's last_seen
MAX_NAME = 128

Before = Callable[[str, str, str], Awaitable[None]]
OnConnection = Callable[[Account, Any], Awaitable[None]]

_NOTHING = Round()


@dataclass(frozen=True)
class Stage:
    """What comes next: ``success`` (with ``login`` and its ``token``), ``prompt`` or ``sign`` (with ``asked``)."""

    stage: str
    attempt: str = ""
    asked: Round = _NOTHING
    login: Login | None = None
    token: str = ""

    def document(self, with_token: bool) -> dict[str, Any]:
        """As in the HTTP API; a browser's token goes into the cookie alone."""
        if self.stage == "success":
            return {
                "stage": "success",
                "login": codec.to_document(self.login),
                **({"token": self.token} if with_token else {}),
            }
        if self.stage == "sign":
            return {"stage": "sign", "attempt": self.attempt, "data": self.asked.sign}
        return {
            "stage": "prompt",
            "attempt": self.attempt,
            "title": self.asked.title,
            "instructions": self.asked.instructions,
            "prompts": [{"text": prompt.text, "echo": prompt.echo} for prompt in self.asked.prompts],
        }


class LoginService:
    """``on_connection``, where set, is given the open connection of an SSH login, so that a link can be started on it
    without asking again; afterwards the connection is closed here. ``before``, where set, is asked with user, server
    and method before anybody is authenticated, and refuses by what it raises. Who proves to be that user is told so; it
    speaks of servers and of what the user may do, so nobody else is."""

    def __init__(
        self,
        config: Config,
        clock: Clock,
        bus: Bus,
        tokens: Tokens,
        permissions: Permissions,
        accounts: Accounts,
        authenticators: Mapping[str, Authenticator],
        attempts: Attempts[Stage] | None = None,
    ) -> None:
        self.config = config
        self.tokens = tokens
        self.permissions = permissions
        self.accounts = accounts
        self.on_connection: OnConnection | None = None
        self.before: Before | None = None
        self._clock = clock
        self._bus = bus
        self._authenticators = authenticators
        self._attempts: Attempts[Stage] = attempts or Attempts()
        self._limit = FailureLimit(clock, lambda: int(config["login_failures"]))
        self._seen: dict[str, tuple[float, float]] = {}  # jti → last seen, last written
        self._owners: dict[str, str] = {}
        self._background: set[asyncio.Task[None]] = set()

    def methods(self) -> list[dict[str, Any]]:
        """The ways to log in that can be offered now, in order."""
        return [
            {"name": name, "title": one.title, "user": one.asks_user, "password": one.asks_password}
            for name in self._offered()
            if not (one := self._authenticators[name]).unavailable()
        ]

    async def begin(
        self, method: str, given: Mapping[str, Any], address: str, api: bool = False, name: str = ""
    ) -> Stage:
        """``given``: ``user``, ``password``, ``token``, ``publicKey``, what there is. ``api``: a token for the CLI."""
        if method not in self._offered():
            raise InvalidValue(f"there is no login method {method!r} here", field="method")
        authenticator = self._authenticators[method]
        if reason := authenticator.unavailable():
            raise InvalidValue(reason, field="method")
        user = str(given.get("user") or "")
        if authenticator.asks_user:
            self._limit.check(address, user[:MAX_NAME])
            if not _is_user_name(user):
                self._failed(authenticator, address, user)
                raise LoginFailed()
        _check_label(name)

        async def run(ask: Ask) -> Stage:
            refusal = await self._refusal(user, str(given.get("serverId") or ""), authenticator)
            return await self._authenticate(authenticator, user, dict(given), ask, address, api, name, refusal)

        attempt = self._attempts.open(address, run)
        return await self._advance(attempt, None)

    async def answer(self, attempt: str, answers: list[str], address: str) -> Stage:
        return await self._advance(self._attempts.get(attempt, address), answers)

    async def abandon(self, attempt: str, address: str) -> None:
        found = self._attempts.get(attempt, address)
        await found.abandon()
        self._attempts.finished(found)

    async def authenticate(self, token: str) -> Login:
        """Whose token it is, with the level that they have now."""
        if not token:
            raise NotLoggedIn()
        login, revision = await self.tokens.verify(token)
        level = await self.level(login.sub)
        now = self._clock.now()
        _, written = self._seen.get(login.jti, (0.0, login.last_seen or 0.0))
        login = dataclasses.replace(login, level=level, last_seen=now)
        if now - written >= SEEN_EVERY:
            await self.tokens.update(login, revision)
            written = now
        self._seen[login.jti] = (now, written)
        return login

    async def find(self, jti: str) -> Login:
        """NotFound for one that is not there (any more)."""
        login = await self.tokens.get(jti)
        if login is None:
            raise NotFound("there is no such login")
        return login

    async def revoke(self, jti: str) -> None:
        login = await self.tokens.get(jti)
        await self.tokens.remove(jti)
        if login is not None:
            self._owners[jti] = login.sub
            self._gone(jti, login.sub)

    async def create_token(
        self, login: Login, name: str, days: float | None = None, address: str = ""
    ) -> tuple[str, Login]:
        """A further token for ``login``'s person, for the CLI or a script."""
        _check_label(name)
        longest = float(self.config["token_days"])
        days = longest if days is None else days
        if not 0 < days <= longest:
            raise InvalidValue(f"days: more than 0, {longest:g} at most", field="days")
        return await self._issue(login.sub, login.method, login.level, address, True, name, days * 86400.0)

    def one_person_token(self) -> str:
        """A new token for the link that opens a one-person server: it logs in once."""
        issue: Callable[[], str] = self._authenticators["token"].issue  # type: ignore[attr-defined]
        return issue()

    async def run(self) -> None:
        """Tells of logins that ended by themselves, or by another process; until cancelled."""
        async for entry in self.tokens.watch():
            if entry.value is None:
                if (owner := self._owners.get(entry.key)) is not None:
                    self._gone(entry.key, owner)
            else:
                self._owners[entry.key] = str(entry.value.get("sub", ""))

    async def close(self) -> None:
        """Ends conversations under way and waits for what was started in the background."""
        await self._attempts.close()
        for task in self._background:
            task.cancel()
        if self._background:
            await asyncio.wait(self._background)

    def _offered(self) -> list[str]:
        wanted = ["token"] if self.config.one_person else self.config.methods("login_methods")
        return [name for name in wanted if name in self._authenticators]

    async def _advance(self, attempt: Attempt[Stage], answers: list[str] | None) -> Stage:
        try:
            outcome = await attempt.advance(answers)
        finally:
            if attempt.task.done():
                self._attempts.finished(attempt)
        if isinstance(outcome, Stage):
            return outcome
        return Stage("sign" if outcome.sign else "prompt", attempt.id, outcome)

    async def _authenticate(
        self,
        authenticator: Authenticator,
        user: str,
        given: dict[str, Any],
        ask: Ask,
        address: str,
        api: bool,
        name: str,
        refusal: PortcallError | None,
    ) -> Stage:
        tried = any(given.get(secret) is not None for secret in ("password", "token"))

        async def asking(asked: Round) -> list[str]:
            nonlocal tried
            answers = await ask(asked)
            tried = True
            return answers

        try:
            proof = await authenticator.authenticate(user, given, asking, address)
        except LoginFailed:
            self._failed(authenticator, address, user)
            log.info("login refused: user=%r method=%s address=%s", user, authenticator.name, address)
            raise
        except asyncio.CancelledError:
            # a guess given up while it is being checked is a guess: only a wrong one takes long
            if tried:
                self._failed(authenticator, address, user)
            raise
        self._limit.succeeded(user)
        try:
            account, level = await self._admitted(proof.user)
            if refusal is not None:
                raise refusal
        except BaseException:
            _close(proof.connection)
            raise
        hours = float(self.config["token_days"]) * 24 if api else float(self.config["login_hours"])
        token, login = await self._issue(account.name, proof.method, level, address, api, name, hours * 3600.0)
        if proof.connection is not None:
            self._use_connection(account, proof)
        return Stage("success", login=login, token=token)

    async def _refusal(self, user: str, server_id: str, authenticator: Authenticator) -> PortcallError | None:
        if authenticator.asks_user and self.before is not None:
            try:
                await self.before(user, server_id, authenticator.name)
            except PortcallError as error:
                return error
        return None

    def _failed(self, authenticator: Authenticator, address: str, user: str) -> None:
        """Names and passwords are guessed; a link's token cannot be, and others' tries must not shut its owner out."""
        if authenticator.asks_user:
            self._limit.failed(address, user[:MAX_NAME])

    async def _admitted(self, user: str) -> tuple[Account, str]:
        try:
            account = await self.accounts.lookup(user)
        except NotFound:
            raise LoginFailed() from None
        level = self.permissions.level(account.name, account.groups)
        if level == "disabled":
            raise Forbidden("your account is disabled here; ask who runs this server")
        if not self.config["logins_enabled"] and level != "admin":
            raise Forbidden("logins on this server are disabled at the moment")
        return account, level

    async def level(self, user: str) -> str:
        """The level that a person who is logged in has now; LoginExpired where they have none any more."""
        try:
            account = await self.accounts.lookup(user)
        except NotFound:
            raise LoginExpired("your account is no longer on this host") from None
        level = self.permissions.level(account.name, account.groups)
        if level == "disabled":
            raise LoginExpired("your account has been disabled here; ask who runs this server")
        return level

    async def _issue(
        self, user: str, method: str, level: str, address: str, api: bool, name: str, seconds: float
    ) -> tuple[str, Login]:
        now = self._clock.now()
        login = Login(
            sub=user, iss=self.config.server_id, iat=now, exp=now + seconds, aud="api" if api else "web",
            jti=secrets.token_urlsafe(16), method=method, level=level, address=address, name=name, last_seen=now,
        )  # fmt: skip
        token = await self.tokens.make(login)
        self._owners[login.jti] = user
        self._bus.publish(event.Event(event.LOGIN, login.jti, user, codec.to_document(login)))
        return token, login

    def _gone(self, jti: str, owner: str) -> None:
        self._seen.pop(jti, None)
        if self._owners.pop(jti, None) is not None:
            self._bus.publish(event.Event(event.LOGIN_GONE, jti, owner, {"jti": jti}))

    def _use_connection(self, account: Account, proof: Proof) -> None:
        async def use() -> None:
            try:
                if self.on_connection is not None:
                    await self.on_connection(account, proof.connection)
            except PortcallError as error:  # the next start tries again, and says why not
                log.info("no link was started at login: user=%r: %s", account.name, error.detail)
            finally:
                _close(proof.connection)

        task = asyncio.get_running_loop().create_task(use())
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def list(self, user: str | None = None) -> list[Login]:
        """The logins of ``user``, or all; the newest first."""
        logins = [
            dataclasses.replace(login, last_seen=self._seen.get(login.jti, (login.last_seen,))[0])
            for login in await self.tokens.list()
            if user is None or login.sub == user
        ]
        return sorted(logins, key=lambda login: login.iat, reverse=True)


def _close(connection: Any) -> None:
    if connection is not None:
        connection.close()


def _is_user_name(name: str) -> bool:
    """What could be an account's name at all, as far as it must be known before anything else sees it."""
    return 0 < len(name) <= MAX_NAME and name.isprintable() and not name.startswith("-") and "/" not in name


def _check_label(name: str) -> None:
    if len(name) > MAX_NAME or not name.isprintable():
        raise InvalidValue(f"name: one line, {MAX_NAME} characters at most", field="name")
