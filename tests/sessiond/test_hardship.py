"""A full disk, a home that hangs: the start fails in words, in time, and leaves nothing."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from portcall.sessiond import local, processes
from portcall.wire import messages
from tests.fixtures.ground import Ground, until

pytestmark = [pytest.mark.serial, pytest.mark.root]


@pytest.fixture
def small_disk(ground: Ground) -> Iterator[Path]:
    """The user's directory on a disk of 256 KiB."""
    disk = Path(ground.base)
    disk.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k,mode=0700", "tmpfs", disk], check=True)
    try:
        yield disk
    finally:
        for session_id in ground.ids:
            processes.end_at_once(ground.of_session(session_id))
        subprocess.run(["umount", "--lazy", disk], check=True)


def _fill(disk: Path) -> None:
    with (disk / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return


def test_a_full_disk_fails_the_start_in_words(ground: Ground, small_disk: Path) -> None:
    (small_disk / "sessions").mkdir(mode=0o700)
    _fill(small_disk)
    with pytest.raises(RuntimeError, match="No space left on device"):
        ground.start(ground.order("true"))
    assert not list((small_disk / "sessions").iterdir())


def test_a_disk_that_fills_while_a_session_runs_does_not_end_it(ground: Ground, small_disk: Path) -> None:
    session = ground.running(ground.order("exec sleep 1000", name="before"))
    _fill(small_disk)
    peer = ground.server.session(session)
    with pytest.raises(Exception, match="No space left on device"):
        peer.ask(lambda seq: messages.ChangeSession(seq, "x" * 200, {"a": "y" * 8000}))
    assert local.read(session, ground.base).name == "before"  # type: ignore[union-attr]
    assert peer.ask(messages.OpenDisplay)[1]
    ground.end(session)
    ground.nothing_left(session)


@pytest.fixture
def hanging_home(ground: Ground) -> Iterator[Path]:
    """A file system whose server never answers, as of an NFS server that is gone."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = Path(ground.folder, "hanging")
    home.mkdir()
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}"
    assert libc.mount(b"hanging", str(home).encode(), b"fuse", 0, options.encode()) == 0, os.strerror(
        ctypes.get_errno()
    )
    try:
        yield home
    finally:
        os.close(device)
        libc.umount2(str(home).encode(), 2)


def test_a_home_that_hangs_fails_the_start_in_time_and_no_more(ground: Ground, hanging_home: Path) -> None:
    link = ground.link()
    account = replace(ground.account, home=str(hanging_home))
    session = ground.start(ground.order("true", start_timeout=2.0), account)
    peer = ground.server.session(session)
    ground.server.report(session, messages.SessionReport, lambda one: one.step == "display-alive")
    assert peer.ask(messages.ReadLog)[0]["log"] == ""  # the daemon itself does not hang
    ended = ground.server.ended(session)
    assert ended.failed
    assert ended.reason == f"the home {hanging_home} did not answer within 2 seconds"
    ground.nothing_left(session)
    assert link.ask(messages.Adopt)[0] == {"sessions": []}
    until(lambda: not ground.of_session(session))
