"""How many sessions there may be at once: for a person, for a group, for all."""

from __future__ import annotations

from typing import Any

import pytest

from portcall.errors import SeatsTaken
from portcall.model import lifecycle
from portcall.model.session import Session
from portcall.session import seats

GROUPS = {"ann": ["staff"], "bob": ["staff", "lab"], "cat": ["lab"], "dan": []}


def sessions(**counts: int) -> list[Session]:
    return [
        Session(f"{login}{number}", "here", login, login, "xterm", lifecycle.RUNNING)
        for login, count in counts.items()
        for number in range(count)
    ]


def taken(login: str, there: list[Session], total: int = 0, user: int = 0, **groups: int) -> dict[str, Any] | None:
    """What the refusal says, or None."""
    try:
        seats.check(login, GROUPS[login], there, GROUPS, total, user, groups)
    except SeatsTaken as refusal:
        return refusal.extra
    return None


@pytest.mark.parametrize(
    ("login", "there", "limits", "of"),
    [
        ("ann", {}, {}, None),
        ("ann", {"ann": 99}, {}, None),
        ("ann", {"ann": 1}, {"user": 2}, None),
        ("ann", {"ann": 2}, {"user": 2}, "user"),
        ("ann", {"ann": 3}, {"user": 2}, "user"),  # the limit was lowered meanwhile
        ("ann", {"bob": 9}, {"user": 1}, None),
        ("ann", {"bob": 1, "ann": 1}, {"staff": 3}, None),
        ("ann", {"bob": 2, "ann": 1}, {"staff": 3}, "staff"),
        ("ann", {"cat": 3}, {"staff": 3, "lab": 3}, None),  # not ann's group
        ("bob", {"cat": 3}, {"staff": 3, "lab": 3}, "lab"),
        ("dan", {"ann": 9}, {"staff": 3}, None),
        ("dan", {"ann": 4}, {"total": 5}, None),
        ("dan", {"ann": 4, "dan": 1}, {"total": 5}, "all"),
        ("ann", {"ann": 5}, {"total": 5, "user": 5, "staff": 5}, "user"),  # the nearest limit is named
        ("ann", {"bob": 5}, {"total": 5, "user": 5, "staff": 5}, "staff"),
    ],
)
def test_the_table_of_limits(login: str, there: dict[str, int], limits: dict[str, int], of: str | None) -> None:
    refusal = taken(login, sessions(**there), **limits)
    assert (refusal and refusal["of"]) == of
    if refusal is not None:
        assert refusal["used"] >= refusal["limit"] > 0


@pytest.mark.parametrize("state", lifecycle.STATES)
def test_what_is_not_over_holds_its_seat(state: str) -> None:
    there = [Session("s", "here", "ann", "ann", "xterm", state)]
    assert (taken("ann", there, user=1) is None) == (state == lifecycle.ENDED)


def test_the_sentence_has_limit_and_figure() -> None:
    with pytest.raises(SeatsTaken, match="You have 1 session, and 1 at once is the limit"):
        seats.check("ann", [], sessions(ann=1), {}, 0, 1, {})
    with pytest.raises(SeatsTaken, match="There are 2 sessions here, and 2 at once is the limit"):
        seats.check("ann", [], sessions(bob=2), {}, 2, 0, {})
