"""Links of people: which are there, and how one is got: the existing one first, then each kind in the order set."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from portcall.clock import Clock
from portcall.errors import NoLink, PortcallError
from portcall.links.base import Ask, LinkKind, LinkPlan
from portcall.model.user import Account

REGISTER_WITHIN = 10.0  # seconds from the start of a link to its hello

Trace = Callable[[str, float, str, str], None]  # step, took, result, detail


class LiveLink(Protocol):
    """A link process that is connected: ``started_by`` is ``server``, or ``user`` for one that the person's own SSH
    login started."""

    account: Account
    started_by: str

    async def request(self, make: Callable[[int], Any], timeout: float = 10.0) -> Any: ...


@dataclass
class _Search:
    """An ``ensure`` under way, shared by all who want that user's link."""

    task: asyncio.Task[LiveLink]
    asks: bool  # somebody can be asked for a password, or has been
    told: list[tuple[str, float, str, str]] = field(default_factory=list)
    waiting: int = 0


class Links:
    """``command`` gives the argv that starts an account's link; it holds no secret."""

    def __init__(
        self,
        kinds: Sequence[LinkKind],
        command: Callable[[Account], tuple[str, ...]],
        clock: Clock,
        register_within: float = REGISTER_WITHIN,
    ) -> None:
        self._kinds = kinds
        self._command = command
        self._clock = clock
        self._within = register_within
        self._live: dict[str, list[LiveLink]] = {}
        self._arrivals: dict[str, set[asyncio.Event]] = {}
        self._searches: dict[str, _Search] = {}
        self._background: set[asyncio.Task[None]] = set()

    def register(self, link: LiveLink) -> None:
        """A link process of ``link.account`` said hello."""
        self._live.setdefault(link.account.name, []).append(link)
        for arrival in self._arrivals.get(link.account.name, ()):
            arrival.set()

    def gone(self, link: LiveLink) -> None:
        links = self._live.get(link.account.name, [])
        if link in links:
            links.remove(link)
        if not links:
            self._live.pop(link.account.name, None)

    def get(self, user: str) -> LiveLink | None:
        """The link that came last: an older one may be about to leave."""
        links = self._live.get(user)
        return links[-1] if links else None

    def all(self) -> list[LiveLink]:
        return [link for links in self._live.values() for link in links]

    async def ensure(
        self, account: Account, ask: Ask | None = None, trace: Trace | None = None, connection: Any = None
    ) -> LiveLink:
        """The user's link, started where there is none. NoLink names each attempt and why it failed.

        ``ask`` relays prompts to the person, ``connection`` is that of an SSH login. Who comes while an attempt is
        under way shares it; it is given up when nobody waits for it any more.
        """
        trace = trace or _untold
        if (link := self.get(account.name)) is not None:
            trace("link", 0.0, "existing", _whose(link))
            return link
        asks = ask is not None or connection is not None
        search = self._searches.get(account.name)
        if search is None:
            told: list[tuple[str, float, str, str]] = []
            task = asyncio.get_running_loop().create_task(self._search(account, ask, told, connection))
            search = self._searches[account.name] = _Search(task, asks, told)
            task.add_done_callback(lambda _: self._searches.pop(account.name, None))
        search.waiting += 1
        try:
            return await asyncio.shield(search.task)
        except NoLink:
            if search.asks or not asks:
                raise
        finally:
            search.waiting -= 1
            if not search.task.done() and not search.waiting:
                search.task.cancel()
            for step in search.told:
                trace(*step)
        return await self.ensure(account, ask, trace, connection)  # this time somebody can be asked

    async def close(self) -> None:
        """Stops waiting for links; those that were started go on."""
        tasks = {search.task for search in self._searches.values()} | self._background
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _search(
        self, account: Account, ask: Ask | None, told: list[tuple[str, float, str, str]], connection: Any
    ) -> LiveLink:
        reasons: list[str] = []
        plan = LinkPlan(account, self._command(account), ask, connection)
        for kind in self._kinds:
            began = self._clock.monotonic()
            reason, result = kind.unavailable(account), "skipped"
            if not reason:
                try:
                    link = await self._start(kind, plan)
                    told.append((f"link-{kind.name}", self._clock.monotonic() - began, "started", ""))
                    return link
                except PortcallError as error:
                    reason, result = error.detail, "failed"
            told.append((f"link-{kind.name}", self._clock.monotonic() - began, result, reason))
            reasons.append(f"{kind.name}: {reason}")
        raise NoLink(
            f"no process could be started as {account.name} — " + "; ".join(reasons or ["no way is configured"])
        )

    async def _start(self, kind: LinkKind, plan: LinkPlan) -> LiveLink:
        """The link once it has said hello, which may be before ``start`` returns."""
        user, arrival = plan.account.name, asyncio.Event()
        self._arrivals.setdefault(user, set()).add(arrival)
        arrived = asyncio.get_running_loop().create_task(_awaited(arrival))
        starting = asyncio.get_running_loop().create_task(kind.start(plan))
        try:
            await asyncio.wait({starting, arrived}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                await asyncio.wait({arrived}, timeout=self._within)
            if (link := self.get(user)) is not None:
                return link
            raise NoLink(f"the link was started, but did not call within {self._within:g} s")
        except asyncio.CancelledError:
            starting.cancel()
            raise
        finally:
            arrived.cancel()
            self._arrivals[user].discard(arrival)
            if not self._arrivals[user]:
                del self._arrivals[user]
            self._leave(starting)

    def _leave(self, starting: asyncio.Task[None]) -> None:
        """Whoever started the link may still watch over it; its result no longer matters."""
        if starting.done():
            return
        self._background.add(starting)
        starting.add_done_callback(self._background.discard)
        starting.add_done_callback(lambda task: task.cancelled() or task.exception())


async def _awaited(arrival: asyncio.Event) -> None:
    await arrival.wait()


def _whose(link: LiveLink) -> str:
    return "started by the user, on this host" if link.started_by == "user" else "the link that is already there"


def _untold(step: str, took: float, result: str, detail: str) -> None:
    pass
