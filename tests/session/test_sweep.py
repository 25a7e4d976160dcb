"""Time passing over sessions: hours of it, in no time."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from portcall.bus import Bus
from portcall.errors import Conflict, NoLink, NoSuchSession
from portcall.model import lifecycle
from portcall.model.profile import Profile
from portcall.model.session import Session
from portcall.session.connect import Connection, Connections
from portcall.session.registry import Registry
from portcall.session.sweep import EVERY, Sweep
from portcall.stores.memory import Memory
from portcall.testing.time import VirtualClock, in_virtual_time
from tests.fixtures.settings import config_in


class Swept:
    """A server's sessions with a sweep over them. ``alive``: what a look for them finds; an error is raised."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.clock = VirtualClock()
        self.registry = Registry(Memory(self.clock), Bus(), self.clock)
        self.connections = Connections(self.registry, self.clock)
        self.profiles = {"default": Profile("default")}
        self.reached: set[str] = set()
        self.alive: set[str] | Exception | None = set()
        self.looked: list[float] = []
        self.ended: list[tuple[str, str]] = []
        self.banned: set[str] = set()
        self.elsewhere: set[str] = set()
        self.sweep = Sweep(
            config_in(folder, **settings), self.registry, self.connections, self.clock,
            lambda name: self.profiles[name], self.reached.__contains__, self._revive, self._end, self._may,
            self.elsewhere.__contains__,
        )  # fmt: skip
        self.task = asyncio.ensure_future(self.sweep.run())

    async def _may(self, connection: Connection) -> bool:
        return connection.login not in self.banned

    async def _revive(self, user: str) -> set[str] | None:
        self.looked.append(self.clock.monotonic())
        if isinstance(self.alive, Exception):
            raise self.alive
        return self.alive

    async def _end(self, session_id: str, reason: str) -> None:
        self.ended.append((session_id, reason))
        await self.registry.signal(session_id, lifecycle.OVER, ended=self.clock.now(), reason=reason)

    async def session(self, session_id: str = "s", reached: bool = True, **members: Any) -> Session:
        if reached:
            self.reached.add(session_id)
        values = {"state": lifecycle.RUNNING, "created": self.clock.now(), "started": self.clock.now(), **members}
        return await self.registry.add(Session(session_id, "here", "ann", "ann", "xterm", **values))

    async def viewer(self, name: str = "v") -> tuple[Connection, list[Any]]:
        """A viewer on ``s``, and what it was told."""
        said: list[Any] = []

        def close(code: str, reason: str) -> None:
            said.append((code, reason))
            gone = asyncio.ensure_future(self.connections.remove(connection))
            gone.add_done_callback(lambda _: None)

        connection = Connection(
            name, "s", "ann", "jti", "", self.clock.now(), self.clock.monotonic(), close=close, say=said.append
        )
        await self.connections.add(connection)
        return connection, said

    def state(self, session_id: str = "s") -> str:
        return self.registry.get(session_id).state


def swept(**settings: Any) -> Callable[[Callable[[Swept], Awaitable[None]]], Callable[[Path], None]]:
    def decorate(test: Callable[[Swept], Awaitable[None]]) -> Callable[[Path], None]:
        async def work(tmp_path: Path) -> None:
            here = Swept(tmp_path, **settings)
            try:
                await test(here)
            finally:
                here.task.cancel()
                await asyncio.sleep(1)

        functools.update_wrapper(work, test)
        del work.__wrapped__  # type: ignore[attr-defined]
        return in_virtual_time(work)

    return decorate


@swept()
async def test_without_limits_nothing_ends(here: Swept) -> None:
    await here.session()
    await here.viewer()
    await asyncio.sleep(86400)
    assert here.state() == lifecycle.RUNNING
    assert here.ended == []


@swept()
async def test_a_viewer_whose_person_may_not_look_any_more_leaves_and_the_session_goes_on(here: Swept) -> None:
    await here.session()
    _, said = await here.viewer()
    await asyncio.sleep(10)
    assert said == []
    here.banned.add("ann")
    await asyncio.sleep(3)
    assert [code for code, _ in said] == ["forbidden"]
    assert here.connections.of("s") == []
    assert here.state() in lifecycle.CONNECTABLE


