"""Logging in: rounds of prompts, keys, certificates that no authority vouches for."""

from __future__ import annotations

import base64
import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from portcall.cli.keys import Key, from_file, signature_algorithm
from portcall.client import trust
from portcall.errors import ProtocolError
from tests.cli.conftest import Portcall
from tests.cli.terminal import Terminal
from tests.client.certificates import own_certificate
from tests.client.stand_in import StandIn, served

PROGRAM = [sys.executable, "-m", "portcall"]


@pytest.fixture
def environment(portcall: Portcall) -> dict[str, str]:
    """What a program started by us sees: the fixture's home, no server, no token."""
    return dict(os.environ)


def tokens(home: Path) -> dict[str, Any]:
    document = json.loads((home / ".config/portcall/tokens.json").read_text())
    (entries,) = document.values()
    return dict(entries)


def test_a_password_and_two_rounds_of_prompts_are_asked_in_the_terminal(
    place: StandIn, environment: dict[str, str], tmp_path: Path
) -> None:
    prompt, stage = {"text": "Code\x1b[2J", "echo": True}, {"stage": "prompt", "attempt": "a1"}
    place.stages = [{**stage, "title": "Second factor", "prompts": [prompt]},
                    {**stage, "instructions": "Again", "prompts": [prompt, prompt]}]  # fmt: skip
    with Terminal([*PROGRAM, "login", place.url, "--user", "ann"], environment) as terminal:
        terminal.wait_for("Password of ann")
        terminal.type("hunter2\n")
        terminal.wait_for("Second factor\r\nCode\\x1b[2J: ")
        terminal.type("123\n")
        terminal.wait_for("Again\r\n")
        terminal.type("4\n5\n")
        assert terminal.end() == 0
    assert "hunter2" not in terminal.seen
    assert "Logged in" in terminal.seen
    said = [body for method, path, body in place.asked if method == "POST"]
    assert said[0]["password"] == "hunter2"
    assert said[0]["api"] is True
    assert [body["answers"] for body in said[1:]] == [["123"], ["4", "5"]]
    assert tokens(tmp_path)[place.url]["token"] == "good"


def test_a_login_that_is_interrupted_is_given_up(place: StandIn, environment: dict[str, str]) -> None:
    place.stages = [{"stage": "prompt", "attempt": "a1", "prompts": [{"text": "Code", "echo": False}]}]
    with Terminal([*PROGRAM, "login", place.url, "--method", "ssh"], environment) as terminal:
        terminal.wait_for("Code: ")
        terminal.type("\x03")
        assert terminal.end() == 130
    assert place.asked[-1][:2] == ("DELETE", "/login/a1")


def test_without_a_terminal_a_password_comes_from_standard_input(
    place: StandIn, environment: dict[str, str], tmp_path: Path
) -> None:
    words = [*PROGRAM, "login", place.url, "--user", "ann", "--json"]
    done = subprocess.run(words, input="hunter2\n", capture_output=True, text=True, env=environment, check=True)
    assert json.loads(done.stdout)["login"]["sub"] == "ann"
    refused = subprocess.run(words, input="", capture_output=True, text=True, env=environment, check=False)
    assert refused.returncode == 1
    assert "not a terminal" in refused.stderr


def test_the_link_of_a_one_person_server_lets_in(portcall: Portcall, place: StandIn, tmp_path: Path) -> None:
    assert portcall("login", f"{place.url}/#token=once").code == 0
    assert ("POST", "/login") == place.asked[-1][:2]
    assert place.asked[-1][2]["token"] == "once"
    assert portcall("ls").code == 0  # the last login's server, without --url
    assert portcall("whoami", "--json").json["login"]["sub"] == "ann"
    assert portcall("logout").code == 0
    assert tokens(tmp_path) == {}


def test_a_key_signs_the_login_that_it_is_asked_for(portcall: Portcall, place: StandIn, tmp_path: Path) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    (tmp_path / "id").write_bytes(key.export_private_key())
    challenge = login_request("ann", b"ssh-ed25519", key.public_data)
    place.stages = [{"stage": "sign", "attempt": "a1", "data": base64.b64encode(challenge).decode()}]
    assert portcall("login", place.url, "--user", "ann", "--key", str(tmp_path / "id")).code == 0
    first, second = [body for method, _, body in place.asked if method == "POST"]
    assert first["method"] == "ssh"
    assert asyncssh.import_public_key(first["publicKey"]) == key.convert_to_public()
    assert key.convert_to_public().verify(challenge, base64.b64decode(second["answers"][0]))


