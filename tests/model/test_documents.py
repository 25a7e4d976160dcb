"""Every dataclass that is written somewhere comes back as it was, whatever is in it."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portcall.errors import InvalidValue
from portcall.model import codec
from portcall.model.event import Event
from portcall.model.profile import Profile
from portcall.model.session import Session
from portcall.model.start import Invocation, NeedAuth, Output, Scheduled, Started, StartOrder, StartRequest
from portcall.model.user import Account, Login
from portcall.wire import messages

WRITTEN = [
    Session,
    Login,
    Account,
    Profile,
    StartRequest,
    StartOrder,
    Invocation,
    Output,
    NeedAuth,
    Scheduled,
    Started,
    Event,
]
SAID = sorted(messages.MESSAGES.values(), key=lambda cls: cls.__name__)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
numbers = st.floats(allow_nan=False, allow_infinity=False)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a member's type."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Union or type(hint).__name__ == "UnionType":
        return st.one_of(*(st.none() if item is type(None) else values(item) for item in arguments))
    if origin is list:
        return st.lists(values(arguments[0]), max_size=3)
    if origin is tuple:
        return st.lists(values(arguments[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(texts, values(arguments[1]), max_size=3)
    if dataclasses.is_dataclass(hint):
        return instances(hint)
    return {str: texts, bool: st.booleans(), int: st.integers(-(2**60), 2**60), float: numbers, Any: plain}[hint]


@st.composite
def instances(draw: st.DrawFn, cls: type) -> Any:
    hints = get_type_hints(cls)
    members = {
        field.name: draw(values(hints[field.name])) for field in dataclasses.fields(cls) if field.name != "unknown"
    }
    if "unknown" in hints:
        known = {codec.camel(name) for name in members}
        extra = draw(st.dictionaries(texts, plain, max_size=2))
        members["unknown"] = {name: item for name, item in extra.items() if name not in known}
    return cls(**members)


@pytest.mark.parametrize("cls", WRITTEN, ids=lambda cls: cls.__name__)
def test_a_value_comes_back_from_its_text(cls: type) -> None:
    @settings(max_examples=40)
    @given(instances(cls))
    def check(value: Any) -> None:
        assert codec.loads(cls, codec.dumps(value).encode()) == value

    check()


@pytest.mark.parametrize("cls", SAID, ids=lambda cls: cls.__name__)
def test_a_message_comes_back_from_the_wire(cls: type) -> None:
    @settings(max_examples=30)
    @given(instances(cls))
    def check(value: Any) -> None:
        assert messages.from_wire(json.loads(json.dumps(messages.to_wire(value)))) == value

    check()


@pytest.mark.parametrize("cls", [*WRITTEN, *SAID], ids=lambda cls: cls.__name__)
def test_any_document_is_read_or_refused(cls: type) -> None:
    names = [codec.camel(field.name) for field in dataclasses.fields(cls)]

    @settings(max_examples=60)
    @given(st.one_of(plain, st.dictionaries(st.sampled_from([*names, "unheardOf"]), plain)))
    def check(document: Any) -> None:
        try:
            value = codec.from_document(cls, document)
        except InvalidValue:
            return
        assert codec.from_document(cls, codec.to_document(value)) == value

    check()


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        codec.loads(Session, data)
    except InvalidValue:
        return


@pytest.mark.parametrize("cls", WRITTEN, ids=lambda cls: cls.__name__)
def test_names_in_documents_are_written_one_way(cls: type) -> None:
    """No two members may meet under one name in JSON."""
    names = [codec.camel(field.name) for field in dataclasses.fields(cls)]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() and "_" not in name for name in names)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf"), 10**400, True, "1.0", None])
def test_a_number_is_finite_wherever_it_comes_from(number: Any) -> None:
    """TOML and Python's JSON can spell what no page can read."""
    with pytest.raises(InvalidValue, match="warnBefore"):
        codec.from_document(Profile, {"name": "p", "warnBefore": number})
