"""Runs what schedulers are asked: as a job's user through their link, or as the service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from portcall.errors import PortcallError, SchedulerSilent
from portcall.model.start import Invocation, Output
from portcall.model.user import Account
from portcall.wire import messages

_LAST_WORD = 5.0  # seconds beyond the command's own time limit


class Link(Protocol):
    async def request(self, make: Callable[[int], Any], timeout: float = 10.0) -> tuple[dict[str, Any], list[int]]: ...


class Commands:
    """``runtime`` is where a start script finds this server."""

    def __init__(
        self, service: Callable[[Invocation], Awaitable[Output]], link: Callable[[Account], Awaitable[Link]],
        account: Callable[[str], Awaitable[Account]], runtime: str,
    ) -> None:  # fmt: skip
        self._service = service
        self._link = link
        self._account = account
        self._runtime = runtime

    async def link_is_there(self, user: str) -> None:
        """Returns once a link of theirs has called, which has ended all that was bound to an earlier server of ours."""
        await self._link(await self._account(user))

    async def as_service(self, invocation: Invocation) -> Output:
        return await self._service(invocation)

    async def as_user(self, user: str | Account, invocation: Invocation, bound: bool = False) -> Output:
        """``bound``: killed if the connection to the link goes; whether it was done is then not known.

        SchedulerSilent where nobody could be asked, or the answer was lost.
        """
        if invocation.as_service:
            return await self.as_service(invocation)
        try:
            link = await self._link(await self._account(user) if isinstance(user, str) else user)
            return await through(link, invocation, self._runtime, bound)
        except PortcallError as error:
            raise SchedulerSilent(error.detail) from error


async def through(link: Link, invocation: Invocation, runtime: str, bound: bool = False) -> Output:
    """Run by the link, as its user; a start script in it finds this server, whichever others there are."""
    environment = {**invocation.environment, "PORTCALL_RUNTIME_DIR": runtime}
    result, _ = await link.request(
        lambda seq: messages.RunCommand(
            seq, list(invocation.argv), invocation.stdin, environment, invocation.timeout, bound
        ),
        invocation.timeout + _LAST_WORD,
    )
    code = result.get("code")
    return Output(code if isinstance(code, int) else 1, str(result.get("stdout", "")), str(result.get("stderr", "")))
