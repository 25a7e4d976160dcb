"""Whatever a command prints is readable afterwards, and only that."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall.model.shown import printable, shown
from portcall.model.start import Output


@pytest.mark.parametrize(("printed", "told"), [
    ("\x1b[1;31mno licence\x1b[0m is free", "no licence is free"), ("\x1b]0;title\x07queued", "queued"),
    ("\x1b]8;;https://x\x1b\\link\x1b]8;;\x1b\\", "link"), ("\x1b]no end of it", "no end of it"), ("\x1b", ""),
    ("\x1b(B\x1b7ok\x1bc", "ok"), ("50 %\r100 %\r\ndone", "50 %\n100 %\n\ndone"), ("a\tb", "a       b"),
    ("beep\a \x9b31m", "beep   31m"), ("é🐙 ‎עברית", "é🐙 ‎עברית"), ("  two\n   three", "  two\n   three"),
])  # fmt: skip
def test_lines_stay_and_what_is_for_terminals_goes(printed: str, told: str) -> None:
    assert printable(printed, lines=True).replace("\n\n", "\n") == told.replace("\n\n", "\n")


def test_one_line_is_not_long() -> None:
    assert printable(" why\n\x1b[31mit\twaits  ") == "why it waits"
    assert len(printable("x" * 10_000)) == 400


def test_both_streams_are_shown() -> None:
    assert shown(Output(0, " queued\n\n", "\x1b[33mfull\x1b[m\n")) == "queued\nfull"
    assert shown(Output(1)) == ""


@given(st.text(st.sampled_from("\x1b[]()0;mP\\\x07\x9b\x00\n\t\r aé")))
def test_no_control_character_is_left_of_any_text(text: str) -> None:
    assert not set(printable(text, lines=True)) & {*map(chr, (*range(10), *range(11, 32), *range(127, 160)))}
    assert "\n" not in printable(text)
