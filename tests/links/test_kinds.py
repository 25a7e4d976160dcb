"""Each way to get a link running, with real processes, users, sudo and sshd."""

from __future__ import annotations

import asyncio
import grp
import os
import pwd
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import psutil
import pytest

from portcall.authenticators.ssh import Ssh as SshLogin
from portcall.clock import Clock
from portcall.errors import NoLink
from portcall.links.base import LinkKind, LinkPlan
from portcall.links.same_user import SameUser
from portcall.links.setuid import Setuid
from portcall.links.ssh import Ssh
from portcall.links.sudo import Sudo
from portcall.login.accounts import read_account
from portcall.model.user import Account as Account_
from tests.accounts import Account
from tests.fixtures.conversations import Person
from tests.fixtures.link_server import CalledLink, LinkServer, link_server
from tests.fixtures.pam import PASSWORD, Codes, pam_service
from tests.fixtures.settings import config_in
from tests.fixtures.sshd import PROMPTS, Sshd, sshd

MakeAccount = Callable[[], Account]


@pytest.fixture
async def server() -> AsyncIterator[LinkServer]:
    async with link_server() as running:
        yield running


@pytest.fixture(scope="module")
def ssh_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with pam_service(PASSWORD) as service, sshd(tmp_path_factory.mktemp("sshd"), pam_service=service) as running:
        yield running


async def started(server: LinkServer, kind: LinkKind, plan: LinkPlan) -> CalledLink:
    starting = asyncio.create_task(kind.start(plan))
    link = await server.called.get()
    await starting
    assert psutil.pid_exists(link.about["pid"])
    return link


