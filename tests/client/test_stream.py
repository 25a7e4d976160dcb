import itertools

import pytest

from portcall.client.address import Address
from portcall.client.api import Client
from portcall.client.http import Http
from portcall.client.stream import StreamEvent, follow, parse
from portcall.errors import Forbidden
from tests.client.stand_in import StandIn


def test_events_are_read_as_the_standard_says() -> None:
    lines = [
        ": a comment",
        "id: 4",
        "event: session",
        'data: {"a":',
        "data: 1}",
        "",
        "data: plain",
        "",
        "event: none",
        "",
    ]
    assert list(parse(lines)) == [StreamEvent("session", {"a": 1}, 4), StreamEvent("message", {"text": "plain"}, 4)]


def test_a_stream_that_ended_is_gone_on_with_after_the_last_event(place: StandIn) -> None:
    place.events = [
        'event: hello\ndata: {"event": 7}\n\nid: 8\nevent: session\ndata: {"id": "s"}\n\n',
        "id: 9\nevent: server\ndata: {}\n\nid: 10\nevent: torn",
    ]
    pauses: list[float] = []
    http = Http(Address(place.url), "good")
    found: list[StreamEvent] = []
    with pytest.raises(Forbidden):
        found.extend(follow(http, "/events", pause=pauses.append))
    http.close()
    assert [(event.kind, event.number) for event in found] == [("hello", None), ("session", 8), ("server", 9)]
    resumed = [number for what, number, _ in place.asked if what == "LAST-EVENT-ID"]
    # 10 was torn in two, so it was not seen
    assert resumed == ["", "8", "9"]
    assert pauses


def test_what_came_before_is_not_asked_for_again(place: StandIn) -> None:
    place.events = ["id: 8\nevent: session\ndata: {}\n\n"]
    with Client(Address(place.url), "good") as client:
        assert [event.number for event in itertools.islice(client.events(since=7), 1)] == [8]
    assert ("LAST-EVENT-ID", "7", None) in place.asked
