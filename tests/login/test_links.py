"""Getting a link: the existing one, each kind in turn, one attempt for all who want it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from portcall.authenticators.base import Prompt, Round
from portcall.clock import Clock
from portcall.errors import NoLink
from portcall.links.base import LinkKind, LinkPlan
from portcall.links.same_user import SameUser
from portcall.login.accounts import read_account
from portcall.login.links import Links
from portcall.model.user import Account
from tests.fixtures.conversations import Person
from tests.fixtures.link_server import CalledLink, LinkServer, link_server
from tests.fixtures.settings import config_in

ME = read_account(os.geteuid())
Told = list[tuple[str, str, str]]


class AbsentKind(LinkKind):
    name = "absent"

    def unavailable(self, account: Account) -> str:
        return "it is not installed"

    async def start(self, plan: LinkPlan) -> None:
        raise AssertionError


class BadKind(LinkKind):
    name = "bad"

    def unavailable(self, account: Account) -> str:
        return ""

    async def start(self, plan: LinkPlan) -> None:
        raise NoLink("the door is locked")


class SilentKind(LinkKind):
    """Starts nothing."""

    name = "silent"

    def unavailable(self, account: Account) -> str:
        return ""

    async def start(self, plan: LinkPlan) -> None:
        pass


class NeverKind(SilentKind):
    """Never comes back, until it is given up."""

    name = "never"

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.given_up = asyncio.Event()

    async def start(self, plan: LinkPlan) -> None:
        self.began.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.given_up.set()


class AskingKind(SilentKind):
    """Needs a password."""

    name = "asking"

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.go_on = asyncio.Event()

    async def start(self, plan: LinkPlan) -> None:
        self.began.set()
        await self.go_on.wait()
        if plan.ask is None:
            raise NoLink("nobody can be asked")
        await plan.ask(Round((Prompt("Password:"),)))


@pytest.fixture
async def server() -> AsyncIterator[LinkServer]:
    async with link_server() as running:
        yield running


def links(server: LinkServer, *kinds: LinkKind, within: float = 10.0) -> Links:
    server.links = Links(kinds, lambda account: server.command(), Clock(), within)
    return server.links


def trace(told: Told) -> Any:
    return lambda step, took, result, detail: told.append((step, result, detail))


async def test_the_first_kind_that_works_gives_the_link_and_all_are_in_the_trace(
    tmp_path: Path, server: LinkServer
) -> None:
    told: Told = []
    all_kinds = links(server, AbsentKind(), BadKind(), SameUser(config_in(tmp_path)))
    link = await all_kinds.ensure(ME, trace=trace(told))
    assert all_kinds.get(ME.name) is link
    assert told == [
        ("link-absent", "skipped", "it is not installed"),
        ("link-bad", "failed", "the door is locked"),
        ("link-same_user", "started", ""),
    ]
    await all_kinds.close()


async def test_a_link_that_is_there_is_used(tmp_path: Path, server: LinkServer) -> None:
    told: Told = []
    all_kinds = links(server, SameUser(config_in(tmp_path)))
    link = await all_kinds.ensure(ME)
    assert await all_kinds.ensure(ME, trace=trace(told)) is link
    assert told == [("link", "existing", "the link that is already there")]
    assert server.calls == 1
    await all_kinds.close()


async def test_a_link_that_the_user_started_counts(server: LinkServer) -> None:
    told: Told = []
    all_kinds = links(server, BadKind())
    own = CalledLink(ME, {}, "user")
    all_kinds.register(own)
    assert await all_kinds.ensure(ME, trace=trace(told)) is own
    assert told == [("link", "existing", "started by the user, on this host")]
    all_kinds.gone(own)
    assert all_kinds.get(ME.name) is None


async def test_all_who_want_a_link_at_once_share_one(tmp_path: Path, server: LinkServer) -> None:
    told: Told = []
    all_kinds = links(server, SameUser(config_in(tmp_path)))
    found = await asyncio.gather(*(all_kinds.ensure(ME, trace=trace(told)) for _ in range(20)))
    assert len(set(map(id, found))) == 1
    assert server.calls == 1
    assert told == [("link-same_user", "started", "")] * 20
    await all_kinds.close()


async def test_a_link_that_left_is_started_again(tmp_path: Path, server: LinkServer) -> None:
    all_kinds = links(server, SameUser(config_in(tmp_path)))
    first = await all_kinds.ensure(ME)
    assert isinstance(first, CalledLink)
    first.hang_up()
    await first.left.wait()
    assert await all_kinds.ensure(ME) is not first
    await all_kinds.close()


async def test_one_error_names_each_attempt(server: LinkServer) -> None:
    told: Told = []
    all_kinds = links(server, AbsentKind(), BadKind(), SilentKind(), within=0.05)
    with pytest.raises(NoLink) as refusal:
        await all_kinds.ensure(ME, trace=trace(told))
    for words in (
        ME.name,
        "absent: it is not installed",
        "bad: the door is locked",
        "silent: the link was started, but",
    ):
        assert words in refusal.value.detail
    assert [result for _, result, _ in told] == ["skipped", "failed", "failed"]
    with pytest.raises(NoLink, match="no way is configured"):
        await links(server).ensure(ME)


async def test_who_can_be_asked_does_not_share_the_failure_of_one_who_cannot(server: LinkServer) -> None:
    kind = AskingKind()
    all_kinds = links(server, kind)
    alone = asyncio.create_task(all_kinds.ensure(ME))
    await kind.began.wait()
    was_asked = asyncio.Event()
    person = Person(lambda asked: [str(was_asked.set())])
    asked = asyncio.create_task(all_kinds.ensure(ME, person))
    kind.go_on.set()
    with pytest.raises(NoLink, match="nobody can be asked"):
        await alone
    link = CalledLink(ME, {})
    await was_asked.wait()
    all_kinds.register(link)
    assert await asked is link
    await all_kinds.close()


async def test_an_attempt_is_given_up_when_nobody_waits_any_more(server: LinkServer) -> None:
    kind = NeverKind()
    all_kinds = links(server, kind)
    waiting = [asyncio.create_task(all_kinds.ensure(ME)) for _ in range(2)]
    await kind.began.wait()
    waiting[0].cancel()
    await asyncio.wait(waiting[:1])
    assert not kind.given_up.is_set()
    waiting[1].cancel()
    await asyncio.wait_for(kind.given_up.wait(), 5)


async def test_a_link_that_calls_before_its_starter_returns_is_used_at_once(server: LinkServer) -> None:
    kind = NeverKind()
    all_kinds = links(server, kind)
    waiting = asyncio.create_task(all_kinds.ensure(ME))
    await kind.began.wait()
    link = CalledLink(ME, {})
    all_kinds.register(link)
    assert await waiting is link
    await all_kinds.close()
    assert kind.given_up.is_set()
