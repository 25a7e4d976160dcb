"""What people named their sessions cannot take over the terminal of who lists them."""

from __future__ import annotations

import json
import os
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall.cli import output
from tests.cli.conftest import Portcall
from tests.cli.terminal import Terminal
from tests.client.stand_in import ID, StandIn

HOSTILE = {
    "clear the screen": "\x1b[2J\x1b[Hroot# ",
    "eight-bit escapes": "\x9b31mred\x9d0;title\x9c",
    "title": "\x1b]0;owned\x07",
    "carriage return": "safe\rEVIL",
    "lines": "one\ntwo\u2028three",
    "right to left": "abc\u202egnp.exe\u2066x",
    "invisible": "a\u200bb\ufeffc\U000e0041",
    "half a pair": "x\ud800y",
    "backspace": "abc\b\b\bxyz\x7f",
}


def harmless(line: str) -> bool:
    """Printable, with the joiners of scripts and emoji and every kind of blank."""
    plain = "".join(" " if unicodedata.category(one) == "Zs" or one in "\u200c\u200d" else one for one in line)
    return plain.isprintable()


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_is_shown_as_escapes(text: str) -> None:
    shown = output.neutral(text)
    assert shown.isprintable()
    assert shown.encode()


@given(st.text())
def test_nothing_but_printable_characters_is_ever_shown(text: str) -> None:
    assert harmless(output.neutral(text))


@pytest.mark.parametrize("text", ["Übung 12 – Flügel", "会議 (東京)", "نام‌ها", "👩‍🔬 lab", 'it\'s "quoted" $(no) `x`'])
def test_honest_text_of_any_script_is_left_alone(text: str) -> None:
    assert output.neutral(text) == text


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_tables_and_facts_of_hostile_names_keep_their_lines(at: Portcall, place: StandIn, text: str) -> None:
    place.add(name=text.replace("\ud800", "\ufffe"), command=text.replace("\ud800", ""), params={"k\x1b": text[:1]})
    listed = at("ls")
    assert len(listed.out.splitlines()) == 2
    for shown in (listed.out, at("info", ID).out, at("param", "ls", ID).out):
        assert all(line.isprintable() for line in shown.split("\n"))
    document = at("info", ID, "--json")
    assert all(line.isprintable() for line in document.out.split("\n"))
    assert document.json["name"] == place.sessions[ID].name


@given(st.text())
def test_json_is_harmless_and_the_same_document(text: str) -> None:
    shown = json.dumps(text, ensure_ascii=False)
    escaped = output.harmless_json(shown)
    assert json.loads(escaped) == text
    assert harmless(escaped)


def test_on_a_terminal_too(at: Portcall, place: StandIn) -> None:
    place.add(name="\x1b[2J\u202ewing [bold]x[/bold]")
    with Terminal(
        [sys.executable, "-m", "portcall", "ls"], {**os.environ, "NO_COLOR": "1", "COLUMNS": "200"}
    ) as terminal:
        assert terminal.end() == 0
    assert "\\x1b[2J\\u202ewing [bold]x[/bold]" in terminal.seen
    assert "\x1b[2J" not in terminal.seen
    assert "\x1b[32m" not in terminal.seen  # NO_COLOR
    assert ID[:10] in terminal.seen
    assert ID not in terminal.seen


def test_colours_are_for_terminals_alone(at: Portcall, place: StandIn) -> None:
    place.add()
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    with Terminal([sys.executable, "-m", "portcall", "ls"], {**environment, "TERM": "xterm"}) as terminal:
        assert terminal.end() == 0
    assert "\x1b[32mrunning" in terminal.seen
    assert "\x1b" not in at("ls").out


def test_columns_are_aligned_where_characters_are_wide(at: Portcall, place: StandIn) -> None:
    place.add(name="東京")
    head, row = at("ls").out.splitlines()
    assert output.width(row[: row.index("running")]) == head.index("STATE")


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0 B"), (1023, "1023 B"), (2048, "2 KiB"), (5.5 * 2**20, "5.5 MiB"), (3e12, "2794 GiB")]
)
def test_sizes_are_for_people(count: float, shown: str) -> None:
    assert output.size(count) == shown


@pytest.mark.parametrize(("seconds", "shown"), [(-1, "0s"), (61, "1m 1s"), (3700, "1h 1m"), (90000, "1d 1h")])
def test_spans_are_for_people(seconds: float, shown: str) -> None:
    assert output.span(seconds) == shown


def test_a_terminal_gets_every_column_and_a_shortened_last_one(at: Portcall, place: StandIn) -> None:
    place.add(name="wing " * 20, command="x" * 500)
    with Terminal(
        [sys.executable, "-m", "portcall", "ls"], {**os.environ, "COLUMNS": "130", "NO_COLOR": "1"}
    ) as terminal:
        assert terminal.end() == 0
    head, row = terminal.seen.splitlines()
    assert head.split()[-1] == "COMMAND"
    assert row.endswith("x…")
    assert len(row) <= 130
    assert "1280x800" in row


def test_shortened_text_fits_also_where_characters_are_wide() -> None:
    assert output.shortened("東京東京", 5) == "東京…"
    assert output.shortened("abc", 3) == "abc"
