"""The roster: slots that stay, columns that follow, and changes since a revision, as a worker sees them."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from portcall.model.roster import Roster, member

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 5), st.integers(0, 9)),
        st.tuples(st.just("remove"), st.integers(0, 5), st.just(0)),
        st.tuples(st.just("told"), st.just(0), st.just(0)),
    ),
    max_size=60,
)


@given(steps=STEPS)
def test_who_is_told_the_changes_knows_what_the_roster_knows(steps: list[tuple[str, int, int]]) -> None:
    roster, plain = Roster(), {}
    copy: dict[int, Any] = {}
    revision, slots = 0, {}
    gpu = roster.column("staticData.gpu")
    for what, number, value in steps:
        name = f"s{number}"
        if what == "put":
            plain[name] = {"serverId": name, "sessions": value, "staticData": {"gpu": value}}
            slots.setdefault(name, roster.put(plain[name]))
            assert roster.put(plain[name]) == slots[name]
        elif what == "remove":
            plain.pop(name, None)
            roster.remove(name)
        else:
            for slot, _ in roster.changes(revision):
                copy[slot] = roster.documents[slot]
            revision = roster.revision
            assert {slot: document for slot, document in copy.items() if document} == {
                slots[name]: document for name, document in plain.items()
            }
    assert len(roster) == len(plain)
    assert {roster.ids[slot] for slot in roster.slots()} == set(plain)
    for slot, document in enumerate(roster.documents):
        assert gpu[slot] == member(document, "staticData.gpu")
        assert roster.slot(roster.ids[slot]) == (slot if document else None)


def test_watchers_are_told_until_they_want_no_more() -> None:
    roster, calls = Roster(), []
    stop = roster.watch(lambda: calls.append(roster.revision))
    roster.put({"serverId": "a"})
    roster.remove("nobody")
    roster.remove("a")
    stop()
    roster.put({"serverId": "a"})
    assert calls == [1, 2]


def test_only_what_changed_after_a_revision_is_a_change() -> None:
    roster = Roster()
    for name in "abc":
        roster.put({"serverId": name})
    seen = roster.revision
    roster.put({"serverId": "b", "sessions": 1})
    assert [slot for slot, _ in roster.changes(seen)] == [1]
    assert list(roster.changes(roster.revision)) == []
