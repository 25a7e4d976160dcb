"""install/pam.d/portcall, as libpam reads it."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from portcall.libpam import PROMPT_ECHO_OFF, Message, PamError, Transaction
from tests.accounts import Account
from tests.installation import TOP

OURS = TOP / "install/pam.d/portcall"
PAM_AUTH_ERR = 7


@pytest.fixture
def service() -> Iterator[str]:
    """Our file in force under a name of its own, beside those that it includes."""
    place = Path("/etc/pam.d", f"portcall-test-{secrets.token_hex(4)}")
    shutil.copy(OURS, place)
    yield place.name
    place.unlink()


@pytest.fixture
def login(service: str, new_account: Callable[[], Account]) -> Iterator[Callable[[str | None], Transaction]]:
    """A transaction of a new person who answers with this password; None: the right one."""
    begun: list[Transaction] = []

    def begin(password: str | None) -> Transaction:
        person = new_account()

        def converse(messages: list[Message]) -> list[str | None]:
            answer = person.password if password is None else password
            return [answer if style == PROMPT_ECHO_OFF else None for style, _ in messages]

        begun.append(Transaction(service, person.name, converse))
        return begun[-1]

    yield begin
    for transaction in begun:
        transaction.end()


@pytest.mark.root
def test_the_right_password_opens_a_session(login: Callable[[str | None], Transaction]) -> None:
    transaction = login(None)
    transaction.authenticate()
    transaction.check_account()
    transaction.open_session()
    transaction.close_session()


@pytest.mark.root
@pytest.mark.parametrize("password", ["", "wrong", "x" * 500])
def test_any_other_password_is_refused(password: str, login: Callable[[str | None], Transaction]) -> None:
    with pytest.raises(PamError) as refused:
        login(password).authenticate()
    assert refused.value.code == PAM_AUTH_ERR


def test_being_root_is_no_password() -> None:
    # pam_rootok, as in the service "su", lets root in as anybody
    assert "pam_rootok" not in OURS.read_text()
