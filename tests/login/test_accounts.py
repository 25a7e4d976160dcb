"""Accounts, and a name service that hangs."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator

import pytest

from portcall.errors import NotFound, ServerUnreachable
from portcall.login.accounts import FRESH, Accounts, read_account
from portcall.model.user import Account
from tests.fixtures.clocks import HandClock


class SlowNameService:
    """Answers at once until it is told to hang."""

    def __init__(self) -> None:
        self.hangs = threading.Event()
        self.end = threading.Event()
        self.asked = 0

    def read(self, key: str | int) -> Account:
        self.asked += 1
        if self.hangs.is_set():
            self.end.wait(30)
        return Account("ann", 1234, 1234, "/home/ann", "/bin/sh", ["staff"])


@pytest.fixture
def service() -> Iterator[SlowNameService]:
    one = SlowNameService()
    yield one
    one.end.set()


async def test_root_is_the_hosts() -> None:
    account = await Accounts(HandClock()).lookup("root")
    assert (account.uid, account.gid, account.groups[0]) == (0, 0, "root")
    assert (await Accounts(HandClock()).by_uid(0)).name == "root"


@pytest.mark.parametrize("name", ["", "no such user", "a\0b", "\ud800", "x" * 5000])
async def test_who_is_not_there_is_not_found(name: str) -> None:
    with pytest.raises(NotFound):
        await Accounts(HandClock()).lookup(name)


@pytest.mark.parametrize("uid", [-1, 2**31 - 7, 2**40])
async def test_a_uid_that_nobody_has_is_not_found(uid: int) -> None:
    with pytest.raises(NotFound):
        await Accounts(HandClock()).by_uid(uid)


def test_all_groups_are_named() -> None:
    assert set(read_account(os.geteuid()).groups)


async def test_an_answer_is_used_for_a_few_seconds(service: SlowNameService) -> None:
    clock = HandClock()
    accounts = Accounts(clock, read=service.read)
    await accounts.lookup("ann")
    await accounts.by_uid(1234)
    assert service.asked == 1
    clock.move(FRESH)
    await accounts.lookup("ann")
    assert service.asked == 2


async def test_while_the_name_service_hangs_what_is_known_is_used(service: SlowNameService) -> None:
    clock = HandClock()
    accounts = Accounts(clock, timeout=0.05, read=service.read)
    known = await accounts.lookup("ann")
    clock.move(FRESH)
    service.hangs.set()
    assert await accounts.lookup("ann") == known
    assert accounts.groups("ann") == ["staff"]


async def test_a_name_service_that_hangs_is_said_so(service: SlowNameService) -> None:
    service.hangs.set()
    with pytest.raises(ServerUnreachable, match="account database"):
        await Accounts(HandClock(), timeout=0.05, read=service.read).lookup("ann")


async def test_questions_do_not_pile_up_while_the_name_service_hangs(service: SlowNameService) -> None:
    service.hangs.set()
    accounts = Accounts(HandClock(), timeout=0.02, read=service.read)
    answers = await asyncio.gather(*(accounts.lookup("ann") for _ in range(50)), return_exceptions=True)
    assert {type(answer) for answer in answers} == {ServerUnreachable}
    assert service.asked == 1