@swept()
async def test_an_idle_viewer_is_warned_and_then_leaves(here: Swept) -> None:
    here.profiles["default"] = Profile("default", disconnect_when_idle=3600, warn_before=120)
    await here.session()
    _, said = await here.viewer()
    began = here.clock.now()
    await asyncio.sleep(3600 - 121)
    assert said == []
    await asyncio.sleep(2 * EVERY)
    assert [item["kind"] for item in said] == ["idle"]
    assert said[0]["extendable"]
    assert said[0]["at"] == pytest.approx(began + 3600, abs=1)
    await asyncio.sleep(120)
    assert said[1:] == [("idle", "Nothing was typed or pointed at for 60 minutes.")]
    await asyncio.sleep(1)
    assert here.state() == lifecycle.SUSPENDED  # the session goes on


@swept()
async def test_who_moves_again_is_told_that_the_warning_is_over(here: Swept) -> None:
    here.profiles["default"] = Profile("default", disconnect_when_idle=600, warn_before=120)
    await here.session()
    viewer, said = await here.viewer()
    await asyncio.sleep(500)
    assert len(said) == 1
    viewer.active = here.clock.monotonic()
    await asyncio.sleep(2 * EVERY)
    assert said[1:] == [{"type": "warning-over"}]
    await asyncio.sleep(500)
    assert [item["type"] for item in said] == ["warning", "warning-over", "warning"]


@swept()
async def test_a_click_extends_for_all_who_look(here: Swept) -> None:
    here.profiles["default"] = Profile("default", disconnect_when_idle=600, warn_before=120)
    await here.session()
    _, one = await here.viewer("a")
    _, other = await here.viewer("b")
    await asyncio.sleep(500)
    await here.sweep.extend("s")
    assert one == other
    assert [item["type"] for item in one] == ["warning", "warning-over"]
    await asyncio.sleep(590)
    assert here.connections.count("s") == 2


@swept()
async def test_of_two_viewers_only_the_idle_one_leaves(here: Swept) -> None:
    here.profiles["default"] = Profile("default", disconnect_when_idle=600, warn_before=120)
    await here.session()
    busy, _ = await here.viewer("busy")
    await here.viewer("idle")
    for _ in range(8):
        await asyncio.sleep(100)
        busy.active = here.clock.monotonic()
    assert [viewer.id for viewer in here.connections.of("s")] == ["busy"]


@swept()
async def test_a_session_nobody_looks_at_ends_when_its_time_is_over(here: Swept) -> None:
    here.profiles["default"] = Profile("default", end_after_disconnected=7200)
    await here.session()
    viewer, _ = await here.viewer()
    await asyncio.sleep(100_000)  # somebody looks: no limit
    await here.connections.remove(viewer)
    left = here.clock.now()
    await asyncio.sleep(2 * EVERY)
    assert here.registry.get("s").ends_at == pytest.approx(left + 7200, abs=1)
    await asyncio.sleep(7200 - 3 * EVERY)
    assert here.ended == []
    await asyncio.sleep(4 * EVERY)
    assert here.ended == [("s", "It was disconnected for 2 hours, the limit of its profile.")]


@swept()
async def test_who_comes_back_in_time_takes_the_end_off(here: Swept) -> None:
    here.profiles["default"] = Profile("default", end_after_disconnected=600)
    await here.session()
    await asyncio.sleep(500)
    assert here.registry.get("s").ends_at is not None
    viewer, _ = await here.viewer()
    assert here.registry.get("s").ends_at is None
    await asyncio.sleep(10_000)
    await here.connections.remove(viewer)
    await asyncio.sleep(590)
    assert here.ended == []
    await asyncio.sleep(20)
    assert len(here.ended) == 1


@swept()
async def test_an_announced_end_can_be_pushed_back_again_and_again(here: Swept) -> None:
    here.profiles["default"] = Profile("default", end_after_disconnected=600, extend_by=3600)
    await here.session()
    await asyncio.sleep(500)
    for _ in range(3):
        session = await here.sweep.extend("s")
        assert session.ends_at == here.clock.now() + 3600
        await asyncio.sleep(3500)
    assert here.ended == []
    await asyncio.sleep(200)
    assert len(here.ended) == 1
    with pytest.raises(NoSuchSession):
        await here.sweep.extend("none")


@swept()
async def test_who_names_a_time_gets_the_profiles_step_at_most(here: Swept) -> None:
    here.profiles["default"] = Profile("default", end_after_disconnected=600, extend_by=3600)
    await here.session()
    await asyncio.sleep(500)
    for by, later in ((900.0, 900), (86400.0, 3600)):
        assert (await here.sweep.extend("s", by=by)).ends_at == here.clock.now() + later


