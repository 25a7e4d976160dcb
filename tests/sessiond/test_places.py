"""Directories and their locks: ours alone, claimed once, held while a daemon lives."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from portcall.errors import Conflict, StartFailed
from portcall.sessiond import places
from portcall.sessiond.places import Place


@pytest.fixture
def base(tmp_path: Path) -> str:
    return places.prepare(str(tmp_path / "u"))


def test_the_base_is_made_and_made_ours_alone(tmp_path: Path) -> None:
    base = Path(places.prepare(str(tmp_path / "u")))
    assert stat.S_IMODE(base.stat().st_mode) == 0o700
    base.chmod(0o777)
    places.prepare(str(base))
    assert stat.S_IMODE(base.stat().st_mode) == 0o700


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "u").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StartFailed, match="a file or a link is in its place"):
        places.prepare(str(tmp_path / "u"))


@pytest.mark.root
def test_anothers_directory_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "u").mkdir()
    os.chown(tmp_path / "u", 65534, 65534)
    with pytest.raises(StartFailed, match="belongs to user 65534"):
        places.prepare(str(tmp_path / "u"))


def test_an_id_is_claimed_once(base: str) -> None:
    first, second = Place.make(base), Place.make(base)
    for place in (first, second):
        (Path(place.path) / "session.json").touch()
    first.claim("one")
    with pytest.raises(Conflict):
        second.claim("one")
    assert places.names(base) == ["one"]
    assert list(places.temporary(base)) == [second.mark]


def test_it_is_held_until_its_holder_is_gone_and_then_taken_by_one(base: str) -> None:
    place = Place.make(base)
    place.claim("one")
    assert places.held(base, "one")
    assert Place.take(base, "one") is None
    os.close(place.lock)
    assert not places.held(base, "one")
    taken = Place.take(base, "one")
    assert taken is not None
    assert Place.take(base, "one") is None


def test_what_is_removed_can_neither_be_held_nor_taken(base: str) -> None:
    place = Place.make(base)
    place.claim("one")
    (Path(place.path) / "sub").mkdir()
    place.remove()
    assert not places.held(base, "one")
    assert Place.take(base, "one") is None
    assert places.names(base) == []


def test_a_reduced_one_keeps_what_it_shall(base: str) -> None:
    place = Place.make(base)
    for name in ("log", "session.json", "rfb"):
        (Path(place.path) / name).touch()
    place.reduce(("log", "session.json"))
    assert sorted(os.listdir(place.path)) == ["log", "session.json"]
