"""Messages: each goes over the wire and comes back; what is not one is refused."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall.errors import ProtocolError
from portcall.wire import messages

_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "int": st.integers(-(2**31), 2**31),
    "str": st.text(),
    "bool": st.booleans(),
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "List[str]": st.lists(st.text(), max_size=3),
    "Dict[str, str]": st.dictionaries(st.text(), st.text(), max_size=3),
    "Dict[str, Any]": st.dictionaries(st.text(), st.integers() | st.text() | st.none(), max_size=3),
    "Optional[Dict[str, Any]]": st.none() | st.dictionaries(st.text(), st.integers(), max_size=3),
    "Optional[int]": st.none() | st.integers(),
    "Optional[str]": st.none() | st.text(),
}


def _any_message() -> st.SearchStrategy[Any]:
    return st.one_of(
        st.builds(cls, **{field.name: _VALUES[str(field.type)] for field in dataclasses.fields(cls)})
        for cls in messages.MESSAGES.values()
    )


@given(_any_message())
def test_every_message_comes_back_as_it_was(message: Any) -> None:
    document = json.loads(json.dumps(messages.to_wire(message)))
    assert messages.from_wire(document) == message


def test_names_on_the_wire_do_not_change() -> None:
    assert sorted(messages.MESSAGES) == [
        "adopt", "change-session", "destroy", "display-opened", "end-session", "keep-warm", "link-hello",
        "list-processes", "open-display", "ping", "proceed", "read-log", "reply", "run-command", "session-ended",
        "session-hello", "session-report", "start-session", "viewers", "watched", "welcome",
    ]  # fmt: skip


def test_members_of_a_newer_version_are_passed_over() -> None:
    assert messages.from_wire({"type": "adopt", "seq": 1, "later": True}) == messages.Adopt(1)


@pytest.mark.parametrize(
    "document",
    [
        {"type": "no-such"},
        {"type": "adopt"},
        {"type": "adopt", "seq": "1"},
        {"type": "run-command", "seq": 1, "argv": "true"},
        {"type": "watched", "every": None},
        {"type": ["adopt"], "seq": 1},
    ],
)
def test_what_is_not_one_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        messages.from_wire(document)