@swept(silent_after=60.0)
async def test_a_session_that_is_silent_and_cannot_be_looked_for_is_lost_but_kept(here: Swept) -> None:
    here.alive = NoLink("no way to run anything as ann")
    await here.session(reached=False)
    await asyncio.sleep(50)
    assert here.state() == lifecycle.RUNNING
    await asyncio.sleep(20)
    assert here.state() == lifecycle.LOST
    looked = len(here.looked)
    await asyncio.sleep(3600)
    assert here.state() == lifecycle.LOST
    assert len(here.looked) - looked < 80  # not every other second for ever
    assert here.looked[0] < 6


@swept()
async def test_a_session_whose_processes_are_gone_has_ended(here: Swept) -> None:
    here.alive = {"other"}
    await here.session(reached=False)
    await here.session("other", reached=False)
    _, said = await here.viewer()
    await asyncio.sleep(10)
    assert here.state() == lifecycle.ENDED
    assert "gone" in str(here.registry.get("s").reason)
    assert said[0][0] == "ended"
    assert here.state("other") == lifecycle.RUNNING  # it is alive, and will call


@swept(silent_after=60.0)
async def test_a_session_elsewhere_is_lost_when_it_is_silent_and_never_judged_by_a_link_here(here: Swept) -> None:
    here.alive = set()
    here.elsewhere.add("s")
    await here.session(reached=False)
    await asyncio.sleep(30)
    assert here.looked == []
    assert here.state() == lifecycle.RUNNING
    await here.session("local", reached=False)  # for its sake the link is asked
    await asyncio.sleep(60)
    assert (here.state("local"), here.state()) == (lifecycle.ENDED, lifecycle.LOST)


@swept()
async def test_after_a_restart_sessions_have_a_moment_to_call(here: Swept) -> None:
    await here.session(reached=False)
    await asyncio.sleep(2.5)
    assert here.looked == []
    here.reached.add("s")
    await asyncio.sleep(100)
    assert here.looked == []
    assert here.state() == lifecycle.RUNNING


@swept(start_timeout=60.0)
async def test_a_start_nobody_works_on_any_more_is_over_after_its_time(here: Swept) -> None:
    await here.session(state=lifecycle.PENDING, reached=False)
    await here.session("job", state=lifecycle.PENDING, reached=False, launcher="slurm")
    await asyncio.sleep(80)
    assert here.state() == lifecycle.PENDING
    await asyncio.sleep(20)
    assert here.state() == lifecycle.ENDED
    await asyncio.sleep(86400)
    assert here.state("job") == lifecycle.PENDING  # it waits for its turn


@swept()
async def test_a_start_of_the_life_before_that_no_process_knows_is_over_as_soon_as_somebody_has_looked(
    here: Swept,
) -> None:
    before = {"state": lifecycle.PENDING, "reached": False, "created": here.clock.now() - 1}
    here.alive = {"alive"}
    for session_id in ("s", "alive"):
        await here.session(session_id, **before)
    await here.session("job", launcher="slurm", **before)
    await here.session("new", state=lifecycle.PENDING, reached=False)
    await asyncio.sleep(6.5)
    assert {id_: here.state(id_) for id_ in ("s", "alive", "job", "new")} == {
        "s": lifecycle.ENDED, "alive": lifecycle.PENDING, "job": lifecycle.PENDING, "new": lifecycle.PENDING,
    }  # fmt: skip


@swept()
async def test_a_start_that_is_not_heard_of_is_looked_for(here: Swept) -> None:
    """Its process may have been killed together with the link that would have seen to it."""
    await here.session(state=lifecycle.PENDING, reached=False)
    await asyncio.sleep(6.5)
    assert here.looked


@swept(keep_ended=86400.0)
async def test_records_of_ended_sessions_go_when_they_are_old_enough(here: Swept) -> None:
    await here.session(state=lifecycle.ENDED, ended=here.clock.now())
    await asyncio.sleep(86_390)
    assert here.registry.find("s") is not None
    await asyncio.sleep(20)
    assert here.registry.find("s") is None
    assert not here.registry.purged("s")


@swept()
async def test_one_session_that_makes_trouble_does_not_keep_others_from_their_end(here: Swept) -> None:
    here.profiles["default"] = Profile("default", end_after_disconnected=60)

    async def end(session_id: str, reason: str) -> None:
        if session_id == "a":
            raise Conflict("not now")
        await Swept._end(here, session_id, reason)

    here.sweep._end = end
    await here.session("a")
    await here.session("b")
    await asyncio.sleep(100)
    assert [session_id for session_id, _ in here.ended] == ["b"]
