"""Who logs in, and how a link gets to run as them: real server, PAM, sshd and sudo, and users of the test's own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.accounts import Account
from tests.fixtures.pam import PASSWORD, Codes, pam_service
from tests.fixtures.service import Service, service
from tests.fixtures.sshd import PROMPTS, Sshd, sshd

pytestmark = pytest.mark.root
MakeAccount = Callable[[], Account]
PORTCALL = Path(sys.executable).with_name("portcall")


@pytest.fixture
def person(new_account: MakeAccount) -> Account:
    return new_account()


@pytest.fixture
def codes(tmp_path: Path, person: Account) -> Codes:
    codes = Codes(tmp_path)
    codes.give(person.name)
    return codes


@pytest.fixture
def ssh(tmp_path: Path, codes: Codes) -> Iterator[Sshd]:
    """Asks for a password and a verification code."""
    with pam_service(codes.stack) as name, sshd(tmp_path, PROMPTS, name) as running:
        running.known_hosts.chmod(0o644)
        for folder in (tmp_path, *tmp_path.parents[:2]):
            folder.chmod(0o755)
        yield running


def log_in(server: Service, method: str, person: Account, *answers: Callable[[], str]) -> httpx.Client:
    """A client that is logged in; each answer is asked for in a stage of its own."""
    client = server.client()
    body = {"method": method, "user": person.name, "password": person.password, "api": True}
    stage = client.post("/login", json=body).json()
    for answer in answers:
        assert stage["stage"] == "prompt", stage
        stage = client.post(f"/login/{stage['attempt']}", json={"answers": [answer()]}).json()
    assert stage["stage"] == "success", stage
    return server.client(stage["token"])


def start(client: httpx.Client, *answers: Callable[[], str]) -> dict[str, tuple[str, str]]:
    """What the trace of a start says of links: step → result, detail. The session is ended again."""
    answer: dict[str, Any] = client.post("/sessions", json={"command": "xterm"}).json()
    for given in answers:
        assert answer["stage"] == "auth", answer
        answer = client.post(f"/starts/{answer['attempt']}", json={"answers": [given()]}).json()
    assert answer.get("result", {}).get("state") == "running", answer
    client.post(f"/sessions/{answer['result']['id']}/terminate", json={})
    steps = [step for step in answer["trace"] if step["step"].startswith("link")]
    return {step["step"]: (step["result"], step.get("detail", "")) for step in steps}


def until_there(path: Path) -> None:
    """Until a program that was started has made its socket."""
    subprocess.run(["timeout", "60", "sh", "-c", f"until [ -S {path} ]; do sleep 0.05; done"], check=True)


def end_links(account: Account) -> None:
    """kill -9 for all that runs as the account."""
    processes = [one for one in psutil.process_iter(["uids"]) if one.info["uids"].real == account.uid]
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):  # its own end was under way
            process.send_signal(signal.SIGKILL)
    psutil.wait_procs(processes, 30)


def test_a_password_and_a_code_by_pam_and_a_link_by_root_in_a_pam_session(codes: Codes, person: Account) -> None:
    with pam_service(codes.stack) as name, service(PORTCALL, pam_service=name) as server:
        client = log_in(server, "pam", person, lambda: codes.next(person.name))
        assert start(client)["link-setuid"] == ("started", "")
        assert start(client)["link"][0] in ("existing", "ready")
        end_links(person)
        assert start(client)["link-setuid"] == ("started", "")


def test_an_ssh_login_starts_the_link_and_without_it_the_prompts_come_again(
    new_account: MakeAccount, person: Account, codes: Codes, ssh: Sshd
) -> None:
    """The service user may nothing but SSH."""

    def password() -> str:
        return person.password

    def code() -> str:
        return codes.next(person.name)

    with service(PORTCALL, new_account(), **ssh.settings) as server:
        client = log_in(server, "ssh", person, code)
        found = start(client)
        assert found.get("link-ssh", ("existing",))[0] in ("started", "existing")
        end_links(person)
        found = start(client, password, code)
        assert found["link-ssh"] == ("started", "")
        assert found["link-sudo"][0] == "failed"


@pytest.mark.parametrize("where", ["key file", "agent"])
def test_the_command_line_logs_in_with_a_key(
    new_account: MakeAccount, person: Account, tmp_path: Path, where: str
) -> None:
    key = tmp_path / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    folder = person.home / ".ssh"
    folder.mkdir()
    (folder / "authorized_keys").write_text(key.with_suffix(".pub").read_text())
    for path in (folder, folder / "authorized_keys"):
        os.chown(path, person.uid, person.gid)
    environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(tmp_path)}
    with contextlib.ExitStack() as stack:
        if where == "agent":
            agent = subprocess.Popen(["ssh-agent", "-D", "-a", tmp_path / "agent"], stdout=subprocess.DEVNULL)
            stack.callback(agent.wait)
            stack.callback(agent.terminate)
            environment["SSH_AUTH_SOCK"] = str(tmp_path / "agent")
            until_there(tmp_path / "agent")
            subprocess.run(["ssh-add", "-q", key], check=True, env=environment, stderr=subprocess.DEVNULL)
        option = ["--agent"] if where == "agent" else ["--key", key]
        running = stack.enter_context(sshd(tmp_path))
        running.known_hosts.chmod(0o644)
        for parent in (tmp_path, *tmp_path.parents[:2]):
            parent.chmod(0o755)
        server = stack.enter_context(service(PORTCALL, new_account(), **running.settings))
        command = [PORTCALL, "login", server.url, "--user", person.name, "--method", "ssh", *option, "--json"]
        result = subprocess.run(
            command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
        )
        assert result.returncode == 0, result.stderr
        end_links(person)


def test_sudo_comes_before_ssh_where_it_is_allowed(
    new_account: MakeAccount, person: Account, installed: Path, tmp_path: Path
) -> None:
    home, owner = installed / "usr/lib/portcall", new_account()
    rules = Path(f"/etc/sudoers.d/{owner.name}")
    rules.write_text(
        (home / "examples/sudoers")
        .read_text()
        .replace("/usr/lib/portcall", str(home))
        .replace("PORTCALL_LINK", f"LINK_{os.getpid()}")
        .replace("portcall ALL", f"{owner.name} ALL")
    )
    rules.chmod(0o440)
    try:
        with pam_service(PASSWORD) as name, sshd(tmp_path, pam_service=name) as running:
            running.known_hosts.chmod(0o644)
            for folder in (tmp_path, *tmp_path.parents[:2]):
                folder.chmod(0o755)
            with service(home / "venv/bin/portcall", owner, **running.settings) as server:
                client = log_in(server, "ssh", person)
                end_links(person)
                assert start(client)["link-sudo"] == ("started", "")
    finally:
        rules.unlink()


def test_one_who_may_not_log_in_starts_nothing(person: Account) -> None:
    with pam_service(PASSWORD) as name, service(PORTCALL, pam_service=name) as server:
        client = log_in(server, "pam", person)
        rules = server.config / "permissions.toml"
        rules.write_text(f'[users]\n"{person.name}" = "limited"\n')
        refused = client.post("/sessions", json={"command": "xterm"})
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        assert "bookmark" in refused.json()["detail"]
        rules.write_text(f'[users]\n"{person.name}" = "disabled"\n')
        assert client.post("/sessions", json={"command": "xterm"}).status_code == 401
