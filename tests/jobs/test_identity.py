"""The passwd and group that a container is given."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall.errors import StartFailed
from portcall.jobs import identity
from portcall.model.user import Account

ANN = Account("ann", 1001, 1001, "/home/ann", "/bin/bash", ["ann", "users"])


def test_they_name_the_account_root_and_nobody_else() -> None:
    assert identity.passwd(ANN).splitlines() == [
        "root:x:0:0:root:/root:/bin/sh", "ann:x:1001:1001:ann:/home/ann:/bin/bash",
        "nobody:x:65534:65534:nobody:/nonexistent:/bin/false",
    ]  # fmt: skip
    assert identity.groups(ANN, [(1001, "ann"), (100, "users")]).splitlines() == [
        "root:x:0:", "ann:x:1001:ann", "users:x:100:ann", "nogroup:x:65534:",
    ]  # fmt: skip
    root = Account("root", 0, 0, "/root", "/bin/sh")
    assert identity.passwd(root).count(":0:0:") == identity.groups(root, [(0, "root")]).count(":0:") == 1


def test_each_user_has_their_own_and_everybody_may_read_them(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        place = identity.folder(tmp_path, ANN)
        identity.write(place, ANN, [ANN.gid, 4_000_000])
    finally:
        os.umask(before)
    assert (place / "passwd").read_text() == identity.passwd(ANN)
    assert "4000000:x:4000000:ann" in (place / "group").read_text()  # a group that has no name here
    assert sorted(path.name for path in place.iterdir()) == ["group", "passwd"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in place.iterdir()} == {0o644}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (place, place.parent)} == {0o755}


def test_what_has_changed_is_written_anew_and_who_has_it_open_keeps_it(tmp_path: Path) -> None:
    identity.write(tmp_path, ANN, [])
    with (tmp_path / "passwd").open() as old:
        first = (tmp_path / "passwd").stat().st_ino
        identity.write(tmp_path, ANN, [])
        assert (tmp_path / "passwd").stat().st_ino == first
        identity.write(tmp_path, Account("ann", 1001, 1001, "/home2/ann", "/bin/bash"), [])
        assert "/home2/ann" in (tmp_path / "passwd").read_text()
        assert "/home/ann" in old.read()


@given(st.text(), st.text())
def test_no_name_or_home_makes_an_entry_of_somebody_else(name: str, home: str) -> None:
    account = Account(name, 1001, 1001, home, "/bin/sh")
    try:
        lines = identity.passwd(account).split("\n")
    except StartFailed:
        assert set(name + home) & {":", "\n"}
        return
    assert len(lines) == 4
    assert lines[1].count(":") == 6


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "accounts").write_text("")
    with pytest.raises(StartFailed, match=f"{tmp_path}/accounts/1001"):
        identity.write(identity.folder(tmp_path, ANN), ANN, [])
