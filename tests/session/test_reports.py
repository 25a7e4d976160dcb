"""What sessions say of themselves, and what of it is believed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from portcall.errors import InvalidValue, SeatsTaken
from portcall.model import codec, lifecycle
from portcall.testing.processes import FarEnd
from portcall.wire import framing, messages
from tests.session.stand import BOB, Stand, said, standing, until


def agreeing(end: FarEnd) -> FarEnd:
    end.answers[messages.EndSession] = lambda request: ({}, [])
    return end


@standing
async def test_a_session_typed_by_hand_is_listed_as_its_users(stand: Stand) -> None:
    await stand.session(said(profile="default", unknown={"admin": True}, launcher="slurm", state="ended", clients=7))
    session = stand.registry.get("s")
    assert (session.login, session.user, session.server_id, session.origin) == ("ann", "ann", "here", "hand")
    assert (session.state, session.clients, session.launcher, session.unknown) == ("running", 0, "direct", {})
    assert [item.id for item in stand.admitted] == ["s"]


@standing
async def test_a_session_that_may_not_be_is_told_why_and_not_listed(stand: Stand) -> None:
    stand.refusal = SeatsTaken("You have 3 sessions, and 3 at once is the limit.")
    end = agreeing(stand.dial())
    end.hello(said())
    assert (await end.hears(messages.EndSession)).reason == "You have 3 sessions, and 3 at once is the limit."
    assert list(stand.registry.all()) == []


@standing
async def test_a_signed_session_is_the_logins_and_needs_no_admission(stand: Stand) -> None:
    stand.refusal = SeatsTaken()
    stand.signatures["good"] = {"id": "s", "user": "ann", "login": "ann@lab", "profile": "small"}
    end = stand.dial()
    end.hello(said(), "display", "good")
    await end.hears(messages.Watched)
    session = stand.registry.get("s")
    assert (session.login, session.user, session.profile, session.origin) == ("ann@lab", "ann", "small", "pipeline")
    assert stand.admitted == []


@pytest.mark.parametrize(
    "claims",
    [
        {"id": "other", "user": "ann", "login": "root", "profile": "big"},
        {"id": "s", "user": "bob", "login": "root", "profile": "big"},
        None,
    ],
)
def test_a_signature_for_something_else_is_worth_nothing(claims: dict[str, str] | None, tmp_path: Any) -> None:
    async def test(stand: Stand) -> None:
        if claims:
            stand.signatures["signature"] = claims
        end = stand.dial()
        end.hello(said(), "display", "signature")
        await end.hears(messages.Watched)
        assert stand.registry.get("s").login == "ann"
        assert len(stand.admitted) == 1

    standing(test)(tmp_path)


@pytest.mark.parametrize(
    ("changed", "asked"), [({}, 0), ({"geometry": "3840x2160"}, 1), ({"command": "bash"}, 1), ({"profile": "big"}, 0)]
)
def test_what_a_scheduled_session_was_granted_is_in_its_record_whatever_its_order_says(
    changed: dict[str, str], asked: int, tmp_path: Any
) -> None:
    async def test(stand: Stand) -> None:
        for session_id, signature in (("s", "good"), ("t", "bad")):
            stand.signatures["good"] = {"id": "s", "user": "ann", "login": "ann", "profile": "default"}
            stand.admitted.clear()
            granted = replace(said(session_id), user="ann", login="ann", launcher="slurm", profile="small")
            await stand.registry.add(granted)
            end = stand.dial()
            end.hello(replace(granted, **changed), "display", signature)
            await end.hears(messages.Watched)
            assert len(stand.admitted) == asked
            session = stand.registry.get(session_id)
            assert (session.profile, session.launcher) == ("small", "slurm")
            stand.refusal = InvalidValue("The profile small allows 800x600 at most.")
            again = agreeing(stand.dial())
            again.hello(replace(granted, **{**changed, "geometry": "9000x9000"}), "display", signature)
            assert (await again.hears(messages.EndSession)).reason == "The profile small allows 800x600 at most."
            stand.refusal = None

    standing(test)(tmp_path)


@standing
async def test_nobody_speaks_for_another_users_session(stand: Stand) -> None:
    first = await stand.session()
    stand.account = BOB
    thief = stand.dial()
    thief.hello(said(name="mine now"), "running")
    await asyncio.wait_for(thief.closed.wait(), 5)
    assert stand.registry.get("s").name == ""
    assert not first.closed.is_set()
    assert stand.reports.peer("s") is not None


@standing
async def test_of_two_users_who_take_a_new_id_at_once_one_has_it(stand: Stand) -> None:
    ends = []
    for account in (stand.account, BOB):
        stand.account = account
        end = stand.dial()
        end.hello(said())
        ends.append(end)
        await asyncio.sleep(0)
    await until(lambda: any(end.closed.is_set() for end in ends))
    assert sum(end.closed.is_set() for end in ends) == 1


@standing
async def test_a_purged_session_that_calls_in_after_all_is_ended(stand: Stand) -> None:
    end = await stand.session()
    end.close()
    await stand.registry.purge("s")
    late = agreeing(stand.dial())
    late.hello(said(), "running")
    assert "purged" in (await late.hears(messages.EndSession)).reason
    assert stand.registry.find("s") is None


@standing
async def test_the_later_of_two_daemons_takes_the_session_over(stand: Stand) -> None:
    first = await stand.session()
    second = await stand.session()
    await asyncio.wait_for(first.closed.wait(), 5)
    second.say(messages.SessionReport("s", {"memory": 3}))
    await stand.registry.until("s", lambda session: session.memory == 3, 5)
    assert stand.reports.peer("s") is not None


@standing
async def test_reserved_params_are_the_servers_whatever_a_session_says(stand: Stand) -> None:
    forged = {"clientIP": "203.0.113.9", "bookmarkId": "b", "icon": "i", "name": "Other", "project": "wing"}
    end = await stand.session(said(name="Mine", params=forged))
    assert stand.registry.get("s").params == {"name": "Mine", "project": "wing"}
    await stand.registry.change("s", params={"clientIP": "192.0.2.1", "name": "Mine"})
    end.say(messages.SessionReport("s", {"params": {**forged, "project": "tail"}}))
    session = await stand.registry.until("s", lambda now: now.params.get("project") == "tail", 5)
    assert session.params == {"clientIP": "192.0.2.1", "name": "Mine", "project": "tail"}
    await stand.session(said(name="Mine", params=forged, started=1.0))  # it calls again
    assert stand.registry.get("s").params == {"clientIP": "192.0.2.1", "name": "Mine", "project": "wing"}


@standing
async def test_only_what_a_session_knows_best_is_taken_from_its_reports(stand: Stand) -> None:
    end = await stand.session()
    changes = {
        "memory": 4096, "cpuPercentage": 12.5, "geometry": "1024x768", "openGl": "llvmpipe",
        "login": "root", "user": "root", "state": "ended", "clients": 9, "endsAt": 1.0, "serverId": "x",
        "profile": "big", "origin": "pipeline", "nonsense": 1,
    }  # fmt: skip
    end.say(messages.SessionReport("s", changes))
    session = await stand.registry.until("s", lambda now: now.memory == 4096, 5)
    assert (session.cpu_percentage, session.geometry, session.open_gl) == (12.5, "1024x768", "llvmpipe")
    assert (session.login, session.user, session.state, session.clients) == ("ann", "ann", "running", 0)
    assert (session.ends_at, session.server_id, session.profile, session.origin) == (None, "here", "default", "hand")


@pytest.mark.parametrize(
    "changes",
    [
        {"memory": "much"},
        {"params": {"key": "x" * 140_000}},
        {"params": {"": 1}},
        {"name": "a\nb"},
        {"name": "x" * 300},
        {"hostname": "h" * 300},
        {"command": "c" * 40_000},
        {"command": "a\0b"},
        {"geometry": 5},
        {"params": []},
    ],
)
def test_a_report_that_is_too_much_or_wrong_changes_nothing(changes: dict[str, Any], tmp_path: Any) -> None:
    async def test(stand: Stand) -> None:
        end = await stand.session()
        before = stand.registry.get("s")
        end.say(messages.SessionReport("s", changes))
        end.say(messages.SessionReport("s", {"memory": 7}))
        after = await stand.registry.until("s", lambda now: now.memory == 7, 5)
        assert codec.to_document(after) == {**codec.to_document(before), "memory": 7}

    standing(test)(tmp_path)


@pytest.mark.parametrize("body", [b'{"memory":NaN}', b'{"memory":1e999}', b'{"cpuPercentage":-Infinity}'])
def test_a_number_that_no_page_can_read_ends_the_connection(body: bytes, tmp_path: Any) -> None:
    async def test(stand: Stand) -> None:
        end = await stand.session()
        report = framing.encode({"type": "session-report", "id": "s", "changes": {"x": 1}})[4:].replace(
            b'{"x":1}', body
        )
        end.write(len(report).to_bytes(4, "big") + report)
        await asyncio.wait_for(end.closed.wait(), 5)

    standing(test)(tmp_path)


@standing
async def test_half_a_surrogate_pair_is_replaced_wherever_it_comes(stand: Stand) -> None:
    end = await stand.session(said(name="\ud800name", display="\udcff"))
    assert stand.registry.get("s").name == "?name"
    end.say(messages.SessionEnded("s", "gone \ud800", log="log \udcff 🐙"))
    session = await stand.registry.until("s", lambda now: now.state == lifecycle.ENDED, 5)
    assert (session.reason, session.message) == ("gone ?", "log ? 🐙")


@standing
async def test_reports_are_taken_in_their_order(stand: Stand) -> None:
    end = await stand.session()
    for memory in range(1, 200):
        end.say(messages.SessionReport("s", {"memory": memory}))
    end.say(messages.SessionEnded("s", "over", exit_code=3, log="last words"))
    session = await stand.registry.until("s", lambda now: now.state == lifecycle.ENDED, 5)
    assert (session.exit_code, session.message, session.memory) == (3, "last words", 0)
    seen = [event.document["memory"] for event in stand.events if event.kind == "session"]
    assert sorted(seen[:-1]) == seen[:-1]


@standing
async def test_steps_of_the_start_reach_the_trace(stand: Stand) -> None:
    end = await stand.session(phase="display")
    end.say(messages.SessionReport("s", {}, step="display-alive", took=0.1))
    end.say(messages.SessionReport("s", {}, "running", step="command-started", took=0.2))
    await stand.registry.until("s", lambda now: now.state == lifecycle.RUNNING, 5)
    assert stand.steps == ["display-alive", "command-started"]


@standing
async def test_a_session_asked_to_end_while_nobody_heard_it_is_told_when_it_calls(stand: Stand) -> None:
    end = await stand.session()
    end.close()
    await until(lambda: stand.reports.peer("s") is None)
    await stand.registry.signal("s", lifecycle.ASKED, reason="It was ended by ann.")
    again = agreeing(stand.dial())
    again.hello(said(), "running")
    assert (await again.hears(messages.EndSession)).reason == "It was ended by ann."
    again.say(messages.SessionEnded("s", "asked"))
    session = await stand.registry.until("s", lambda now: now.state == lifecycle.ENDED, 5)
    assert session.reason == "It was ended by ann."


@pytest.mark.parametrize(
    ("said_cause", "failed", "cause"),
    [
        ("no-window", True, "no-window"), ("", True, "start-failed"), ("nonsense", True, "start-failed"),
        ("forbidden", True, "start-failed"), ("", False, None),
    ],
)  # fmt: skip
def test_a_failed_session_says_what_kind_of_failure_and_no_other(
    said_cause: str, failed: bool, cause: str | None, tmp_path: Any
) -> None:
    async def test(stand: Stand) -> None:
        end = await stand.session()
        end.say(messages.SessionEnded("s", "words", failed, cause=said_cause))
        session = await stand.registry.until("s", lambda now: now.state == lifecycle.ENDED, 5)
        assert (session.reason, session.cause) == ("words", cause)

    standing(test)(tmp_path)


@standing
async def test_a_lost_session_that_calls_is_there_again(stand: Stand) -> None:
    end = await stand.session()
    end.close()
    await stand.registry.signal("s", lifecycle.SILENT)
    await stand.session()
    assert stand.registry.get("s").state in lifecycle.CONNECTABLE


@standing
async def test_a_session_reported_as_failed_that_calls_is_there_after_all(stand: Stand) -> None:
    end = await stand.session(phase="display")
    end.close()
    await stand.registry.signal("s", lifecycle.OVER, ended=9.0, reason="It did not come up in time.")
    await stand.session()
    session = stand.registry.get("s")
    assert (session.state, session.ended, session.reason) == (lifecycle.RUNNING, None, None)


@standing
async def test_an_ended_session_that_calls_again_needs_a_seat_again(stand: Stand) -> None:
    """Its id and signature are no season ticket."""
    stand.signatures["good"] = {"id": "s", "user": "ann", "login": "ann", "profile": "default"}
    end = stand.dial()
    end.hello(said(), "running", "good")
    await end.hears(messages.Watched)
    end.say(messages.SessionEnded("s", "over"))
    await stand.registry.until("s", lambda now: now.state == lifecycle.ENDED, 5)
    stand.refusal = SeatsTaken("no seat")
    again = agreeing(stand.dial())
    again.hello(said(), "running", "good")
    assert (await again.hears(messages.EndSession)).reason == "no seat"
    assert stand.registry.get("s").state == lifecycle.ENDED


@standing
async def test_a_session_from_the_future_is_as_old_as_its_first_call(stand: Stand) -> None:
    """Seats go by age: who is not yet born would never be counted."""
    await stand.session(said(created=9e15))
    assert stand.registry.get("s").created <= stand.clock.now()


@standing
async def test_numbers_that_nothing_can_show_are_not_taken(stand: Stand) -> None:
    """One session's figures are on its administrators' pages too."""
    end = await stand.session()
    before = stand.registry.get("s")
    wrong: list[tuple[str, float]] = [
        ("memory", 10**400), ("memory", -1), ("cpuPercentage", 10**400), ("cpuPercentage", 1e308),
        ("cpuPercentage", -1.0), ("started", 1e300), ("started", -1e300),
    ]  # fmt: skip
    for number, (name, value) in enumerate(wrong):
        end.say(messages.SessionReport("s", {name: value}))
        end.say(messages.SessionReport("s", {"name": f"after {number}"}))
        await until(lambda done=f"after {number}": stand.registry.get("s").name == done)
        assert stand.registry.get("s") == replace(before, name=f"after {number}"), (name, value)


@standing
async def test_an_exit_code_that_none_can_be_is_not_known(stand: Stand) -> None:
    end = await stand.session()
    end.say(messages.SessionEnded("s", "It is over.", exit_code=10**400))
    await until(lambda: stand.registry.get("s").state == lifecycle.ENDED)
    assert stand.registry.get("s").exit_code is None


@standing
async def test_a_steps_name_is_short(stand: Stand) -> None:
    end = await stand.session()
    end.say(messages.SessionReport("s", step="x" * 20_000, took=-1e300))
    await until(lambda: stand.steps)
    assert stand.steps == ["x" * 64]


@standing
async def test_sessions_are_told_how_closely_to_watch(stand: Stand) -> None:
    end = await stand.session()
    assert (await end.hears(messages.Watched)).every == 60.0
    stand.reports.watched(+1)
    await end.until(lambda: [item.every for item in end.heard if isinstance(item, messages.Watched)] == [60.0, 3.0])
    stand.reports.watched(+1)
    stand.reports.watched(-1)
    stand.reports.watched(-1)
    await end.until(lambda: [item.every for item in end.heard if isinstance(item, messages.Watched)] == [60, 3, 60])


@pytest.mark.parametrize(
    ("scripts", "told"),
    [(["connect"], True), (["disconnect"], True), (["start", "params", "terminate"], False), ([], False)],
)
def test_a_session_with_scripts_for_viewers_is_told_how_many_there_are(
    scripts: list[str], told: bool, tmp_path: Any
) -> None:
    async def test(stand: Stand) -> None:
        stand.bus.listen(lambda happened: stand.reports.viewers(happened.id, happened.document["clients"]))
        end = stand.dial()
        end.hello(said(), "running", scripts=scripts)
        await end.hears(messages.Watched)
        for count in (1, 1, 2, 0):
            await stand.registry.change("s", clients=count)
        stand.reports.watched(+1)  # the last that it hears
        await end.until(lambda: len([one for one in end.heard if isinstance(one, messages.Watched)]) == 2)
        counts = [one.count for one in end.heard if isinstance(one, messages.Viewers)]
        assert counts == ([0, 1, 2, 0] if told else [])
        peer = stand.reports.peer("s")
        assert peer is not None
        assert peer.farewell == (30.0 if "terminate" in scripts else 0.0)
        await stand.registry.change("s", clients=3)
        again = stand.dial()  # it was away
        again.hello(said(clients=1), "running", scripts=scripts)
        await again.hears(messages.Viewers if told else messages.Watched)
        assert [one.count for one in again.heard if isinstance(one, messages.Viewers)] == ([3] if told else [])

    standing(test)(tmp_path)