def change(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


async def ended(link: CalledLink, *others: psutil.Process) -> None:
    """The link is hung up; it ends, and so does what waits for it."""
    process = psutil.Process(link.about["pid"])
    others += tuple(child for child in psutil.Process().children() if child.pid == process.ppid())
    link.hang_up()
    await asyncio.to_thread(psutil.wait_procs, [process, *others], 60)
    assert not process.is_running()


# -- same user


@pytest.mark.parametrize("options", [[], ["--foreground"]])
async def test_ones_own_link_has_a_session_of_its_own_and_nothing_of_ours(
    tmp_path: Path, server: LinkServer, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    monkeypatch.setenv("PORTCALL_SECRET", "of the server")
    account = read_account(os.geteuid())
    kind = SameUser(config_in(tmp_path))
    assert not kind.unavailable(account)
    link = await started(server, kind, LinkPlan(account, server.command(*options)))
    assert link.about["session"] != os.getsid(0)
    assert "PORTCALL_SECRET" not in link.about["environment"]
    assert link.about["streams"]["0"] == link.about["streams"]["1"] == "/dev/null"
    assert set(link.about["descriptors"]) <= {0, 1, 2, 3, 4}
    await ended(link)


async def test_what_the_command_said_is_in_the_error(tmp_path: Path, server: LinkServer) -> None:
    plan = LinkPlan(read_account(os.geteuid()), server.command("--fail"))
    with pytest.raises(NoLink, match="the runtime directory has the wrong owner"):
        await SameUser(config_in(tmp_path)).start(plan)


async def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    plan = LinkPlan(read_account(os.geteuid()), ("/nowhere/python3", "x"))
    with pytest.raises(NoLink, match=r"/nowhere/python3: No such file"):
        await SameUser(config_in(tmp_path)).start(plan)


async def test_a_link_that_ends_later_leaves_no_zombie(tmp_path: Path, server: LinkServer) -> None:
    plan = LinkPlan(read_account(os.geteuid()), server.command("--foreground"))
    link = await started(server, SameUser(config_in(tmp_path)), plan)
    process = psutil.Process(link.about["pid"])
    link.hang_up()
    await asyncio.to_thread(process.wait, 60)


# -- setuid


@pytest.mark.root
@pytest.mark.parametrize("with_pam", [True, False])
async def test_root_becomes_the_user_and_nothing_more(
    tmp_path: Path, server: LinkServer, new_account: MakeAccount, with_pam: bool
) -> None:
    account, group = new_account(), "users"
    change("usermod", "--append", "--groups", group, account.name)
    with pam_service(PASSWORD) as service:
        kind = Setuid(config_in(tmp_path, pam_service=service, pam_session=with_pam))
        link = await started(server, kind, LinkPlan(read_account(account.name), server.command()))
    assert set(link.about["uids"]) == {account.uid}
    assert set(link.about["gids"]) == {account.gid}
    assert set(link.about["groups"]) == {account.gid, grp.getgrnam(group).gr_gid}
    assert link.about["environment"]["HOME"] == str(account.home)
    assert link.about["environment"]["USER"] == account.name
    assert link.about["session"] == link.about["pid"]
    await ended(link)


@pytest.mark.root
async def test_limits_umask_and_environment_are_pams(
    tmp_path: Path, server: LinkServer, new_account: MakeAccount
) -> None:
    account = new_account()
    limits, environment = tmp_path / "limits.conf", tmp_path / "environment"
    limits.write_text(f"{account.name} - nofile 777\n{account.name} - core 0\n")
    environment.write_text("SITE_LICENSE=27000@licences\n")
    stack = (
        "account required pam_unix.so\n"
        f"session required pam_limits.so conf={limits}\n"
        f"session required pam_env.so readenv=1 envfile={environment}\n"
        "session required pam_umask.so umask=027\n"
    )
    with pam_service(stack) as service:
        kind = Setuid(config_in(tmp_path, pam_service=service))
        link = await started(server, kind, LinkPlan(read_account(account.name), server.command()))
    assert (link.about["files"], link.about["core"], link.about["umask"]) == (777, 0, 0o027)
    assert link.about["environment"]["SITE_LICENSE"] == "27000@licences"
    await ended(link)


@pytest.mark.root
@pytest.mark.parametrize("how", ["leaves", "killed", "its wrapper is told to end"])
async def test_the_pam_session_is_closed_when_the_link_has_ended(
    tmp_path: Path, server: LinkServer, new_account: MakeAccount, how: str
) -> None:
    account, diary, program = new_account(), tmp_path / "diary", tmp_path / "write"
    program.write_text(f'#!/bin/sh\necho "$PAM_TYPE $PAM_USER" >> {diary}\n')
    program.chmod(0o755)
    stack = f"account required pam_unix.so\nsession required pam_exec.so {program}\n"
    with pam_service(stack) as service:
        kind = Setuid(config_in(tmp_path, pam_service=service))
        link = await started(server, kind, LinkPlan(read_account(account.name), server.command()))
        assert diary.read_text() == f"open_session {account.name}\n"
        process = psutil.Process(link.about["pid"])
        wrapper = process.parent()
        assert wrapper is not None
        if how == "killed":
            process.kill()
        if how == "its wrapper is told to end":
            wrapper.terminate()
        else:
            link.hang_up()
        await asyncio.to_thread(psutil.wait_procs, [process, wrapper], 60)
    assert diary.read_text() == f"open_session {account.name}\nclose_session {account.name}\n"


@pytest.mark.root
async def test_an_expired_account_gets_no_link(tmp_path: Path, server: LinkServer, new_account: MakeAccount) -> None:
    account = new_account()
    change("chage", "--expiredate", "2001-01-01", account.name)
    with pam_service(PASSWORD) as service:
        kind = Setuid(config_in(tmp_path, pam_service=service))
        with pytest.raises(NoLink, match=r"PAM .* refuses a session"):
            await kind.start(LinkPlan(read_account(account.name), server.command()))


@pytest.mark.root
def test_setuid_is_for_root_alone(new_account: MakeAccount) -> None:
    account = new_account()
    program = (
        f"import os; os.setuid({account.uid})\n"
        "from portcall.links.setuid import Setuid\n"
        "from portcall.login.accounts import read_account\n"
        f"print(Setuid({{}}).unavailable(read_account({account.name!r})))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "the server does not run as root"


# -- sudo


@pytest.fixture
def allowed(server: LinkServer, new_account: MakeAccount) -> Iterator[Account]:
    """A service user who may start the link program as anybody but root, by sudo."""
    service = new_account()
    rules = Path(f"/etc/sudoers.d/{service.name}")
    rules.write_text(
        f"Defaults!{server.program} !requiretty, !use_pty, !lecture\n"
        f"{service.name} ALL = (ALL, !root, !#0) NOPASSWD: {server.program}\n"
    )
    rules.chmod(0o440)
    yield service
    rules.unlink()


def sudo_as(
    account: Account, target: str, command: tuple[str, ...], times: int = 1
) -> subprocess.CompletedProcess[str]:
    """Starts a link by sudo in a process of the service user."""
    program = (
        "import asyncio, os, sys\n"
        f"os.initgroups({account.name!r}, {account.gid}); os.setgid({account.gid}); os.setuid({account.uid})\n"
        "from portcall.links.base import LinkPlan\n"
        "from portcall.links.sudo import Sudo\n"
        "from portcall.login.accounts import read_account\n"
        "from portcall.errors import NoLink\n"
        f"target = read_account({target!r})\n"
        "reason = Sudo({}).unavailable(target)\n"
        "if reason: print(reason); sys.exit()\n"
        "async def start(kind):\n"
        "    try:\n"
        f"        await kind.start(LinkPlan(target, {command!r}))\n"
        "    except NoLink as error: print(error.detail)\n"
        "async def main(kind):\n"
        f"    for _ in range({times}): await start(kind)\n"
        "asyncio.run(main(Sudo({})))\n"
    )
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd="/")


@pytest.mark.root
async def test_sudo_starts_the_link_of_another(server: LinkServer, allowed: Account, new_account: MakeAccount) -> None:
    account = new_account()
    result = await asyncio.to_thread(sudo_as, allowed, account.name, server.command())
    assert result.stdout == ""
    link = await server.called.get()
    assert set(link.about["uids"]) == {account.uid}
    assert link.about["environment"]["HOME"] == str(account.home)
    await ended(link)


@pytest.mark.root
def test_sudo_says_why_it_does_not(server: LinkServer, allowed: Account, new_account: MakeAccount) -> None:
    other, account = new_account(), new_account()
    for result in (
        sudo_as(other, account.name, server.command()),  # nobody allowed this one
        sudo_as(allowed, account.name, ("/bin/sh", "-c", "id")),  # nor anything but the link
    ):
        assert "password is required" in result.stdout or "not allowed" in result.stdout
    assert "never used to become root" in sudo_as(allowed, "root", server.command()).stdout


@pytest.mark.root
def test_sudo_is_not_asked_again_for_a_while_after_a_refusal(server: LinkServer, new_account: MakeAccount) -> None:
    other, account = new_account(), new_account()
    first, second = sudo_as(other, account.name, server.command(), times=2).stdout.splitlines()
    assert first.startswith("sudo: ")
    assert re.fullmatch(rf"{re.escape(first)} \(asked \d+ s ago\)", second)


async def test_sudo_runs_the_program_of_the_installation_with_the_links_arguments(tmp_path: Path) -> None:
    installed = tmp_path / "lib" / "libexec" / "portcall-link"
    installed.parent.mkdir(parents=True)
    installed.touch(0o755)
    fake, said = tmp_path / "sudo", tmp_path / "said"
    fake.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {said}\n')
    fake.chmod(0o755)
    kind = Sudo(config_in(tmp_path / "server"), (tmp_path / "lib/venvs", tmp_path / "lib"), str(tmp_path))
    command = ("/usr/bin/python3", "-I", "-S", "-E", "/run/portcall/lib/1/libexec/portcall-link", "--socket", "/x")
    await kind.start(LinkPlan(Account_("ann", 4242, 4242, "/home/ann", "/bin/sh"), command))
    assert said.read_text().split() == ["-n", "-u", "ann", "--", str(installed), "--socket", "/x"]


# -- ssh


@pytest.mark.root
async def test_a_link_is_started_on_the_connection_of_a_login_and_outlives_it(
    tmp_path: Path, server: LinkServer, ssh_server: Sshd, new_account: MakeAccount
) -> None:
    account, settings = new_account(), config_in(tmp_path, **ssh_server.settings)
    given = {"password": account.password}
    proof = await SshLogin(settings, Clock()).authenticate(account.name, given, Person(), "")
    plan = LinkPlan(read_account(account.name), server.command(), connection=proof.connection)
    link = await started(server, Ssh(settings), plan)
    proof.connection.close()
    await proof.connection.wait_closed()
    assert set(link.about["uids"]) == {account.uid}
    assert not link.left.is_set()
    await ended(link)


@pytest.mark.root
@pytest.mark.parametrize("shell", ["/bin/bash", "/bin/sh"])
async def test_without_a_connection_the_prompts_are_relayed(
    tmp_path: Path, server: LinkServer, new_account: MakeAccount, shell: str
) -> None:
    account, codes = new_account(), Codes(tmp_path)
    codes.give(account.name)
    change("usermod", "--shell", shell, account.name)
    person = Person([account.password], lambda _: [codes.next(account.name)])
    with pam_service(codes.stack) as service, sshd(tmp_path, PROMPTS, service) as running:
        kind = Ssh(config_in(tmp_path / "server", **running.settings))
        plan = LinkPlan(read_account(account.name), server.command("--foreground"), person)
        link = await started(server, kind, plan)
        assert set(link.about["uids"]) == {account.uid}
    assert not link.left.is_set()
    await ended(link)


@pytest.mark.root
async def test_ssh_says_why_it_does_not(
    tmp_path: Path, server: LinkServer, ssh_server: Sshd, new_account: MakeAccount
) -> None:
    account = new_account()
    kind, user = Ssh(config_in(tmp_path, **ssh_server.settings)), read_account(account.name)
    with pytest.raises(NoLink, match="nobody is there to be asked"):
        await kind.start(LinkPlan(user, server.command()))
    with pytest.raises(NoLink, match="did not accept"):
        await kind.start(LinkPlan(user, server.command(), Person(["guess"])))
    with pytest.raises(NoLink, match="the runtime directory has the wrong owner"):
        await kind.start(LinkPlan(user, server.command("--fail"), Person([account.password])))


def test_nobody_but_oneself_is_the_same_user(tmp_path: Path) -> None:
    other = read_account("daemon" if os.geteuid() == 0 else "root")
    assert pwd.getpwuid(os.geteuid()).pw_name != other.name
    assert SameUser(config_in(tmp_path)).unavailable(other)
