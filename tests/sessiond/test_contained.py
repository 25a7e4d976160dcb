"""The first process of a container: what it is given, and what it says where that cannot be right."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from portcall.launchers.docker import Docker
from portcall.model.launch import Host
from portcall.model.profile import DEFAULT
from portcall.model.start import ORDER_VARIABLE
from portcall.sessiond import contained, environment
from portcall.sessiond.asked import Asked, parser
from portcall.testing.contracts.launcher import host, order
from tests.installation import TOP

TEMPLATE = (TOP / "install/config/launcher-templates/docker.tpl").read_text()


def place() -> Host:
    return host(templates={"docker.tpl": TEMPLATE}, options={"image": "x"})


def test_an_order_in_parts_is_the_order_that_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = order(command="x" * 70_000, params={"p": "é" * 10_000})
    for name, value in Docker().invocation(sent, place()).environment.items():
        monkeypatch.setenv(name, value)
    found = json.loads(contained._order())
    assert (found["command"], found["params"]) == (sent.command, sent.params)
    assert not [name for name in os.environ if name.startswith(ORDER_VARIABLE)]  # for nothing that comes later


def test_a_profiles_scripts_come_with_the_order_into_a_container_or_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {"onStart": "echo 'ü'\n$X", "onTerminate": "x" * 4096}
    sent = order(limits=limits, command="y" * 30_000, signature="signed")
    for name, value in Docker().invocation(sent, place()).environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(ORDER_VARIABLE, contained._order())  # as for a job, whose environment holds it
    made = Asked(parser().parse_args([])).order("ann", DEFAULT, 60.0)
    assert made.limits == limits


def test_a_container_that_runs_as_somebody_else_says_so_where_the_server_looks(tmp_path: Path) -> None:
    given = dict(Docker().invocation(order(), place()).environment)
    other = json.loads(given["PORTCALL_ACCOUNT"]) | {"uid": os.getuid() + 1}
    log = tmp_path / "jobs/s1.log"
    done = subprocess.run(
        [sys.executable, "-m", "portcall.sessiond.contained"], check=False, capture_output=True, text=True,
        env={**given, "PORTCALL_ACCOUNT": json.dumps(other), "PORTCALL_LOG": str(log)},
    )  # fmt: skip
    assert done.returncode == 1
    assert f"the container runs as user {os.getuid()}, not as {os.getuid() + 1}" in done.stderr
    assert log.read_text() == done.stderr
    assert log.stat().st_mode & 0o077 == 0


def test_only_what_an_image_brings_is_kept_for_its_programs() -> None:
    inherited = {"PATH": "/app/bin", "JAVA_HOME": "/app", "SECRET": "x", environment.KEPT: "PATH:JAVA_HOME"}
    account = place().account
    found = environment.login(account, inherited)
    assert found["JAVA_HOME"] == "/app"
    assert found["PATH"].startswith("/app/bin")
    assert "SECRET" not in found
    assert environment.images_path(inherited) == "/app/bin"
    assert environment.images_path({"PATH": "/usr/bin"}) == ""  # no container
    assert "JAVA_HOME" not in environment.login(account, {"JAVA_HOME": "/app"})
