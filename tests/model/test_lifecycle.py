"""The one table of a session's life: every state × every signal, and what must hold of all of them."""

from __future__ import annotations

import ast
import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall.errors import Conflict
from portcall.model import lifecycle as life

SIGNALS = (life.READY, life.VIEWED, life.LEFT, life.ASKED, life.OVER, life.SILENT, life.HEARD)
PAIRS = list(itertools.product(life.STATES, SIGNALS))
SOURCE = Path(__file__).parents[2] / "src" / "portcall"


@pytest.mark.parametrize(("state", "signal"), PAIRS)
def test_a_step_leads_to_a_state_or_is_a_conflict(state: str, signal: str) -> None:
    if life.may(state, signal):
        assert life.after(state, signal) in life.STATES
    else:
        with pytest.raises(Conflict, match=state) as conflict:
            life.after(state, signal)
        assert conflict.value.extra["state"] == state


def test_there_are_no_other_signals() -> None:
    assert {signal for row in life.TABLE.values() for signal in row} == set(SIGNALS)


def test_a_session_can_always_be_over_and_be_asked_to_end() -> None:
    for state in life.STATES:
        assert life.after(state, life.OVER) == life.ENDED
        assert life.after(state, life.ASKED) in (life.ENDING, life.ENDED)


@pytest.mark.parametrize(("state", "signal"), [pair for pair in PAIRS if life.may(*pair)])
def test_a_signal_twice_is_a_signal_once(state: str, signal: str) -> None:
    """What is said again changes nothing: messages may be repeated after a lost connection."""
    once = life.after(state, signal)
    if life.may(once, signal) and (state, signal) not in {(life.ENDED, life.HEARD), (life.LOST, life.HEARD)}:
        assert life.after(once, signal) == once


def test_only_what_was_heard_from_leaves_the_end() -> None:
    leaving = {signal for signal, after in life.TABLE[life.ENDED].items() if after != life.ENDED}
    assert leaving == {life.HEARD}


def test_who_asked_for_an_end_is_not_forgotten() -> None:
    """Nothing but its end, or its silence, leads away from a session that was asked to end."""
    assert set(life.TABLE[life.ENDING].values()) == {life.ENDING, life.ENDED, life.LOST}


def test_seats_are_held_by_all_that_is_not_over() -> None:
    assert set(life.STATES) - life.LIVE == {life.ENDED}
    assert life.CONNECTABLE < life.LIVE


def test_viewers_come_and_go_only_where_there_is_something_to_see() -> None:
    for state in life.CONNECTABLE:
        assert life.after(state, life.VIEWED) == life.RUNNING
        assert life.after(state, life.LEFT) == life.SUSPENDED
    assert not life.may(life.ENDED, life.VIEWED)
    assert not life.may(life.PENDING, life.VIEWED)


@given(st.lists(st.sampled_from(SIGNALS), max_size=30))
def test_whatever_happens_an_end_ends_it(signals: list[str]) -> None:
    state = life.PENDING
    for signal in signals:
        state = life.after(state, signal) if life.may(state, signal) else state
    assert life.after(state, life.OVER) == life.ENDED


def test_states_are_not_spelled_out_elsewhere_in_the_server() -> None:
    """Code asks the table, or its sets; a word in quotes would escape when the table changes."""
    words = set(life.STATES) - {"running", "lost", "ending"}  # also a phase, a close code, a CLI word
    found = [
        f"{path.relative_to(SOURCE)}:{node.lineno}"
        for part in ("session", "start", "gateway", "cluster")
        for path in (SOURCE / part).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Compare)
        for side in (node.left, *node.comparators)
        if isinstance(side, ast.Constant) and side.value in words
    ]
    assert not found
