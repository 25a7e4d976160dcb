"""What may be asked of any scheduler, read from what people write."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall.errors import InvalidValue
from portcall.model.option import ACCOUNT, COMMON, CORES, EXTRA, MEMORY_OF_ALL, QUEUE, TIME, Option, read, read_all

GOOD: list[tuple[Option, Any, Any]] = [
    (QUEUE, "short", "short"), (QUEUE, "gpu@all.q", "gpu@all.q"), (QUEUE, 5, "5"),
    (ACCOUNT, "chem-01.a+b:c", "chem-01.a+b:c"),
    (TIME, "90", 5400), (TIME, 90, 5400), (TIME, "1:30", 90), (TIME, "1:30:00", 5400), (TIME, "1-00:00:00", 86_400),
    (TIME, "0:05:00", 300), (TIME, " 60 ", 3600), (TIME, 60.0, 3600),
    (CORES, "4", 4), (CORES, 4, 4), (CORES, 4.0, 4),
    (MEMORY_OF_ALL, "4G", 4 << 30), (MEMORY_OF_ALL, "4096", 4 << 30), (MEMORY_OF_ALL, "1.5g", 3 << 29),
    (MEMORY_OF_ALL, "512 MiB", 512 << 20), (MEMORY_OF_ALL, "1T", 1 << 40), (MEMORY_OF_ALL, "2048kb", 2 << 20),
    (EXTRA, ["--exclusive", "--comment=a b"], ["--exclusive", "--comment=a b"]), (EXTRA, (), []),
]  # fmt: skip
BAD: list[tuple[Option, Any]] = [
    (QUEUE, ""), (QUEUE, "-p"), (QUEUE, "--wrap=id"), (QUEUE, "a b"), (QUEUE, "a;b"), (QUEUE, "a\nb"), (QUEUE, "a,b"),
    (QUEUE, "é"), (QUEUE, "x" * 129), (QUEUE, True), (QUEUE, None), (QUEUE, ["a"]), (QUEUE, {"a": 1}), (QUEUE, "$(id)"),
    (TIME, "soon"), (TIME, "-5"), (TIME, "1:2"), (TIME, "1:00:00:00"), (TIME, "1-00"), (TIME, "1e3"), (TIME, 1.5),
    (TIME, float("inf")), (TIME, float("nan")), (CORES, "4.5"), (CORES, -1), (CORES, "٤"), (CORES, "four"),
    (CORES, True), (MEMORY_OF_ALL, "4X"), (MEMORY_OF_ALL, "-4G"), (MEMORY_OF_ALL, "much"), (MEMORY_OF_ALL, "1.G"),
    (EXTRA, "--exclusive"), (EXTRA, ["a\0"]), (EXTRA, [5]), (EXTRA, {}),
]  # fmt: skip


@pytest.mark.parametrize(("option", "said", "value"), GOOD, ids=lambda value: repr(value)[:30])
def test_what_people_write_is_read(option: Option, said: Any, value: Any) -> None:
    assert read(option, said) == value


@pytest.mark.parametrize(("option", "said"), BAD, ids=lambda value: repr(value)[:30])
def test_all_else_is_refused_with_the_options_name(option: Option, said: Any) -> None:
    with pytest.raises(InvalidValue, match=f"^{option.name}: ") as failure:
        read(option, said)
    assert failure.value.extra["field"] == option.name


@given(
    st.sampled_from(COMMON), st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text())
)
def test_any_value_is_read_or_refused(option: Option, said: Any) -> None:
    """A word can never be taken for an option of a command, or for anything by a shell."""
    try:
        value = read(option, said)
    except InvalidValue:
        return
    if option.kind == "word":
        assert not value.startswith("-")
        assert value.isascii()
        assert not set(value) & set(" \t\n\r'\"\\$`;|&<>*?[](){}#~!,=%/")
    elif option.kind != "text":
        assert isinstance(value, int)
        assert value >= 0


@given(st.integers(0, 9999), st.integers(0, 59), st.integers(0, 59))
def test_a_time_is_the_same_however_it_is_written(hours: int, minutes: int, seconds: int) -> None:
    whole = (hours * 60 + minutes) * 60 + seconds
    assert read(TIME, f"{hours}:{minutes:02}:{seconds:02}") == whole
    assert read(TIME, f"{hours // 24}-{hours % 24}:{minutes:02}:{seconds:02}") == whole
    assert read(TIME, hours * 60 + minutes) == whole - seconds


@given(st.dictionaries(st.sampled_from([option.name for option in COMMON]), st.text(max_size=8) | st.integers(0, 99)))
def test_what_was_read_can_be_read_of_what_was_given(values: dict[str, Any]) -> None:
    try:
        asked = read_all(COMMON, values)
    except InvalidValue:
        return
    assert set(asked) == {name for name, value in values.items() if value not in ("", None, [])}


def test_empty_is_not_given_and_a_name_that_is_none_is_refused() -> None:
    assert read_all(COMMON, {"queue": "", "time": None, "extra": []}) == {}
    with pytest.raises(InvalidValue, match="no option 'colour'; there are: queue"):
        read_all(COMMON, {"colour": ""})
    with pytest.raises(InvalidValue, match="there are: none"):
        read_all((), {"queue": "a"})
