"""PAM logins, with the host's real PAM."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from portcall.authenticators.pam import Pam
from portcall.clock import Clock
from portcall.errors import LoginFailed
from tests.accounts import Account
from tests.fixtures.conversations import Person
from tests.fixtures.pam import Codes, pam_service
from tests.fixtures.settings import config_in

MakeAccount = Callable[[], Account]


def change(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def pam(folder: Path, service: str) -> Pam:
    return Pam(config_in(folder, pam_service=service), Clock())


@pytest.mark.root
async def test_the_right_password_logs_in(tmp_path: Path, new_account: MakeAccount) -> None:
    account = new_account()
    with pam_service() as service:
        proof = await pam(tmp_path, service).authenticate(account.name, {"password": account.password}, Person(), "")
    assert (proof.user, proof.method) == (account.name, "pam")


@pytest.mark.root
async def test_without_a_password_it_is_asked_for_in_pams_own_words(tmp_path: Path, new_account: MakeAccount) -> None:
    account = new_account()
    person = Person([account.password])
    with pam_service() as service:
        await pam(tmp_path, service).authenticate(account.name, {}, person, "192.0.2.1")
    assert [(prompt.text, prompt.echo) for prompt in person.asked[0].prompts] == [("Password:", False)]


@pytest.mark.root
async def test_a_verification_code_is_a_second_round(tmp_path: Path, new_account: MakeAccount) -> None:
    account, codes = new_account(), Codes(tmp_path)
    codes.give(account.name)
    person = Person([codes.next(account.name)])
    with pam_service(codes.stack) as service:
        proof = await pam(tmp_path, service).authenticate(account.name, {"password": account.password}, person, "")
    assert proof.user == account.name
    assert "One-time password" in person.asked[0].prompts[0].text


@pytest.mark.root
@pytest.mark.parametrize("case", ["unknown user", "wrong password", "wrong code", "blank", "expired account", "locked"])
async def test_all_refusals_have_the_same_words(tmp_path: Path, new_account: MakeAccount, case: str) -> None:
    account, codes = new_account(), Codes(tmp_path)
    codes.give(account.name)
    code = "000000" if case == "wrong code" else codes.next(account.name)
    name = "no-such-user" if case == "unknown user" else account.name
    password = {"wrong password": "guess", "blank": ""}.get(case, account.password)
    if case == "expired account":
        change("chage", "--expiredate", "2001-01-01", account.name)
    if case == "locked":
        change("usermod", "--lock", account.name)
    with pam_service(codes.stack) as service, pytest.raises(LoginFailed) as refusal:
        await pam(tmp_path, service).authenticate(name, {"password": password}, Person([code]), "")
    assert refusal.value.detail == LoginFailed.title


@pytest.mark.root
async def test_an_account_without_a_password_is_not_open_to_all(tmp_path: Path, new_account: MakeAccount) -> None:
    account = new_account()
    change("passwd", "--delete", account.name)
    stack = "auth required pam_unix.so nullok\naccount required pam_unix.so\n"
    with pam_service(stack) as service:
        for given in ({"password": ""}, {}):
            with pytest.raises(LoginFailed):
                await pam(tmp_path, service).authenticate(account.name, given, Person([""]), "")


@pytest.mark.root
async def test_an_expired_password_is_told_to_who_knew_it_alone(tmp_path: Path, new_account: MakeAccount) -> None:
    account = new_account()
    change("chage", "--lastday", "0", account.name)
    with pam_service() as service:
        with pytest.raises(LoginFailed, match="expired"):
            await pam(tmp_path, service).authenticate(account.name, {"password": account.password}, Person(), "")
        with pytest.raises(LoginFailed, match="not accepted"):
            await pam(tmp_path, service).authenticate(account.name, {"password": "guess"}, Person(), "")


@pytest.mark.root
async def test_a_login_given_up_leaves_no_process(tmp_path: Path, new_account: MakeAccount) -> None:
    """A module that hangs: pam_exec waits for a program that does not end."""
    program = tmp_path / "hang"
    fifo = tmp_path / "began"
    os.mkfifo(fifo)
    program.write_text(f"#!/bin/sh\necho > {fifo}\nexec sleep 600\n")
    program.chmod(0o755)
    with pam_service(f"auth required pam_exec.so {program}\n") as service:
        before = {child.pid for child in psutil.Process().children(recursive=True)}
        login = asyncio.create_task(pam(tmp_path, service).authenticate("root", {"password": "x"}, Person(), ""))
        await asyncio.to_thread(fifo.read_bytes)
        login.cancel()
        with pytest.raises(asyncio.CancelledError):
            await login
    assert {child.pid for child in psutil.Process().children(recursive=True)} <= before


@pytest.mark.parametrize("service", ["su", "../evil", "includes-rootok"])
def test_a_service_that_lets_root_in_is_refused(tmp_path: Path, service: str) -> None:
    (tmp_path / "su").write_text("auth sufficient pam_rootok.so\n")
    (tmp_path / "common").write_text("auth [success=done default=ignore] pam_rootok.so\n")
    (tmp_path / "includes-rootok").write_text("@include common\nauth required pam_unix.so\n")
    (tmp_path / "login").write_text("auth required pam_unix.so\n")
    settings = config_in(tmp_path, one_person=True, pam_service=service)
    assert Pam(settings, Clock(), tmp_path).unavailable()


def test_login_is_the_service_where_there_is_none_of_ours(tmp_path: Path) -> None:
    settings = config_in(tmp_path, one_person=True)
    assert "no PAM service 'login'" in Pam(settings, Clock(), tmp_path).unavailable()
    (tmp_path / "login").write_text("auth required pam_unix.so\n")
    assert not Pam(settings, Clock(), tmp_path).unavailable()
