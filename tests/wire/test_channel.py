"""A channel: requests meet their replies, descriptors their messages, and what breaks the rules ends it."""

from __future__ import annotations

import os
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall.errors import Conflict, PortcallError, ProtocolError
from portcall.wire import framing, messages
from portcall.wire.channel import Channel


def _pass(source: Channel, target: Channel) -> list[tuple[Any, list[int]]]:
    """What one says, to the other; descriptors are only numbers here."""
    arrived = []
    for data, descriptors in source.outgoing():
        arrived += target.feed(data, descriptors)
    return arrived


def test_a_request_meets_its_reply_whatever_comes_between() -> None:
    server, session, answers = Channel(), Channel(), []
    server.request(lambda seq: messages.ReadLog(seq), lambda *answer: answers.append(answer))
    server.request(lambda seq: messages.ListProcesses(seq), lambda *answer: answers.append(answer))
    first, second = (message for message, _ in _pass(server, session))
    session.reply(second.seq, {"processes": []})
    session.send(messages.SessionReport("a"))
    session.refuse(first.seq, Conflict("not now", state="ending"))
    assert [message for message, _ in _pass(session, server)] == [messages.SessionReport("a")]
    assert answers[0] == ({"processes": []}, [], None)
    error = answers[1][2]
    assert isinstance(error, Conflict)
    assert (error.detail, error.extra) == ("not now", {"state": "ending"})


@given(st.lists(st.integers(0, 3), max_size=8), st.randoms(use_true_random=False))
def test_descriptors_stay_with_their_messages_in_any_pieces(counts: list[int], random: Any) -> None:
    source, target = Channel(), Channel()
    given_out = iter(range(1000))
    sent = []
    for count in counts:
        descriptors = [next(given_out) for _ in range(count)]
        source.send(messages.DisplayOpened("a"), descriptors)
        sent.append(descriptors)
    arrived: list[list[int]] = []
    for data, descriptors in source.outgoing():
        cut = random.randrange(1, len(data))  # descriptors come with the first byte
        for piece, with_it in ((data[:cut], descriptors), (data[cut:], [])):
            arrived += [taken for _, taken in target.feed(piece, with_it)]
    assert arrived == sent


def test_a_reply_with_a_descriptor_gives_it_to_who_asked() -> None:
    server, session, answers = Channel(), Channel(), []
    server.request(messages.OpenDisplay, lambda *answer: answers.append(answer))
    ((message, _),) = _pass(server, session)
    session.reply(message.seq, {}, [7])
    _pass(session, server)
    assert answers == [({}, [7], None)]


def test_real_descriptors_go_over_a_real_socket() -> None:
    from portcall.sessiond.connection import receive

    ours, theirs = socket.socketpair()
    read, write = os.pipe()
    source, target = Channel(), Channel()
    source.send(messages.DisplayOpened("a"), [read])
    ((data, descriptors),) = source.outgoing()
    socket.send_fds(ours, [data], descriptors)
    ((message, (received,)),) = target.feed(*receive(theirs))
    os.write(write, b"x")
    assert message == messages.DisplayOpened("a")
    assert os.read(received, 1) == b"x"
    assert not os.get_inheritable(received)
    for descriptor in (read, write, received):
        os.close(descriptor)
    ours.close()
    theirs.close()


def test_what_waits_fails_when_the_connection_closes() -> None:
    channel, errors = Channel(), []
    channel.request(messages.Adopt, lambda result, fds, error: errors.append(error))
    assert channel.close() == []
    assert isinstance(errors[0], PortcallError)


def test_descriptors_that_nobody_took_are_given_back() -> None:
    channel = Channel()
    channel.feed(b"", [3, 4])
    assert channel.close() == [3, 4]


@pytest.mark.parametrize(
    "document",
    [
        {"type": "reply", "seq": 9},
        {"type": "display-opened", "id": "a", "fds": 1},
        {"type": "display-opened", "id": "a", "fds": -1},
        {"type": "display-opened", "id": "a", "fds": "1"},
    ],
)
def test_who_breaks_the_rules_is_told_so(document: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        Channel().feed(framing.encode(document))
