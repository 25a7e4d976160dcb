"""The default store: the contract, and what a file brings with it: reopening, full disks, other processes, damage."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from portcall.errors import StoreUnavailable
from portcall.stores.sqlite import Sqlite
from portcall.testing.contracts.store import StoreContract
from portcall.testing.time import VirtualClock

FULL_DISK = """
import asyncio, resource, signal, sys
from portcall.clock import Clock
from portcall.errors import StoreUnavailable
from portcall.stores.sqlite import Sqlite

async def main():
    store = Sqlite(Clock(), sys.argv[1])
    await store.open()
    await store.put("b", "small", {"n": 1})
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
    written = 0
    try:
        for number in range(1000):
            await store.put("b", f"k{number}", {"text": "x" * 20_000})
            written += 1
    except StoreUnavailable as error:
        print("refused", written, flush=True)
    else:
        print("never full")
    # it can still be read, and written again as soon as there is room
    assert (await store.get("b", "small")).value == {"n": 1}
    assert len(await store.list("b")) == written + 1
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await store.put("b", "after", {"n": 2})
    await store.close()
    print("whole", written + 2)

asyncio.run(main())
"""

HOLD = """
import asyncio, sys
from portcall.clock import Clock
from portcall.stores.sqlite import Sqlite

async def main():
    store = Sqlite(Clock(), sys.argv[1])
    await store.open()
    await store.put("b", "k", {"n": 1})
    print("open", flush=True)
    sys.stdin.read()

asyncio.run(main())
"""


class TestSqlite(StoreContract):
    @pytest.fixture
    def clock(self) -> VirtualClock:
        return VirtualClock()

    @pytest.fixture
    async def store(self, clock: VirtualClock, tmp_path: Path) -> AsyncIterator[Sqlite]:
        store = Sqlite(clock, str(tmp_path / "store.db"))
        await store.open()
        yield store
        await store.close()


async def test_what_was_written_is_there_after_reopening(tmp_path: Path) -> None:
    clock = VirtualClock()
    store = Sqlite(clock, str(tmp_path / "store.db"))
    await store.open()
    revision = await store.put("b", "k", {"n": 1})
    await store.put("b", "short", {}, ttl=10)
    await store.put("b", "long", {}, ttl=1000)
    await store.close()
    clock.move(20)
    again = Sqlite(clock, str(tmp_path / "store.db"))
    await again.open()
    assert [entry.key for entry in await again.list("b")] == ["k", "long"]
    assert await again.put("b", "k", {"n": 2}, revision=revision) > revision
    clock.move(1000)
    assert [entry.key for entry in await again.list("b")] == ["k"]
    await again.close()


async def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = Sqlite(VirtualClock(), str(tmp_path / "store.db"))
    for work in (store.get("b", "k"), store.put("b", "k", {}), store.list("b"), store.delete("b", "k", revision=1)):
        with pytest.raises(StoreUnavailable):
            await work
    await store.close()


async def test_nobody_else_can_read_the_file(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = Sqlite(VirtualClock(), str(tmp_path / "store.db"))
        await store.open()
        await store.put("b", "k", {})
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}  # noqa: ASYNC240
    finally:
        os.umask(before)
    assert modes
    assert set(modes.values()) == {0o600}
    await store.close()


def test_a_full_disk_is_said_and_leaves_the_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    done = subprocess.run([sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("refused ")
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        count = connection.execute("SELECT count(*) FROM documents").fetchone()[0]
    connection.close()
    assert done.stdout.endswith(f"whole {count}\n")


async def test_a_second_process_is_refused_while_the_first_lives(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    first = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert first.stdout is not None
    assert first.stdin is not None
    try:
        assert first.stdout.readline() == "open\n"
        second = Sqlite(VirtualClock(), str(path))
        with pytest.raises(StoreUnavailable, match="a server that runs already has it open"):
            await second.open()
        await second.close()
    finally:
        first.send_signal(signal.SIGKILL)  # what was written is there all the same
        first.wait()
        first.stdout.close()
        first.stdin.close()
    third = Sqlite(VirtualClock(), str(path))
    await third.open()
    entry = await third.get("b", "k")
    assert entry is not None
    assert entry.value == {"n": 1}
    await third.close()


@pytest.mark.parametrize(
    "content", [b"this is no database, but it is long enough to be one" * 100, b"SQLite format 3\0"]
)
async def test_a_file_that_is_no_store_is_not_touched(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(content)
    store = Sqlite(VirtualClock(), str(path))
    with pytest.raises(StoreUnavailable, match=r"store\.db"):
        await store.open()
    await store.close()
    assert path.read_bytes() == content


async def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    store = Sqlite(VirtualClock(), str(tmp_path / "none" / "store.db"))
    with pytest.raises(StoreUnavailable, match="No such file"):
        await store.open()


async def test_text_that_is_no_text_is_refused_as_a_key_and_leaves_the_store_usable(tmp_path: Path) -> None:
    store = Sqlite(VirtualClock(), str(tmp_path / "store.db"))
    await store.open()
    with pytest.raises((StoreUnavailable, UnicodeEncodeError)):
        await store.put("b", "\ud800", {})
    await store.put("b", "k", {"half": "\ud800"})
    entry = await store.get("b", "k")
    assert entry is not None
    assert entry.value == {"half": "\ud800"}
    await store.close()
