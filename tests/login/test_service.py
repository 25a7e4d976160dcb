"""Logins in the service itself: connections, names, times."""

from __future__ import annotations

import asyncio
import os
import pwd
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from portcall.authenticators.base import Ask, Authenticator, Proof
from portcall.bus import Bus
from portcall.errors import Forbidden, LoginExpired, LoginFailed, NoLink, NoServerFits
from portcall.login.accounts import Accounts, read_account
from portcall.login.permissions import Permissions
from portcall.login.service import SEEN_EVERY, LoginService
from portcall.login.tokens import Tokens
from portcall.model.user import Account
from portcall.stores.memory import Memory
from tests.fixtures.clocks import HandClock
from tests.fixtures.settings import config_in

ME = pwd.getpwuid(os.geteuid()).pw_name


@dataclass(eq=False)
class Connection:
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    def close(self) -> None:
        self.closed.set()


class Trusting(Authenticator):
    """Whoever you say you are. Its proofs have a connection."""

    name = "ssh"
    title = "Trusting"

    def __init__(self) -> None:
        self.connection = Connection()
        self.refusal: Exception | None = None

    def unavailable(self) -> str:
        return ""

    async def authenticate(self, user: str, given: dict[str, Any], ask: Ask, address: str) -> Proof:
        if self.refusal is not None:
            raise self.refusal
        return Proof(user, self.name, self.connection)


class World:
    def __init__(self, folder: Path) -> None:
        self.clock = HandClock()
        config = config_in(folder, login_methods="ssh")
        self.rules = config.directories.config / "permissions.toml"
        self.store = Memory(self.clock)
        tokens = Tokens(self.store, self.clock, config.directories.local, "server")
        self.way = Trusting()
        self.accounts: dict[str, Account] = {ME: read_account(ME)}
        accounts = Accounts(self.clock, read=lambda key: self.accounts[str(key)])
        permissions = Permissions(config)
        self.service = LoginService(config, self.clock, Bus(), tokens, permissions, accounts, {"ssh": self.way})

    async def log_in(self, user: str = ME) -> str:
        return (await self.service.begin("ssh", {"user": user}, "192.0.2.1")).token


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    one = World(tmp_path)
    yield one
    await one.service.close()


async def test_a_link_is_started_on_the_connection_of_the_login_which_is_then_closed(world: World) -> None:
    seen: asyncio.Queue[tuple[str, Any, bool]] = asyncio.Queue()

    async def use(account: Account, connection: Any) -> None:
        seen.put_nowait((account.name, connection, connection.closed.is_set()))

    world.service.on_connection = use
    await world.log_in()
    assert await seen.get() == (ME, world.way.connection, False)
    await world.way.connection.closed.wait()


async def test_a_link_that_cannot_be_started_at_login_does_not_spoil_the_login(world: World) -> None:
    async def fail(account: Account, connection: Any) -> None:
        raise NoLink("not today")

    world.service.on_connection = fail
    assert await world.service.authenticate(await world.log_in())
    await world.way.connection.closed.wait()


async def test_who_may_not_come_in_leaves_no_connection(world: World) -> None:
    world.rules.write_text(f'[users]\n{ME} = "disabled"\n')
    with pytest.raises(Forbidden):
        await world.log_in()
    assert world.way.connection.closed.is_set()


async def test_what_is_decided_before_a_login_is_told_only_to_who_proves_to_be_that_user(world: World) -> None:
    """It speaks of servers, and of who is an administrator."""
    order: list[str] = []

    async def decide(user: str, server_id: str, method: str) -> None:
        order.append(f"{user} by {method}")
        raise NoServerFits("all 3 are full", servers=[{"serverId": "secret"}])

    world.service.before = decide
    world.way.refusal = LoginFailed()
    with pytest.raises(LoginFailed) as refusal:
        await world.log_in()
    assert refusal.value.problem() == LoginFailed().problem()
    world.way.refusal = None
    with pytest.raises(NoServerFits, match="all 3 are full"):
        await world.log_in()
    assert order == [f"{ME} by ssh"] * 2
    assert world.way.connection.closed.is_set()
    assert await world.service.list() == []


async def test_one_without_an_account_on_this_host_is_refused_like_any_other(world: World) -> None:
    with pytest.raises(LoginFailed) as refusal:
        await world.log_in("stranger")
    assert refusal.value.detail == LoginFailed.title
    assert world.way.connection.closed.is_set()


async def test_the_login_has_the_hosts_spelling_of_the_name(world: World) -> None:
    """Directories that ignore case answer for any spelling; sessions must belong to one."""
    world.accounts[ME.upper()] = world.accounts[ME]
    login = await world.service.authenticate(await world.log_in(ME.upper()))
    assert login.sub == ME


@pytest.mark.parametrize("user", ["", "-u root", "../etc", "a\nb", "a\0b", "\ud800", "x" * 1000, "a/b"])
async def test_what_cannot_be_a_name_is_not_even_tried(world: World, user: str) -> None:
    world.accounts[user] = world.accounts[ME]
    with pytest.raises(LoginFailed):
        await world.log_in(user)


async def test_the_level_is_that_of_the_moment(world: World) -> None:
    token = await world.log_in()
    assert (await world.service.authenticate(token)).level == "full"
    world.rules.write_text(f'[users]\n{ME} = "manager"\n')
    assert (await world.service.authenticate(token)).level == "manager"
    world.clock.move(10)
    del world.accounts[ME]
    with pytest.raises(LoginExpired, match="no longer on this host"):
        await world.service.authenticate(token)


async def test_being_seen_is_not_written_at_each_request(world: World) -> None:
    token = await world.log_in()
    revision = (await world.store.list("logins"))[0].revision
    for _ in range(10):
        world.clock.move(1)
        await world.service.authenticate(token)
    assert (await world.store.list("logins"))[0].revision == revision
    assert (await world.service.list(ME))[0].last_seen == world.clock.now()
    world.clock.move(SEEN_EVERY)
    await world.service.authenticate(token)
    assert (await world.store.list("logins"))[0].revision > revision


async def test_a_browsers_login_ends_after_its_hours(world: World) -> None:
    token = await world.log_in()
    world.clock.move(12 * 3600 - 1)
    await world.service.authenticate(token)
    world.clock.move(1)
    with pytest.raises(LoginExpired):
        await world.service.authenticate(token)
