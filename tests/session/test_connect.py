"""Tickets and descriptors: what lets a viewer in, and what takes it to the display."""

from __future__ import annotations

import asyncio
import os
import socket

import pytest

from portcall.errors import Conflict, DisplayUnavailable, NoSuchSession, TicketRefused
from portcall.model import lifecycle
from portcall.session.connect import Connection
from portcall.wire import messages
from tests.session.stand import Stand, pair, said, standing


@standing
async def test_a_ticket_is_good_once_and_for_its_session(stand: Stand) -> None:
    await stand.session()
    await stand.session(said("t"))
    text, expires = stand.connections.ticket("s", "ann", "jti")
    assert expires > stand.clock.now()
    ticket = stand.connections.redeem(text, "s")
    assert (ticket.login, ticket.jti, ticket.session_id) == ("ann", "jti", "s")
    for used in (text, "", text + "x"):
        with pytest.raises(TicketRefused):
            stand.connections.redeem(used, "s")
    other, _ = stand.connections.ticket("t", "ann", "jti")
    with pytest.raises(TicketRefused):
        stand.connections.redeem(other, "s")
    with pytest.raises(TicketRefused):  # trying it elsewhere used it up
        stand.connections.redeem(other, "t")


@standing
async def test_tickets_are_kept_as_hashes_only(stand: Stand) -> None:
    await stand.session()
    text, _ = stand.connections.ticket("s", "ann", "jti")
    assert text not in repr(vars(stand.connections))
    assert len(text) >= 32


@pytest.mark.parametrize("state", [lifecycle.ENDING, lifecycle.ENDED, lifecycle.LOST])
def test_there_is_no_ticket_for_what_cannot_be_seen(state: str, tmp_path: object) -> None:
    async def test(stand: Stand) -> None:
        await stand.session()
        await stand.registry.change("s", state=state)
        with pytest.raises(Conflict, match=state):
            stand.connections.ticket("s", "ann", "jti")
        with pytest.raises(NoSuchSession):
            stand.connections.ticket("none", "ann", "jti")

    standing(test)(tmp_path)  # type: ignore[arg-type]


@standing
async def test_a_login_that_ends_takes_its_tickets_and_viewers_with_it(stand: Stand) -> None:
    await stand.session()
    mine, _ = stand.connections.ticket("s", "ann", "gone")
    others, _ = stand.connections.ticket("s", "ann", "stays")
    left: dict[str, str] = {}
    for jti in ("gone", "stays"):
        connection = Connection(
            jti, "s", "ann", jti, "", 0.0, 0.0,
            close=lambda code, why, jti=jti: left.__setitem__(jti, code), say=lambda _: None,  # type: ignore[misc]
        )  # fmt: skip
        await stand.connections.add(connection)
    stand.connections.login_gone("gone")
    assert left == {"gone": "logged-out"}
    with pytest.raises(TicketRefused):
        stand.connections.redeem(mine, "s")
    stand.connections.redeem(others, "s")


@standing
async def test_the_descriptor_that_was_offered_is_used_before_one_is_asked_for(stand: Stand) -> None:
    end = await stand.session()
    ours, theirs = pair()
    end.say(messages.DisplayOpened("s"), [theirs])
    asked = []
    other, given = pair()
    end.answers[messages.OpenDisplay] = lambda request: (asked.append(request), ({}, [given]))[1]
    end.say(messages.SessionReport("s", {"memory": 1}))
    await stand.registry.until("s", lambda now: now.memory == 1, 5)
    with socket.socket(fileno=await stand.connections.descriptor("s", 1)) as first:
        ours.send(b"offered")
        assert first.recv(10) == b"offered"
        assert asked == []
    with socket.socket(fileno=await stand.connections.descriptor("s", 1)) as second:
        other.send(b"asked")
        assert second.recv(10) == b"asked"
        assert len(asked) == 1
    ours.close()
    other.close()


@standing
async def test_what_was_offered_of_a_display_that_did_not_come_up_is_not_given_to_a_viewer(stand: Stand) -> None:
    end = await stand.session()
    first, offered = pair()
    end.say(messages.DisplayOpened("s"), [offered])
    first.send(b"RFB 003.008\n")  # it could be dialled, and then it found another's keymap in its way
    first.close()
    display, given = pair()
    end.answers[messages.OpenDisplay] = lambda request: ({}, [given])
    end.say(messages.SessionReport("s", {"memory": 1}))
    await stand.registry.until("s", lambda now: now.memory == 1, 5)
    with socket.socket(fileno=await stand.connections.descriptor("s", 1)) as viewer:
        display.send(b"of the display that is there")
        assert viewer.recv(100) == b"of the display that is there"
    display.close()