def test_a_key_in_the_agent_signs_too(
    portcall: Portcall, place: StandIn, tmp_path: Path, agent: asyncssh.SSHKey
) -> None:
    (tmp_path / "id.pub").write_bytes(agent.export_public_key())
    challenge = login_request("ann", b"rsa-sha2-256", agent.public_data)
    for way in (["--agent"], ["--key", str(tmp_path / "id.pub")]):
        place.stages = [{"stage": "sign", "attempt": "a1", "data": base64.b64encode(challenge).decode()}]
        assert portcall("login", place.url, "--user", "ann", *way).code == 0
        signature = base64.b64decode(place.asked[-1][2]["answers"][0])
        assert agent.convert_to_public().verify(challenge, signature)


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[asyncssh.SSHKey]:
    """A real ssh-agent with one key."""
    key = asyncssh.generate_private_key("ssh-rsa")
    path = tmp_path / "agent-key"
    path.write_bytes(key.export_private_key())
    path.chmod(0o600)
    socket = tmp_path / "agent.sock"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()  # it says where it listens once it does
    monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
    subprocess.run(["ssh-add", "-q", str(path)], check=True)
    yield key
    process.terminate()
    process.wait()
    process.stdout.close()


@pytest.mark.parametrize("wrong", ["user", "key", "service", "more", "junk"])
def test_nothing_but_an_ssh_login_of_ones_own_is_signed(tmp_path: Path, wrong: str) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    other = asyncssh.generate_private_key("ssh-ed25519")
    challenges = {
        "user": login_request("root", b"ssh-ed25519", key.public_data),
        "key": login_request("ann", b"ssh-ed25519", other.public_data),
        "service": login_request("ann", b"ssh-ed25519", key.public_data, b"other"),
        "more": login_request("ann", b"ssh-ed25519", key.public_data) + b"x",
        "junk": b"please sign this contract",
    }
    with pytest.raises(ProtocolError):
        signature_algorithm(challenges[wrong], "ann", key.public_data)


def test_a_key_with_a_passphrase_says_that_it_needs_one(portcall: Portcall, place: StandIn, tmp_path: Path) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", str(tmp_path / "id")], check=True)
    refused = portcall("login", place.url, "--key", str(tmp_path / "id"))
    assert refused.code == 1
    assert "passphrase" in refused.err
    (tmp_path / "id").write_bytes(key.export_private_key())
    assert [type(found) for found in from_file(str(tmp_path / "id"))] == [Key]


def login_request(user: str, algorithm: bytes, public: bytes, service: bytes = b"ssh-connection") -> bytes:
    """RFC 4252 7, behind a session id."""

    def string(data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + data

    head = string(os.urandom(32)) + b"\x32" + string(user.encode()) + string(service) + string(b"publickey")
    return head + b"\x01" + string(algorithm) + string(public)


@pytest.fixture
def certificate(tmp_path: Path) -> dict[str, str]:
    """A certificate that only its own key vouches for, as ``--tls auto`` makes."""
    return own_certificate(tmp_path / "one")


def test_a_certificate_of_its_own_is_shown_agreed_to_and_then_the_only_one_believed(
    environment: dict[str, str], portcall: Portcall, certificate: dict[str, str], tmp_path: Path
) -> None:
    shown = trust.fingerprint(Path(certificate["ssl_certfile"]).read_text())
    with served(StandIn(), **certificate) as place:
        with Terminal([*PROGRAM, "login", place.url, "--user", "ann"], environment) as terminal:
            terminal.wait_for(shown)
            terminal.wait_for("[y/N]")
            terminal.type("y\n")
            terminal.wait_for("Password of")
            terminal.type("p\n")
            assert terminal.end() == 0
        assert portcall("ls").code == 0
        url = place.url
    port = int(url.rsplit(":", 1)[1])
    with served(StandIn(), port=port, **own_certificate(tmp_path / "two")):
        refused = portcall("ls", "--url", url)
        assert refused.code == 1
        assert "another certificate" in refused.err


def test_a_certificate_that_is_not_agreed_to_gets_no_password(
    environment: dict[str, str], portcall: Portcall, certificate: dict[str, str]
) -> None:
    with served(StandIn(), **certificate) as place:
        with Terminal([*PROGRAM, "login", place.url], environment) as terminal:
            terminal.wait_for("[y/N]")
            terminal.type("n\n")
            assert terminal.end() == 1
        assert "Password" not in terminal.seen
        assert portcall("login", place.url, "--fingerprint", "AA:BB").code == 1
        assert not place.asked


def test_a_file_of_authorities_is_enough(portcall: Portcall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTCALL_TOKEN", "good")
    made = own_certificate(tmp_path / "one")
    with served(StandIn(), **made) as place:
        refused = portcall("ls", "--url", place.url)
        assert "portcall login" in refused.err
        shown = trust.fingerprint(Path(made["ssl_certfile"]).read_text()).lower().replace(":", "")
        monkeypatch.delenv("PORTCALL_TOKEN")
        link = portcall("login", f"{place.url}/#token=once", "--fingerprint", f"sha256:{shown}")
        assert link.code == 0
        assert portcall("ls", "--url", place.url).code == 0
