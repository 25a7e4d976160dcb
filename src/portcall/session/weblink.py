"""Sessions that call in over the network: whose a call is by its token, and their displays, which come by calls too."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import secrets
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import structlog

from portcall.clock import Clock
from portcall.errors import PortcallError, ProtocolError, RevisionConflict, TooManyAttempts, WeblinkOver, WeblinkRefused
from portcall.model.ids import is_session_id
from portcall.model.user import Account
from portcall.session.control import ControlConnection
from portcall.session.registry import Registry
from portcall.stores.base import Store
from portcall.wire import messages

log = structlog.get_logger("weblink")
BUCKET = "weblinks"
_PING_EVERY, _SILENT = 20.0, 50.0  # seconds
_LOST_AFTER = 30  # seconds in which the kernel hears nothing from the other side
_MOST_KEY = 256  # characters

Hello = Callable[[ControlConnection, Any], Awaitable[None]]


class Limit(Protocol):
    """Of login/limits: who guesses is told to wait."""

    def check(self, address: str, name: str) -> None: ...
    def failed(self, address: str, name: str) -> None: ...


class Displays:
    """Connections to displays that were asked for: each is known by a token that is good once."""

    def __init__(self) -> None:
        self._expected: dict[bytes, asyncio.Future[socket.socket]] = {}

    @contextlib.contextmanager
    def expected(self) -> Any:
        """A token, and the socket that will come with it. One that came, and that nobody took, is closed."""
        token = secrets.token_urlsafe(24)
        arrival: asyncio.Future[socket.socket] = asyncio.get_running_loop().create_future()
        self._expected[_hash(token)] = arrival
        try:
            yield token, arrival
        finally:
            self._expected.pop(_hash(token), None)
            if not arrival.cancel() and not arrival.cancelled():
                arrival.result().close()  # whoever takes it detaches it

    def take(self, token: str) -> Callable[[socket.socket], None]:
        """Who waits for it; WeblinkRefused for what was not asked for, or was used, or comes too late."""
        arrival = self._expected.pop(_hash(token), None)
        if arrival is None or arrival.done():
            raise WeblinkRefused("This way to a display is not, or no longer, waited for.")

        def deliver(sock: socket.socket) -> None:
            if arrival.done():
                sock.close()
            else:
                arrival.set_result(sock)

        return deliver


class WeblinkConnection(ControlConnection):
    """The conversation with one session over the network: as on the host, only that no descriptor can be passed."""

    displays_at_once = 1  # each is a call of its own

    def __init__(
        self, sock: socket.socket, hello: Hello, account: Account, session_id: str, displays: Displays
    ) -> None:
        super().__init__(sock, hello)
        self.account, self.session_id = account, session_id
        self.uid, self.pid = account.uid, 0
        self._displays = displays
        self._heard = time.monotonic()
        self._ping = self._loop.call_later(_PING_EVERY, self._keep)
        self.on_close.append(self._ping_over)

    async def request(self, make: Callable[[int], Any], timeout: float = 10.0) -> tuple[dict[str, Any], list[int]]:
        if not isinstance(make(0), messages.OpenDisplay):
            return await super().request(make, timeout)
        with self._displays.expected() as (token, arrival):
            deadline = self._loop.time() + timeout
            result, _ = await super().request(lambda seq: messages.OpenDisplay(seq, token), timeout)
            try:
                async with asyncio.timeout_at(deadline):
                    sock = await asyncio.shield(arrival)
            except TimeoutError:
                raise ProtocolError(f"no way to the display came within {timeout:g} s") from None
            return result, [sock.detach()]

    def _readable(self) -> None:
        self._heard = time.monotonic()
        super()._readable()

    def _arrived(self, message: Any, descriptors: list[int]) -> None:
        if not isinstance(message, messages.Ping):
            super()._arrived(message, descriptors)

    def _keep(self) -> None:
        """What is between drops a connection that is quiet, and may do so without a word to us."""
        if time.monotonic() - self._heard > _SILENT:
            log.info("a session over the network is silent", session=self.session_id)
            self.close()
            return
        self.send(messages.Ping())
        self._ping = self._loop.call_later(_PING_EVERY, self._keep)

    def _ping_over(self) -> None:
        self._ping.cancel()


class Weblinks:
    """Who may call in. ``verify`` gives ``id user exp`` of a token that was signed here; ``hello`` is told of hellos.

    A token is bound by its first call to a secret of the session's, kept (hashed) in the store: from then on it is good
    with that alone, for as long as the session lives.
    """

    def __init__(
        self, store: Store, registry: Registry, clock: Clock, limit: Limit,
        verify: Callable[[str], dict[str, Any] | None], account: Callable[[str], Awaitable[Account]], hello: Hello,
    ) -> None:  # fmt: skip
        self._store = store
        self._registry = registry
        self._clock = clock
        self._limit = limit
        self._verify = verify
        self._account = account
        self._hello = hello
        self._connections: set[WeblinkConnection] = set()
        self._unheard: dict[str, WeblinkConnection] = {}  # each session's last call
        self._bound: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.displays = Displays()

    async def open(self) -> None:
        self._bound = {entry.key for entry in await self._store.list(BUCKET) if entry.value and "key" in entry.value}

    def bound(self, session_id: str) -> bool:
        """Whether it calls in over the network: no link of this host knows whether it lives."""
        return session_id in self._bound

    async def admit(self, token: str, key: str, session_id: str, address: str) -> tuple[Account, str]:
        """Whose and which session it is that calls; WeblinkRefused or WeblinkOver, and a line in the log, if none."""
        try:
            return await self._admit(token, key, session_id)
        except (WeblinkRefused, WeblinkOver) as refusal:
            self._refused(refusal, session_id, address)
            raise

    def _refused(self, refusal: PortcallError, session_id: str, address: str) -> None:
        """TooManyAttempts, and no line in the log, for who goes on. A good token is good all the while."""
        try:
            self._limit.check(address, address)  # a name stands for a person: here nobody's
        except TooManyAttempts as wait:
            seconds = wait.extra.get("retry_after")
            words = f"Too many calls from {address} were refused; try again in {seconds} s."
            raise TooManyAttempts(words, **wait.extra) from None
        self._limit.failed(address, address)
        said = session_id if is_session_id(session_id) else "?"
        log.warning("weblink refused", session=said, address=address, reason=str(refusal))

    async def _admit(self, token: str, key: str, session_id: str) -> tuple[Account, str]:
        claims = self._verify(token)
        if claims is None:
            raise WeblinkRefused("The token (WEBLINK_PRIMARY) is not one of this server's.")
        own = str(claims["id"])
        if session_id and session_id != own:
            raise WeblinkRefused(f"The token is for another session than {session_id}.")
        if not 16 <= len(key) <= _MOST_KEY:
            raise WeblinkRefused("A call needs a secret of the session's own (Weblink-Key).")
        if self._registry.purged(own):
            raise WeblinkOver(f"The session {own} was purged.")
        session = self._registry.find(own)
        if session is not None and session.user != claims["user"]:
            raise WeblinkRefused(f"The session {own} is not one of {claims['user']}'s.")
        await self._bind(own, key, float(claims["exp"]))
        self._bound.add(own)
        return await self._account(str(claims["user"])), own

    async def _bind(self, session_id: str, key: str, expires: float) -> None:
        """Bind the token to the key, or see that it is."""
        entry = await self._store.get(BUCKET, session_id)
        if entry is None or entry.value is None:
            if expires <= self._clock.now():
                raise WeblinkRefused("The token (WEBLINK_PRIMARY) has expired.")
            try:
                await self._store.put(BUCKET, session_id, {"key": _hash(key).hex(), "expires": expires}, revision=0)
                return
            except RevisionConflict:
                entry = await self._store.get(BUCKET, session_id)
        bound = entry.value if entry is not None and entry.value is not None else {}
        if bound.get("over"):
            raise WeblinkOver(f"The session {session_id} is over, and its token with it.")
        if not hmac.compare_digest(str(bound.get("key", "")), _hash(key).hex()):
            raise WeblinkRefused("The token (WEBLINK_PRIMARY) is used by another process already.")

    async def display(self, token: str, address: str) -> Callable[[socket.socket], None]:
        """Who gets the socket that comes with this token."""
        try:
            return self.displays.take(token)
        except WeblinkRefused as refusal:
            self._refused(refusal, "", address)
            raise

    def connected(self, sock: socket.socket, account: Account, session_id: str) -> None:
        """A call that was admitted; the socket is this connection's from now on."""
        before = self._unheard.pop(session_id, None)
        if before is not None and before.on_message is None:
            before.close()  # a session calls once at a time: who has not said hello yet, has given that call up
        connection = self._unheard[session_id] = WeblinkConnection(
            sock, self._hello, account, session_id, self.displays
        )
        self._connections.add(connection)
        connection.on_close.append(lambda: self._left(connection))
        log.info("weblink", session=session_id, user=account.name)

    def _left(self, connection: WeblinkConnection) -> None:
        self._connections.discard(connection)
        if self._unheard.get(connection.session_id) is connection:
            del self._unheard[connection.session_id]

    def forget(self, session_id: str) -> None:
        """The session's record is gone: its token will never be good again."""
        self._bound.discard(session_id)
        task = asyncio.get_running_loop().create_task(self._forget(session_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _forget(self, session_id: str) -> None:
        with contextlib.suppress(PortcallError):
            entry = await self._store.get(BUCKET, session_id)
            if entry is not None and entry.value is not None and not entry.value.get("over"):
                left = float(entry.value.get("expires", 0.0)) - self._clock.now()
                if left > 0:
                    await self._store.put(BUCKET, session_id, {"over": True}, ttl=left)
                else:
                    await self._store.delete(BUCKET, session_id)

    def close(self) -> None:
        for connection in tuple(self._connections):
            connection.close()


def keep_alive(sock: socket.socket) -> None:
    """A network that was cut is noticed, on TCP; elsewhere there is nothing to be set."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in (
            (socket.TCP_KEEPIDLE, 10), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 4),
            (socket.TCP_USER_TIMEOUT, _LOST_AFTER * 1000),
        ):  # fmt: skip
            sock.setsockopt(socket.IPPROTO_TCP, option, value)


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
