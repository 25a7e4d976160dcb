"""SSH logins, with a real sshd."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from portcall.authenticators.base import Proof, Round
from portcall.authenticators.ssh import Ssh
from portcall.clock import Clock
from portcall.errors import LoginFailed, ServerUnreachable
from tests.accounts import Account
from tests.fixtures.conversations import Person
from tests.fixtures.pam import PASSWORD, Codes, pam_service
from tests.fixtures.settings import config_in
from tests.fixtures.sshd import PASSWORD_ONLY, PROMPTS, Sshd, sshd

MakeAccount = Callable[[], Account]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """Passwords and keys."""
    with pam_service(PASSWORD) as service, sshd(tmp_path_factory.mktemp("sshd"), PASSWORD_ONLY, service) as running:
        yield running


@pytest.fixture
def codes(tmp_path: Path) -> Codes:
    return Codes(tmp_path)


@pytest.fixture
def asking(tmp_path: Path, codes: Codes) -> Iterator[Sshd]:
    """Keyboard-interactive: a password, then a verification code."""
    with pam_service(codes.stack) as service, sshd(tmp_path, PROMPTS, service) as running:
        yield running


async def login(folder: Path, server: Sshd, user: str, person: Person, **given: str) -> Proof:
    settings = config_in(folder, **server.settings)
    return await Ssh(settings, Clock()).authenticate(user, given, person, "")


async def runs_as(proof: Proof) -> str:
    """Who a command on the proof's connection runs as; closes it."""
    result = await proof.connection.run("id -un", check=True)
    proof.connection.close()
    await proof.connection.wait_closed()
    return str(result.stdout).strip()


@pytest.mark.root
async def test_a_password_logs_in_and_the_connection_stays_open(
    tmp_path: Path, server: Sshd, new_account: MakeAccount
) -> None:
    account = new_account()
    proof = await login(tmp_path, server, account.name, Person(), password=account.password)
    assert await runs_as(proof) == account.name


@pytest.mark.root
async def test_without_a_password_it_is_asked_for(tmp_path: Path, server: Sshd, new_account: MakeAccount) -> None:
    account = new_account()
    person = Person([account.password])
    proof = await login(tmp_path, server, account.name, person)
    assert await runs_as(proof) == account.name
    assert not person.asked[0].prompts[0].echo


@pytest.mark.root
async def test_all_rounds_are_relayed_in_sshds_own_words(
    tmp_path: Path, asking: Sshd, codes: Codes, new_account: MakeAccount
) -> None:
    account = new_account()
    codes.give(account.name)
    person = Person([account.password], lambda _: [codes.next(account.name)])
    proof = await login(tmp_path / "server", asking, account.name, person)
    assert await runs_as(proof) == account.name
    assert [asked.prompts[0].text[:17] for asked in person.asked] == ["Password:", "One-time password"]


@pytest.mark.root
async def test_a_password_that_came_along_answers_the_first_prompt_only(
    tmp_path: Path, asking: Sshd, codes: Codes, new_account: MakeAccount
) -> None:
    account = new_account()
    codes.give(account.name)
    person = Person(lambda _: [codes.next(account.name)])
    proof = await login(tmp_path / "server", asking, account.name, person, password=account.password)
    assert await runs_as(proof) == account.name


@pytest.mark.root
async def test_a_key_and_then_prompts_are_both_asked_for(
    tmp_path: Path, codes: Codes, new_account: MakeAccount
) -> None:
    account = new_account()
    codes.give(account.name)
    options = f"{PROMPTS}AuthenticationMethods publickey,keyboard-interactive\n"
    key = asyncssh.generate_private_key("ssh-ed25519")
    authorize(account, key)
    person = Person(signer(key), [account.password], lambda _: [codes.next(account.name)])
    with pam_service(codes.stack) as service, sshd(tmp_path, options, service) as server:
        proof = await login(
            tmp_path / "server", server, account.name, person, publicKey=key.export_public_key().decode()
        )
        assert await runs_as(proof) == account.name


@pytest.mark.root
@pytest.mark.parametrize("kind", ["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256"])
async def test_a_key_signs_where_its_owner_is(
    tmp_path: Path, server: Sshd, new_account: MakeAccount, kind: str
) -> None:
    account, key = new_account(), asyncssh.generate_private_key(kind)
    authorize(account, key)
    proof = await login(tmp_path, server, account.name, Person(signer(key)), publicKey=key.export_public_key().decode())
    assert await runs_as(proof) == account.name


@pytest.mark.root
async def test_nothing_is_signed_for_a_key_that_is_not_known(
    tmp_path: Path, server: Sshd, new_account: MakeAccount
) -> None:
    account, key = new_account(), asyncssh.generate_private_key("ssh-ed25519")
    person = Person([account.password])
    proof = await login(tmp_path, server, account.name, person, publicKey=key.export_public_key().decode())
    assert await runs_as(proof) == account.name
    assert [asked.sign for asked in person.asked] == [""]


