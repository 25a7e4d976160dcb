"""Links of a one-person server."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from portcall.authenticators.token import LIFETIME, Token
from portcall.errors import LoginFailed
from tests.fixtures.clocks import HandClock
from tests.fixtures.conversations import Person
from tests.fixtures.settings import config_in


async def logs_in(tokens: Token, token: object) -> bool:
    try:
        proof = await tokens.authenticate("", {"token": token}, Person(), "127.0.0.1")
    except LoginFailed:
        return False
    return proof.user == pwd.getpwuid(os.geteuid()).pw_name


async def test_a_link_opens_once(tmp_path: Path) -> None:
    tokens = Token(config_in(tmp_path, one_person=True), HandClock())
    token = tokens.issue()
    assert await logs_in(tokens, token)
    assert not await logs_in(tokens, token)


async def test_another_process_can_print_a_further_link(tmp_path: Path) -> None:
    server = Token(config_in(tmp_path, one_person=True), HandClock())
    first = server.issue()
    second = Token(config_in(tmp_path, one_person=True), HandClock()).issue()
    assert await logs_in(server, second)
    assert await logs_in(server, first)


async def test_a_link_that_nobody_opened_expires(tmp_path: Path) -> None:
    clock = HandClock()
    tokens = Token(config_in(tmp_path, one_person=True), clock)
    token = tokens.issue()
    clock.move(LIFETIME)
    assert not await logs_in(tokens, token)


@pytest.mark.parametrize("token", ["", None, 7, "x", "\ud800", "a" * 10_000])
async def test_what_is_no_token_opens_nothing(tmp_path: Path, token: object) -> None:
    tokens = Token(config_in(tmp_path, one_person=True), HandClock())
    tokens.issue()
    assert not await logs_in(tokens, token)


async def test_the_token_is_nowhere_on_disk(tmp_path: Path) -> None:
    config = config_in(tmp_path, one_person=True)
    token = Token(config, HandClock()).issue()
    file = config.directories.local / "links.json"
    assert token not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600


async def test_a_server_of_many_has_no_links(tmp_path: Path) -> None:
    tokens = Token(config_in(tmp_path), HandClock())
    assert tokens.unavailable()
    assert not await logs_in(tokens, tokens.issue())
