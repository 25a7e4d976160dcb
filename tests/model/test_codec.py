"""Documents become dataclasses only where every member has its type."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Optional

import pytest

from portcall.errors import InvalidValue
from portcall.model import codec


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True)
class Inner:
    some_number: int


@dataclass(frozen=True)
class Everything:
    text: str
    number: int = 0
    part: float = 0.0
    flag: bool = False
    maybe: Optional[str] = None  # noqa: UP045 - the user side's way to write it
    newer: str | None = None
    items: list[int] = field(default_factory=list)
    pair: tuple[str, ...] = ()
    members: dict[str, float] = field(default_factory=dict)
    anything: Any = None
    inner: Inner | None = None
    colour: Colour = Colour.RED
    unknown: dict[str, Any] = field(default_factory=dict)


FULL: dict[str, Any] = {
    "text": "a", "number": 1, "part": 0.5, "flag": True, "maybe": "b", "newer": "c", "items": [1, 2], "pair": ["x"],
    "members": {"m": 2.0}, "anything": {"deep": [1]}, "inner": {"someNumber": 3}, "colour": "red",
}  # fmt: skip


def test_what_was_written_is_read_again() -> None:
    value = codec.from_document(Everything, FULL)
    assert codec.from_document(Everything, codec.to_document(value)) == value
    assert codec.to_document(value) == FULL
    assert value.pair == ("x",)
    assert value.inner == Inner(3)


def test_members_that_are_not_known_are_kept() -> None:
    document = {"text": "a", "fromTheFuture": [1]}
    assert codec.to_document(codec.from_document(Everything, document))["fromTheFuture"] == [1]


def test_a_whole_number_is_a_float_too() -> None:
    value = codec.from_document(Everything, {"text": "a", "part": 2, "members": {"m": 3}})
    assert type(value.part) is float
    assert type(value.members["m"]) is float


@pytest.mark.parametrize(
    ("member", "wrong"),
    [
        ("text", 1), ("text", None), ("number", "1"), ("number", 1.0), ("number", True), ("part", True), ("part", "1"),
        ("flag", 1), ("maybe", 1), ("newer", 1), ("items", "12"), ("items", ["1"]), ("pair", {}), ("members", []),
        ("members", {"m": "2"}), ("inner", 3), ("inner", {"someNumber": "3"}), ("colour", "blue"),
    ],
)  # fmt: skip
def test_a_member_of_another_type_is_refused(member: str, wrong: Any) -> None:
    with pytest.raises(InvalidValue):
        codec.from_document(Everything, {"text": "a", member: wrong})


def test_a_refusal_names_the_member() -> None:
    with pytest.raises(InvalidValue) as refused:
        codec.from_document(Everything, {"text": "a", "members": {"m": "2"}})
    assert refused.value.extra["field"] == "members.m"


def test_a_member_that_is_needed_is_missed_by_name() -> None:
    with pytest.raises(InvalidValue, match="missing: text"):
        codec.from_document(Everything, {})
