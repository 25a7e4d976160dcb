"""What a start may ask for: every field with every hostile value is taken as it is, or refused with its name."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall.errors import InvalidValue
from portcall.model import codec
from portcall.model.ids import is_session_id, new_session_id
from portcall.model.start import (
    MAX_COMMAND,
    MAX_DEPTH,
    MAX_NAME,
    MAX_PARAMS,
    StartRequest,
    check,
    check_name,
    check_params,
    parse_geometry,
)
from tests.fixtures.hostile import JSON, TEXTS, deep

FIELDS = {
    "command": "command", "name": "name", "profile": "profile", "keyboard_layout": "keyboardLayout", "id": "id",
    "geometry": "geometry", "bookmark_id": "bookmarkId", "userdata": "userdata", "userid": "userid",
}  # fmt: skip


def request(**members: Any) -> StartRequest:
    return StartRequest(**{"command": "xterm", **members})


def refused(work: Callable[[], object]) -> InvalidValue | None:
    try:
        work()
    except InvalidValue as refusal:
        return refusal
    return None


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_text_is_taken_as_it_is_or_refused_by_name(field: str, text: str) -> None:
    asked = request(**{field: text})
    refusal = refused(lambda: check(asked))
    if refusal is not None:
        assert refusal.extra["field"] == FIELDS[field]
        return
    kept = json.loads(codec.dumps(asked).encode())
    assert kept[FIELDS[field]] == text
    assert "\0" not in text
    assert len(text.encode()) <= MAX_PARAMS


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_texts_in_params_too(text: str) -> None:
    for params in ({"key": text}, {text: "value"}, {"key": [{"deeper": text}]}):
        refusal = refused(functools.partial(check, request(params=params)))
        if refusal is not None:
            assert refusal.extra["field"] == "params"
        else:
            assert json.loads(json.dumps(params, ensure_ascii=False).encode()) == params


@pytest.mark.parametrize(
    "name", ["command substitution", "backticks", "chain", "single quote", "quotes and dollar", "ANSI"]
)
def test_commands_are_never_changed(name: str) -> None:
    """A command goes to the user's own shell: what would be hostile elsewhere is their right."""
    assert check(request(command=TEXTS[name])).command == TEXTS[name]


@pytest.mark.parametrize("command", ["", " ", "\n", "\t \n"])
def test_a_command_is_needed(command: str) -> None:
    with pytest.raises(InvalidValue, match="command"):
        check(request(command=command))


@pytest.mark.parametrize("value", JSON.values(), ids=JSON.keys())
def test_json_in_params_is_taken_only_if_it_can_be_written_again(value: str) -> None:
    try:
        params = {"key": json.loads(value)}
    except (ValueError, RecursionError):
        return
    try:
        check_params(params)
    except InvalidValue:
        return
    assert json.loads(json.dumps(codec.to_document(params), allow_nan=False, ensure_ascii=False).encode()) == params


def test_params_are_nested_so_deep_and_no_deeper() -> None:
    check_params({"key": deep(MAX_DEPTH - 1)})
    for levels in (MAX_DEPTH, 500, 900):
        with pytest.raises(InvalidValue, match="nested"):
            check_params({"key": deep(levels)})


def test_limits_are_in_bytes_not_in_letters() -> None:
    check_name("é" * (MAX_NAME // 2))
    with pytest.raises(InvalidValue):
        check_name("é" * (MAX_NAME // 2) + "x")
    check(request(command="é" * (MAX_COMMAND // 2)))
    with pytest.raises(InvalidValue):
        check(request(command="é" * (MAX_COMMAND // 2) + "x"))
    check_params({"k": "x" * (MAX_PARAMS - 9)})
    with pytest.raises(InvalidValue):
        check_params({"k": "x" * (MAX_PARAMS - 8)})


@given(st.integers(64, 16384), st.integers(64, 16384))
def test_every_size_within_the_limits_is_read(width: int, height: int) -> None:
    assert parse_geometry(f"{width}x{height}") == (width, height)


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "800", "800x", "x600", "63x600", "800x63", "16385x600", "800x16385", "0800x600", "800x0600",
        "800x600+0+0", "800x600\n", " 800x600", "800 x 600", "800X600", "800×600", "8e2x600", "٨٠٠x٦٠٠", "99999x99999",
        "800x600x24", "0x0", "-800x600",
    ],
)  # fmt: skip
def test_other_sizes_are_refused(text: str) -> None:
    with pytest.raises(InvalidValue) as refusal:
        parse_geometry(text)
    assert refusal.value.extra["field"] == "geometry"


@given(st.text(max_size=12))
def test_whatever_is_written_as_a_size_is_a_size_or_refused(text: str) -> None:
    try:
        width, height = parse_geometry(text)
    except InvalidValue:
        return
    assert text == f"{width}x{height}"


@pytest.mark.parametrize("layout", ["us", "de", "us-intl", "ch-fr", "de(nodeadkeys)", "US", "gb(mac)-x"])
def test_layouts_that_people_name_are_taken(layout: str) -> None:
    check(request(keyboard_layout=layout))


@pytest.mark.parametrize(
    "layout", ["", "u", "us -verbose", "us,de", "-us", "us\n", "us;x", "../us", "us(a b)", "x" * 17]
)
def test_what_would_be_an_option_is_no_layout(layout: str) -> None:
    with pytest.raises(InvalidValue) as refusal:
        check(request(keyboard_layout=layout))
    assert refusal.value.extra["field"] == "keyboardLayout"


def test_new_ids_are_ids_and_no_two_are_the_same() -> None:
    made = {new_session_id() for _ in range(1000)}
    assert len(made) == 1000
    assert all(is_session_id(one) for one in made)


@pytest.mark.parametrize("text", ["", "-a", "_a", "a b", "a/b", "a.b", "é", "a\n", "a" * 65, None, 5, b"a"])
def test_what_is_no_file_name_is_no_id(text: Any) -> None:
    assert not is_session_id(text)


def test_a_request_is_never_changed_by_looking_at_it() -> None:
    asked = request(params={"a": {"b": [1]}})
    before = codec.dumps(asked)
    check(asked)
    assert codec.dumps(asked) == before
    assert replace(asked) == asked
