"""The sessions a server knows: written before they are seen, and known again after a restart."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from portcall.bus import Bus
from portcall.errors import Conflict, NoSuchSession, StoreUnavailable
from portcall.model import codec, lifecycle
from portcall.model.event import SESSION, SESSION_GONE, Event
from portcall.model.session import Session
from portcall.session.registry import BUCKET, Registry
from portcall.stores.memory import Memory
from portcall.stores.sqlite import Sqlite
from portcall.testing.time import VirtualClock


def session(session_id: str = "s", **members: object) -> Session:
    return Session(session_id, "here", "ann", "ann", "xterm", **{"state": lifecycle.RUNNING, **members})  # type: ignore[arg-type]


class StoreThatIsFull(Memory):
    full = False

    async def put(self, *given: object, **named: object) -> int:
        if self.full:
            raise StoreUnavailable("No space left on device")
        return await super().put(*given, **named)  # type: ignore[arg-type]


class StoreThatTakesItsTime(Memory):
    async def put(self, *given: object, **named: object) -> int:
        await asyncio.sleep(0.001)
        return await super().put(*given, **named)  # type: ignore[arg-type]


def registry(store: Memory | Sqlite | None = None) -> tuple[Registry, list[Event]]:
    bus, seen = Bus(), []
    bus.listen(seen.append)
    return Registry(store or Memory(VirtualClock()), bus, VirtualClock()), seen


async def test_every_change_is_an_event_with_the_whole_session() -> None:
    here, seen = registry()
    await here.add(session())
    await here.change("s", name="new")
    await here.change("s", name="new")  # nothing differs
    await here.signal("s", lifecycle.LEFT)
    assert [(event.kind, event.login) for event in seen] == [(SESSION, "ann")] * 3
    assert seen[-1].document == codec.to_document(here.get("s"))


async def test_an_illegal_step_changes_nothing() -> None:
    here, seen = registry()
    await here.add(session(state=lifecycle.PENDING))
    with pytest.raises(Conflict):
        await here.signal("s", lifecycle.VIEWED, name="new")
    assert here.get("s").name == ""
    assert len(seen) == 1


async def test_what_cannot_be_written_is_not_seen() -> None:
    store = StoreThatIsFull(VirtualClock())
    here, seen = registry(store)
    await here.add(session())
    store.full = True
    with pytest.raises(StoreUnavailable):
        await here.change("s", name="new")
    with pytest.raises(StoreUnavailable):
        await here.add(session("other"))
    assert here.get("s").name == ""
    assert here.find("other") is None
    assert len(seen) == 1
    await here.change("s", memory=5)  # figures are not worth a write
    assert here.get("s").memory == 5


async def test_a_restart_knows_what_was_known(tmp_path: Path) -> None:
    store = Sqlite(VirtualClock(), str(tmp_path / "db"))
    await store.open()
    here, _ = registry(store)
    await here.add(session("viewed", clients=2))
    await here.add(session("left", state=lifecycle.SUSPENDED))
    await here.add(session("coming", state=lifecycle.PENDING, clients=1))
    await here.add(session("over", state=lifecycle.ENDED))
    await here.add(session("purged"))
    await here.purge("purged")
    again, _ = registry(store)
    await again.open()
    assert {one.id: (one.state, one.clients) for one in again.all()} == {
        "viewed": (lifecycle.SUSPENDED, 0), "left": (lifecycle.SUSPENDED, 0), "coming": (lifecycle.PENDING, 0),
        "over": (lifecycle.ENDED, 0),
    }  # fmt: skip
    assert again.get("viewed").last_disconnect is not None
    assert again.purged("purged")
    assert not again.purged("viewed")
    await store.close()


async def test_a_record_that_cannot_be_read_keeps_nobody_from_the_others() -> None:
    store = Memory(VirtualClock())
    await store.put(BUCKET, "wrong", {"id": "wrong", "state": 5})
    await store.put(BUCKET, "newer", {**codec.to_document(session("newer")), "state": "hibernating"})
    await store.put(BUCKET, "good", {**codec.to_document(session("good")), "fromTheFuture": [1]})
    here, _ = registry(store)
    await here.open()
    assert [one.id for one in here.all()] == ["good"]
    assert codec.to_document(here.get("good"))["fromTheFuture"] == [1]


async def test_waiting_ends_with_what_was_waited_for_or_with_time() -> None:
    here, _ = registry()
    await here.add(session(state=lifecycle.PENDING))
    waiting = [asyncio.ensure_future(here.until("s", lambda now: now.name != "", 5)) for _ in range(2)]
    name = asyncio.ensure_future(here.until("s", lambda now: now.name == "1", 5))
    await asyncio.sleep(0)
    await here.change("s", name="1")
    assert (await name).name == "1"
    await asyncio.gather(*waiting)
    with pytest.raises(TimeoutError):
        await here.until("s", lambda now: False, 0.01)
    gone = asyncio.ensure_future(here.until("s", lambda now: False, 5))
    await asyncio.sleep(0)
    await here.purge("s")
    with pytest.raises(NoSuchSession):
        await gone
    assert here._waiting == {}


async def test_a_session_forgotten_is_said_to_be_gone() -> None:
    here, seen = registry()
    await here.add(session())
    await here.purge("s")
    assert (seen[-1].kind, seen[-1].id, seen[-1].login) == (SESSION_GONE, "s", "ann")
    for work in (here.change("s", name="x"), here.signal("s", "left"), here.purge("s")):
        with pytest.raises(NoSuchSession):
            await work


async def test_no_change_is_lost_where_the_store_takes_its_time() -> None:
    store = StoreThatTakesItsTime(VirtualClock())
    here, _ = registry(store)
    await here.add(session(params={}))
    await asyncio.gather(
        here.change("s", name="new"), here.signal("s", lifecycle.LEFT), here.change("s", geometry="64x64"),
        here.change("s", memory=5),
    )  # fmt: skip
    after = here.get("s")
    assert (after.name, after.state, after.geometry, after.memory) == ("new", lifecycle.SUSPENDED, "64x64", 5)
    entry = await store.get(BUCKET, "s")
    assert entry is not None
    assert entry.value == {**codec.to_document(after), "memory": entry.value["memory"]}


async def test_a_change_that_comes_behind_a_purge_brings_nothing_back() -> None:
    store = StoreThatTakesItsTime(VirtualClock())
    here, _ = registry(store)
    await here.add(session())
    purging = asyncio.ensure_future(here.purge("s"))
    changing = [asyncio.ensure_future(here.change("s", name=str(number))) for number in range(3)]
    await purging
    await asyncio.gather(*changing, return_exceptions=True)
    assert here.find("s") is None
    assert await store.get(BUCKET, "s") is None
    assert here._locks == {}
