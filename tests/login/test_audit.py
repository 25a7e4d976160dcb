"""The audit log: every line whole, nobody else's to read, and no reason to stop."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from portcall.login.audit import Audit
from portcall.testing.time import VirtualClock
from tests.fixtures.hostile import TEXTS


def test_who_did_what_to_which_session_from_where_and_what_came_of_it(tmp_path: Path) -> None:
    clock = VirtualClock()
    audit = Audit(tmp_path / "audit.log", clock)
    audit.write("ann", "session/start", "ok", "s1", "192.0.2.7", "xterm")
    clock.move(5)
    audit.write("bob", "session/purge", "forbidden", "s1")
    newest, oldest = audit.last(10)
    assert oldest == {
        "at": clock.now() - 5, "login": "ann", "action": "session/start", "session": "s1", "address": "192.0.2.7",
        "outcome": "ok", "detail": "xterm",
    }  # fmt: skip
    assert (newest["login"], newest["outcome"]) == ("bob", "forbidden")
    assert audit.last(1) == [newest]
    assert stat.S_IMODE((tmp_path / "audit.log").stat().st_mode) == 0o600


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_nothing_that_is_typed_makes_a_line_of_its_own(text: str, tmp_path: Path) -> None:
    audit = Audit(tmp_path / "audit.log", VirtualClock())
    audit.write(text, "login", "login-failed", text, text, text)
    (line,) = (tmp_path / "audit.log").read_bytes().splitlines()
    assert json.loads(line)["login"] == text
    assert line.isascii()
    assert b"\x1b" not in line
    assert audit.last(5)[0]["detail"] == text


def test_lines_cut_by_a_full_disk_are_passed_over(tmp_path: Path) -> None:
    audit = Audit(tmp_path / "audit.log", VirtualClock())
    audit.write("ann", "login", "ok")
    with (tmp_path / "audit.log").open("ab") as file:
        file.write(b'{"at": 1, "log\n\xff\xfe\n[1]\n\n')
    audit.write("bob", "login", "ok")
    assert [entry["login"] for entry in audit.last(10)] == ["bob", "ann"]


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    audit = Audit(tmp_path / "none" / "audit.log", VirtualClock())
    audit.write("ann", "login", "ok")
    assert audit.last(5) == []


def test_a_large_log_is_put_aside_and_a_new_one_begun(tmp_path: Path) -> None:
    audit = Audit(tmp_path / "audit.log", VirtualClock())
    with (tmp_path / "audit.log").open("wb") as file:
        file.truncate(64 * 1024 * 1024)
    audit.write("ann", "login", "ok")
    assert (tmp_path / "audit.1").exists()
    audit.write("bob", "login", "ok")
    assert [entry["login"] for entry in audit.last(5)] == ["bob"]


FULL = """
import resource, signal, sys
from pathlib import Path
from portcall.login.audit import Audit
from portcall.clock import Clock
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
audit = Audit(Path(sys.argv[1]), Clock())
for number in range(50):
    audit.write("ann", "session/start", "ok", f"s{number}")
print(len(audit.last(100)))
"""


def test_a_full_disk_loses_lines_and_no_more(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    done = subprocess.run([sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert 0 < int(done.stdout.splitlines()[-1]) < 50