@standing
async def test_all_who_wait_for_a_session_that_comes_up_get_in(stand: Stand) -> None:
    end = await stand.session(phase="display")
    ends = []

    def answer(request: object) -> tuple[dict[str, object], list[int]]:
        ours, theirs = pair()
        ends.append(ours)
        return {}, [theirs]

    end.answers[messages.OpenDisplay] = answer
    waiting = [asyncio.ensure_future(stand.connections.descriptor("s", 5)) for _ in range(5)]
    await asyncio.sleep(0.01)
    assert not any(one.done() for one in waiting)
    ours, theirs = pair()
    end.say(messages.DisplayOpened("s"), [theirs])
    end.say(messages.SessionReport("s", {}, "running"))
    for descriptor in await asyncio.gather(*waiting):
        os.close(descriptor)
    assert len(ends) == 4
    for one in (*ends, ours):
        one.close()


@standing
async def test_viewers_that_come_together_are_one_request(stand: Stand) -> None:
    end = await stand.session()
    asked: list[int] = []
    ends: list[socket.socket] = []

    def answer(request: messages.OpenDisplay) -> tuple[dict[str, object], list[int]]:
        asked.append(request.count)
        pairs = [pair() for _ in range(max(1, request.count - 1))]  # one less than was asked for
        ends.extend(ours for ours, _ in pairs)
        return {}, [theirs for _, theirs in pairs]

    end.answers[messages.OpenDisplay] = answer
    waiting = [asyncio.ensure_future(stand.connections.descriptor("s", 5)) for _ in range(10)]
    for descriptor in await asyncio.gather(*waiting):
        os.close(descriptor)
    assert asked == [8, 1, 2, 1]
    assert len(ends) == 10
    for one in ends:
        one.close()


@standing
async def test_a_viewer_that_goes_while_others_ask_too_leaves_no_descriptor(stand: Stand) -> None:
    end = await stand.session()
    before = len(os.listdir("/proc/self/fd"))
    waiting = [asyncio.ensure_future(stand.connections.descriptor("s", 5)) for _ in range(3)]
    request = await end.hears(messages.OpenDisplay)
    assert request.count == 3
    waiting[1].cancel()
    pairs = [pair() for _ in range(3)]
    end.say(messages.Reply(request.seq), [theirs for _, theirs in pairs])
    for descriptor in await asyncio.gather(waiting[0], waiting[2]):
        os.close(descriptor)
    for ours, _ in pairs:
        ours.close()
    assert len(os.listdir("/proc/self/fd")) == before


@standing
async def test_a_session_that_fails_tells_all_who_wait_for_it(stand: Stand) -> None:
    end = await stand.session(phase="display")
    waiting = [asyncio.ensure_future(stand.connections.descriptor("s", 5)) for _ in range(3)]
    await asyncio.sleep(0)
    end.say(messages.SessionEnded("s", "no such command", failed=True, log="sh: nope: not found"))
    for one in waiting:
        with pytest.raises(DisplayUnavailable, match="no such command") as failure:
            await one
        assert failure.value.extra["log"] == "sh: nope: not found"


@standing
async def test_who_waits_longer_than_allowed_is_told(stand: Stand) -> None:
    await stand.session(phase="display")
    with pytest.raises(DisplayUnavailable, match="in time"):
        await stand.connections.descriptor("s", 0.01)


@standing
async def test_a_session_that_was_purged_while_somebody_waits_is_gone(stand: Stand) -> None:
    await stand.session(phase="display")
    waiting = asyncio.ensure_future(stand.connections.descriptor("s", 5))
    await asyncio.sleep(0)
    await stand.registry.purge("s")
    with pytest.raises(NoSuchSession):
        await waiting


@standing
async def test_what_was_offered_is_closed_when_the_session_ends(stand: Stand) -> None:
    end = await stand.session()
    ours, theirs = pair()
    end.say(messages.DisplayOpened("s"), [theirs])
    end.say(messages.SessionEnded("s", "over"))
    await stand.registry.until("s", lambda now: now.state == lifecycle.ENDED, 5)
    assert ours.recv(1) == b""
    ours.close()
