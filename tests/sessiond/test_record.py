"""The record: what is saved is loaded; what cannot be understood is none."""

from __future__ import annotations

import itertools
import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall.model.session import Session
from portcall.model.start import StartOrder
from portcall.sessiond.processes import Process
from portcall.sessiond.record import FILE, Record


def _record() -> Record:
    order = StartOrder("a", "me", "me", "xterm", "800x600", "desktop", limits={"open_gl": False}, signature="s")
    return Record(Session("a", "srv", "me", "me", "xterm", params={"k": [1, None]}), order, ["/run/s"])


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    record = _record()
    record.marks, record.number, record.phase = ["a"], 7, "running"
    record.processes["display"] = Process(5, 9)
    record.ended = {"id": "a", "reason": "r"}
    record.save(str(tmp_path))
    loaded = Record.load(str(tmp_path))
    assert loaded is not None
    assert loaded.document() == record.document()
    assert os.listdir(tmp_path) == [FILE]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"session":{}}', '{"session":1,"order":2}', "\0"])
def test_what_cannot_be_understood_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    assert Record.load(str(tmp_path)) is None


@given(st.data())
def test_a_record_cut_anywhere_is_none(data: st.DataObject) -> None:
    import json
    import tempfile

    text = json.dumps(_record().document())
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, FILE).write_text(text[: data.draw(st.integers(0, len(text) - 1))])
        assert Record.load(directory) is None


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    _record().save(str(tmp_path))
    (tmp_path / FILE).rename(tmp_path / "other")
    (tmp_path / FILE).symlink_to(tmp_path / "other")
    assert Record.load(str(tmp_path)) is None


def test_who_reads_while_it_is_saved_again_and_again_reads_one_or_the_other(tmp_path: Path) -> None:
    record, over = _record(), threading.Event()

    def write() -> None:
        for length in itertools.cycle((10, 3000)):
            if over.is_set():
                return
            record.marks = ["m" * length]
            record.save(str(tmp_path))

    record.save(str(tmp_path))
    writer = threading.Thread(target=write)
    writer.start()
    try:
        found = [Record.load(str(tmp_path)) for _ in range(1000)]
    finally:
        over.set()
        writer.join()
    assert None not in found
