"""Ours pass the contracts that others' implementations are held to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from portcall.authenticators.token import Token
from portcall.clock import Clock
from portcall.displays.xvnc import Xvnc
from portcall.links.same_user import SameUser
from portcall.login.accounts import read_account
from portcall.model.user import Account
from portcall.testing.contracts.authenticator import AuthenticatorContract, Refused
from portcall.testing.contracts.display import DisplayContract
from portcall.testing.contracts.link import LinkContract
from tests.fixtures.hostile import TEXTS
from tests.fixtures.settings import config_in


class TestXvnc(DisplayContract):
    @pytest.fixture
    def display(self) -> Xvnc:
        return Xvnc()


class TestToken(AuthenticatorContract):
    @pytest.fixture
    def authenticator(self, tmp_path: Path) -> Token:
        return Token(config_in(tmp_path, one_person=True), Clock())

    @pytest.fixture
    def wrong(self) -> Refused:
        return [*(("", {"token": text}) for text in TEXTS.values()), ("root", {}), ("root", {"token": 5})]


class TestSameUser(LinkContract):
    @pytest.fixture
    def kind(self, tmp_path: Path) -> SameUser:
        return SameUser(config_in(tmp_path))

    @pytest.fixture
    def account(self) -> Account:
        return read_account(os.getuid())
