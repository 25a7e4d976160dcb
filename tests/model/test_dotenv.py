"""The syntax of fastx.env."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portcall.model import dotenv

CASES = [
    ("A=1", "1"),
    ("export A=1", "1"),
    ("  export\tA = 1  ", "1"),
    ("A=", ""),
    ("A=one two", "one two"),
    ("A=one # two", "one"),
    ("A=one#two", "one#two"),
    ("A= # nothing", ""),
    ("A=#ffffff", ""),
    ("A='one # two' # three", "one # two"),
    ('A="one # two"# three', "one # two"),
    ("A='$HOME'", "$HOME"),
    ("A=$HOME/`id`/$(id)", "$HOME/`id`/$(id)"),
    (r'A="a\nb\t\"c\"\\d\x"', 'a\nb\t"c"\\d\\x'),
    (r"A='a\nb'", r"a\nb"),
    ('A="first\nsecond"\nB=2', "first\nsecond"),
    ("A='first\nsecond'  # and more\nB=2", "first\nsecond"),
    ("A='not closed", "'not closed"),
    ("A='it'self", "'it'self"),
    ("A=it's", "it's"),
    ("A=a=b", "a=b"),
    ("A=1\nA=2", "2"),
    ("\ufeffA=1", "1"),
    ("A=--arg1,--arg2,--arg3\r\n", "--arg1,--arg2,--arg3"),
]


@pytest.mark.parametrize(("text", "value"), CASES, ids=lambda case: repr(case)[:40])
def test_a_value_is_what_dotenv_makes_of_it(text: str, value: str) -> None:
    assert dotenv.values(text)["A"] == value


def test_what_sets_nothing_is_passed_over() -> None:
    text = "# LAUNCHER_SCRIPT=/no\n\n=5\nnot a line\n1A=x\n#A=1\nexport\nB='two\nlines'\nC=3\n"
    assert dotenv.read(text) == {"B": ("two\nlines", 8), "C": ("3", 10)}


@given(st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    for name, value in dotenv.values(text).items():
        assert name.isascii()
        assert isinstance(value, str)


@given(st.text(st.characters(exclude_characters="'\r\n"), max_size=50))
def test_any_line_of_text_can_be_written_in_single_quotes(value: str) -> None:
    assert dotenv.values(f"A=1\nexport B='{value}' # c\nC=3") == {"A": "1", "B": value, "C": "3"}


@given(st.text(max_size=50))
@example("\r\n")
@example('it\'s\n\\n "b" # c\r')
@example("\x85\u2028")
def test_any_value_can_be_written_and_read_again(value: str) -> None:
    assert dotenv.values("A=1\n" + dotenv.line("B", value) + "\nC=3\n") == {"A": "1", "B": value, "C": "3"}
