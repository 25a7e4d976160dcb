"""What people do to sessions: with a session's process that answers, one that does not, and none."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from portcall.errors import Conflict, DisplayUnavailable, InvalidValue, NoSuchSession
from portcall.model import lifecycle
from portcall.session.actions import Actions
from portcall.session.connect import Connection
from portcall.wire import messages
from tests.session.stand import Stand, said, standing, until


class Acting:
    """Actions on a stand. ``destroyed`` and ``given_up``: what was asked of the host and of the start."""

    def __init__(self, stand: Stand) -> None:
        self.destroyed: list[str] = []
        self.given_up: list[str] = []
        self.stand = stand
        self.actions = Actions(
            stand.registry, stand.reports, stand.connections, stand.clock, self._destroy, self.given_up.append,
            self._output,
        )  # fmt: skip

    async def _destroy(self, session: Any) -> None:
        self.destroyed.append(session.id)

    async def _output(self, session: Any) -> str:
        return f"printed by the job of {session.id}\n"

    async def viewer(self) -> list[tuple[str, str]]:
        left: list[tuple[str, str]] = []
        connection = Connection(
            "v", "s", "ann", "jti", "", 0.0, 0.0, close=lambda code, why: left.append((code, why)), say=lambda _: None
        )
        await self.stand.connections.add(connection)
        return left


@standing
async def test_a_change_is_made_in_the_session_itself_first(stand: Stand) -> None:
    end = await stand.session(said(params={"a": 1, "b": 2}))
    asked: list[Any] = []
    end.answers[messages.ChangeSession] = lambda request: (asked.append(request), ({}, []))[1]
    session = await Acting(stand).actions.change("s", "New name", {"a": None, "c": [1], "clientIP": "10.0.0.1"})
    assert asked[0].name == "New name"
    assert asked[0].params == {"a": None, "c": [1], "name": "New name"}
    assert session.name == "New name"
    assert session.params == {"b": 2, "c": [1], "name": "New name"}


@standing
async def test_what_may_not_be_is_changed_nowhere(stand: Stand) -> None:
    await stand.session(said(params={"a": "x" * 60_000}))
    actions = Acting(stand).actions
    for name, params in (("two\nlines", {}), (None, {"": 1}), (None, {"b": "x" * 6000}), (None, {"b": float("nan")})):
        with pytest.raises(InvalidValue):
            await actions.change("s", name, params)
    await stand.registry.signal("s", lifecycle.OVER, ended=1.0)
    with pytest.raises(Conflict):
        await actions.change("s", "late", {})


@standing
async def test_suspending_sends_viewers_away_and_keeps_the_session(stand: Stand) -> None:
    await stand.session()
    acting = Acting(stand)
    left = await acting.viewer()
    session = await acting.actions.suspend("s", "ann")
    assert session.state == lifecycle.SUSPENDED
    assert left == [("suspended", "It was suspended by ann. It goes on, and can be opened again.")]
    assert (await acting.actions.suspend("s", "ann")).state == lifecycle.SUSPENDED
    await stand.registry.signal("s", lifecycle.OVER, ended=1.0)
    with pytest.raises(Conflict):
        await acting.actions.suspend("s", "ann")


@standing
async def test_ending_asks_the_session_and_its_word_is_waited_for(stand: Stand) -> None:
    end = await stand.session()
    end.answers[messages.EndSession] = lambda request: ({}, [])
    acting = Acting(stand)
    session = await acting.actions.terminate("s", "It was ended by ann.")
    assert session.state == lifecycle.ENDING
    assert (await end.hears(messages.EndSession)).reason == "It was ended by ann."
    end.say(messages.SessionEnded("s", "asked"))
    ended = await stand.registry.until("s", lambda now: now.state == lifecycle.ENDED, 5)
    assert ended.cause == "terminated"
    assert acting.destroyed == []
    assert (await acting.actions.terminate("s", "again")).reason == "It was ended by ann."


@standing
async def test_a_session_that_cannot_hear_is_ended_on_its_host(stand: Stand) -> None:
    end = await stand.session()
    end.close()
    await until(lambda: stand.reports.peer("s") is None)
    acting = Acting(stand)
    session = await acting.actions.terminate("s", "It was ended by ann.")
    assert (session.state, acting.destroyed, acting.given_up) == (lifecycle.ENDING, ["s"], ["s"])


@standing
async def test_a_purge_waits_for_the_end_and_leaves_nothing(stand: Stand) -> None:
    end = await stand.session()
    end.answers[messages.EndSession] = lambda request: ({}, [])
    acting = Acting(stand)
    left = await acting.viewer()
    purging = asyncio.ensure_future(acting.actions.purge("s", "It was purged by ann."))
    await end.hears(messages.EndSession)
    end.say(messages.SessionEnded("s", "over"))
    await purging
    assert stand.registry.find("s") is None
    assert stand.registry.purged("s")
    assert acting.destroyed == []
    assert left[0][0] == "ended"
    with pytest.raises(NoSuchSession):
        await acting.actions.purge("s", "again")


@standing
async def test_a_purge_needs_no_help_from_the_session(stand: Stand) -> None:
    end = await stand.session()
    end.close()
    await until(lambda: stand.reports.peer("s") is None)
    acting = Acting(stand)
    await acting.actions.purge("s", "It was purged by ann.")
    assert acting.destroyed == ["s"]
    assert stand.registry.find("s") is None


@standing
async def test_the_log_is_the_living_sessions_or_what_was_kept(stand: Stand) -> None:
    end = await stand.session()
    end.answers[messages.ReadLog] = lambda request: ({"log": "x" * request.size, "size": 99}, [])
    actions = Acting(stand).actions
    assert await actions.log("s", 5) == {"log": "xxxxx", "size": 99}
    end.answers[messages.ReadLog] = lambda request: ({"log": None, "size": "many"}, [])
    assert (await actions.log("s", 5))["size"] == 0
    end.say(messages.SessionEnded("s", "over", log="the last lines"))
    end.close()
    await until(lambda: stand.reports.peer("s") is None)
    await stand.registry.until("s", lambda now: now.state == lifecycle.ENDED, 5)
    assert await actions.log("s", 5) == {"log": "lines", "size": 14}


@standing
async def test_processes_are_a_list_whatever_the_session_says(stand: Stand) -> None:
    end = await stand.session()
    actions = Acting(stand).actions
    for result, expected in (({"processes": [{"pid": 1}]}, [{"pid": 1}]), ({}, []), ({"processes": 5}, [])):
        end.answers[messages.ListProcesses] = lambda request, result=result: (result, [])  # type: ignore[misc]
        assert await actions.processes("s") == expected
    end.close()
    await until(lambda: stand.reports.peer("s") is None)
    assert await actions.processes("s") == []


@standing
async def test_without_a_display_there_is_no_picture_but_a_reason(stand: Stand) -> None:
    end = await stand.session(phase="display")
    actions = Acting(stand).actions
    with pytest.raises(DisplayUnavailable, match="pending"):
        await actions.screenshot("s", None, "png")
    await stand.registry.signal("s", lifecycle.READY)
    end.answers[messages.OpenDisplay] = lambda request: ({}, [])
    with pytest.raises(DisplayUnavailable, match="no way"):
        await actions.screenshot("s", None, "png")
    end.close()
    await until(lambda: stand.reports.peer("s") is None)
    with pytest.raises(DisplayUnavailable, match="not connected"):
        await actions.screenshot("s", None, "png")


@standing
async def test_nothing_can_be_done_to_what_is_not_there(stand: Stand) -> None:
    actions = Acting(stand).actions
    for work in (
        actions.change("x", None, {}), actions.suspend("x", ""), actions.terminate("x", ""), actions.purge("x", ""),
        actions.log("x", 5), actions.processes("x"), actions.screenshot("x", None, "png"),
    ):  # fmt: skip
        with pytest.raises(NoSuchSession):
            await work
