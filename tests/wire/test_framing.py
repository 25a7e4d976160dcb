"""Framing: any messages, in any pieces, arrive as they were; what is no message ends the connection."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall.errors import ProtocolError
from portcall.wire.framing import LIMIT, Framer, encode

_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
_documents = st.dictionaries(st.text(), _json, max_size=4).map(lambda one: {**one, "type": "x"})


@given(st.lists(_documents, max_size=5), st.data())
def test_messages_in_any_pieces_arrive_as_they_were(documents: list[dict[str, Any]], data: st.DataObject) -> None:
    stream = b"".join(encode(document) for document in documents)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    framer, arrived = Framer(), []
    for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        arrived += list(framer.feed(stream[begin:end]))
    assert arrived == documents


@given(st.binary(max_size=200))
def test_junk_never_gives_anything_but_messages_or_the_error(junk: bytes) -> None:
    try:
        for message in Framer().feed(junk):
            assert isinstance(message["type"], str)
    except ProtocolError:
        pass


@pytest.mark.parametrize("body", [b"[]", b"1", b"{}", b'{"type":1}', b"\xff", b"{", b"[" * 100_000])
def test_what_is_no_message_is_refused(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        list(Framer().feed(struct.pack(">I", len(body)) + body))


def test_a_message_over_the_limit_is_refused_before_it_is_read() -> None:
    with pytest.raises(ProtocolError):
        list(Framer().feed(struct.pack(">I", LIMIT + 1)))
    with pytest.raises(ProtocolError):
        encode({"type": "x", "text": "x" * LIMIT})
