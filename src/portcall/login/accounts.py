"""The host's Linux accounts, asked in threads of their own: a name service may hang, the server must not."""

from __future__ import annotations

import asyncio
import contextlib
import grp
import os
import pwd
import threading
from collections.abc import Callable
from typing import TypeVar

from portcall.clock import Clock
from portcall.errors import NotFound, ServerUnreachable
from portcall.model.user import Account

T = TypeVar("T")
FRESH = 5.0  # seconds an answer is used again
STALE = 3600.0  # seconds an answer may stand in for one that does not come
_KEPT = 10_000


class Accounts:
    """``lookup`` and ``by_uid`` raise NotFound for an account that is not there, ServerUnreachable where the name
    service did not answer in time and nothing is known from before."""

    def __init__(self, clock: Clock, timeout: float = 5.0, read: Callable[[str | int], Account] | None = None) -> None:
        self._clock = clock
        self._timeout = timeout
        self._read = read or read_account
        self._known: dict[str | int, tuple[float, Account]] = {}
        self._asking: dict[str | int, asyncio.Future[Account]] = {}

    async def lookup(self, name: str) -> Account:
        return await self._find(name)

    async def by_uid(self, uid: int) -> Account:
        return await self._find(uid)

    def groups(self, name: str) -> list[str]:
        """The groups of an account that was asked for lately, without waiting; empty where nothing is known."""
        _, account = self._known.get(name, (0.0, None))
        return account.groups if account else []

    async def _find(self, key: str | int) -> Account:
        now = self._clock.monotonic()
        read_at, account = self._known.get(key, (float("-inf"), None))
        if account is not None and now - read_at < FRESH:
            return account
        try:
            return await asyncio.wait_for(asyncio.shield(self._asked(key)), self._timeout)
        except KeyError:
            self._known.pop(key, None)
            raise NotFound(f"there is no account {key!r} on this host") from None
        except TimeoutError:
            if account is not None and now - read_at < STALE:
                return account
            raise ServerUnreachable(f"the host's account database did not answer within {self._timeout:g} s") from None

    def _asked(self, key: str | int) -> asyncio.Future[Account]:
        """One question at a time for each key: while the name service hangs, threads must not pile up."""
        if key not in self._asking:
            self._asking[key] = in_thread(lambda: self._read(key))
            self._asking[key].add_done_callback(lambda answer: self._answered(key, answer))
        return self._asking[key]

    def _answered(self, key: str | int, answer: asyncio.Future[Account]) -> None:
        del self._asking[key]
        if answer.cancelled() or answer.exception() is not None:
            return
        if len(self._known) >= _KEPT:
            self._known.clear()
        account = answer.result()
        for name in (account.name, account.uid):
            self._known[name] = (self._clock.monotonic(), account)


def read_account(key: str | int) -> Account:
    """KeyError for one that is not there."""
    try:
        entry = pwd.getpwnam(key) if isinstance(key, str) else pwd.getpwuid(key)
    except (ValueError, UnicodeEncodeError, OverflowError):  # a NUL in the name, a uid out of range
        raise KeyError(key) from None
    groups = []
    for gid in os.getgrouplist(entry.pw_name, entry.pw_gid):
        try:
            groups.append(grp.getgrgid(gid).gr_name)
        except KeyError:
            continue  # a group without a name cannot be named in a file either
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir, entry.pw_shell, groups)


def in_thread(function: Callable[[], T]) -> asyncio.Future[T]:
    """The function's result, from a thread of its own, which ends with the process if it hangs: the pool of
    ``asyncio.to_thread`` would be used up by calls that hang, and would hang at exit."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def deliver(result: T | None, error: BaseException | None) -> None:
        if not future.done():
            future.set_exception(error) if error else future.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, error = None, None
        try:
            result = function()
        except Exception as raised:  # noqa: BLE001  carried to the caller
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(deliver, result, error)

    threading.Thread(target=run, daemon=True, name="account-lookup").start()
    return future