@pytest.mark.root
@pytest.mark.parametrize("signature", ["", "no base64!", base64.b64encode(b"wrong").decode()])
async def test_a_wrong_signature_is_refused(
    tmp_path: Path, server: Sshd, new_account: MakeAccount, signature: str
) -> None:
    account, key = new_account(), asyncssh.generate_private_key("ssh-ed25519")
    authorize(account, key)
    with pytest.raises(LoginFailed):
        await login(
            tmp_path, server, account.name, Person([signature], ["guess"]),
            publicKey=key.export_public_key().decode(),
        )  # fmt: skip


@pytest.mark.root
@pytest.mark.parametrize("case", ["unknown user", "wrong password", "blank", "no key"])
async def test_all_refusals_have_the_same_words(
    tmp_path: Path, server: Sshd, new_account: MakeAccount, case: str
) -> None:
    account = new_account()
    name = "no-such-user" if case == "unknown user" else account.name
    given = {"password": {"wrong password": "guess", "blank": ""}.get(case, account.password)}
    with pytest.raises(LoginFailed) as refusal:
        await login(tmp_path, server, name, Person(), **given if case != "no key" else {"publicKey": "nonsense"})
    assert refusal.value.detail == LoginFailed.title or case == "no key"


@pytest.mark.root
async def test_a_wrong_password_is_sent_once(tmp_path: Path, new_account: MakeAccount) -> None:
    """Twice would count double where accounts are locked after some failures."""
    account = new_account()
    options = "PasswordAuthentication yes\nKbdInteractiveAuthentication yes\n"
    with pam_service(PASSWORD) as service, sshd(tmp_path, options, service) as server:
        with pytest.raises(LoginFailed):
            await login(tmp_path / "server", server, account.name, Person(), password="guess")
        assert server.log.read_text().count("authentication failure") + server.log.read_text().count("PAM: Auth") <= 2
        assert "Failed password" not in server.log.read_text()


@pytest.mark.root
async def test_no_password_is_sent_to_a_server_with_another_key(
    tmp_path: Path, server: Sshd, new_account: MakeAccount
) -> None:
    account = new_account()
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    hosts = tmp_path / "known_hosts"
    hosts.write_text(f"[127.0.0.1]:{server.port} {other}")
    settings = config_in(tmp_path, **{**server.settings, "ssh_known_hosts": str(hosts)})
    with pytest.raises(ServerUnreachable, match="host key"):
        await Ssh(settings, Clock()).authenticate(account.name, {"password": account.password}, Person(), "")


class HostileServer(asyncssh.SSHServer):
    """Asks what should be shown to nobody as it comes."""

    def begin_auth(self, username: str) -> bool:
        return True

    def kbdint_auth_supported(self) -> bool:
        return True

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> Any:
        return "\x1b]0;title\x07", "one\r\n\x1b[2Jtwo" + "x" * 10_000, "", [("\x9b31mPass\u202eword:\x00", False)]

    def validate_kbdint_response(self, username: str, responses: Any) -> Any:
        return "", "", "", [("again", False)] * 50


async def test_what_sshd_says_is_shown_as_plain_text_and_not_without_end(tmp_path: Path) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    listener = await asyncssh.create_server(HostileServer, "127.0.0.1", 0, server_host_keys=[key])
    settings = config_in(tmp_path, ssh_host="127.0.0.1", ssh_port=listener.get_port())
    person = Person(["answer"])
    with pytest.raises(LoginFailed):
        await Ssh(settings, Clock()).authenticate("ann", {}, person, "")
    listener.close()
    (asked,) = person.asked
    assert asked.title == "]0;title"
    assert asked.instructions.startswith("one\n[2Jtwoxxx")
    assert len(asked.instructions) <= 4000
    assert asked.prompts[0].text == "31mPassword:"


async def test_an_sshd_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    settings = config_in(tmp_path, ssh_host="127.0.0.1", ssh_port=1)
    with pytest.raises(ServerUnreachable, match=r"127\.0\.0\.1:1"):
        await Ssh(settings, Clock()).authenticate("anybody", {"password": "x"}, Person(), "")


@pytest.mark.parametrize(
    ("host", "fine"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("10.1.2.3", False)]
)
def test_elsewhere_than_on_loopback_the_host_key_must_be_known(tmp_path: Path, host: str, fine: bool) -> None:
    assert (Ssh(config_in(tmp_path, ssh_host=host), Clock()).unavailable() == "") is fine


def authorize(account: Account, key: asyncssh.SSHKey) -> None:
    folder = account.home / ".ssh"
    folder.mkdir(exist_ok=True)
    (folder / "authorized_keys").write_text(key.export_public_key().decode())
    for path in (folder, folder / "authorized_keys"):
        path.chmod(0o700)
        os.chown(path, account.uid, account.gid)


def signer(key: asyncssh.SSHKey) -> Callable[[Round], list[str]]:
    """Signs as an agent would: with the algorithm that the data asks for."""

    def sign(asked: Round) -> list[str]:
        data = base64.b64decode(asked.sign)
        algorithm = next(name for name in (b"rsa-sha2-512", b"rsa-sha2-256", key.algorithm) if name in data)
        return [base64.b64encode(key.sign(data, algorithm)).decode()]

    return sign
