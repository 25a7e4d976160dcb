"""What every store must pass. A subclass gives the fixture ``store``: an open one, empty, on a VirtualClock ``clock``.

Test methods are coroutines that pytest-asyncio runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from portcall.errors import RevisionConflict
from portcall.stores.base import Entry, Store
from portcall.testing.time import VirtualClock

WAIT = 5.0  # seconds for what is to come "soon"


class StoreContract:
    """``again`` is given where a store keeps what it has: it closes the store and opens it anew."""

    async def test_what_was_put_is_read_and_listed(self, store: Store) -> None:
        revision = await store.put("b", "k", {"a": [1, {"b": None}], "text": "é🐙", "number": 1.5})
        expected = Entry("b", "k", {"a": [1, {"b": None}], "text": "é🐙", "number": 1.5}, revision)
        assert await store.get("b", "k") == expected
        assert await store.list("b") == [expected]

    async def test_what_is_not_there_is_none(self, store: Store) -> None:
        assert await store.get("b", "k") is None
        assert await store.list("b") == []

    async def test_buckets_and_keys_keep_apart(self, store: Store) -> None:
        keys = [("b", "k"), ("b", "k2"), ("b2", "k"), ("bk", ""), ("b", "K"), ("b", "a/b"), ("b", "é"), ("b", "*")]
        for number, (bucket, key) in enumerate(keys):
            await store.put(bucket, key, {"number": number})
        for number, (bucket, key) in enumerate(keys):
            entry = await store.get(bucket, key)
            assert entry is not None
            assert entry.value == {"number": number}

    async def test_a_list_is_in_the_order_of_keys(self, store: Store) -> None:
        for key in ("b", "a10", "a2", "c", "B"):
            await store.put("b", key, {})
        assert [entry.key for entry in await store.list("b")] == ["B", "a10", "a2", "b", "c"]

    async def test_revisions_only_grow(self, store: Store) -> None:
        seen = [await store.put("b", key, {}) for key in ("x", "y", "x", "x")]
        await store.delete("b", "x")
        seen.append(await store.put("b", "x", {}))
        assert seen == sorted(set(seen))

    async def test_what_comes_out_is_nobody_elses(self, store: Store) -> None:
        value = {"list": [1]}
        await store.put("b", "k", value)
        value["list"].append(2)
        first = await store.get("b", "k")
        assert first is not None
        assert first.value == {"list": [1]}
        first.value["list"].append(3)
        second = await store.get("b", "k")
        assert second is not None
        assert second.value == {"list": [1]}

    async def test_a_write_for_a_revision_is_made_only_at_that_revision(self, store: Store) -> None:
        first = await store.put("b", "k", {"n": 1}, revision=0)
        second = await store.put("b", "k", {"n": 2}, revision=first)
        for wrong in (0, first, second + 1):
            with pytest.raises(RevisionConflict):
                await store.put("b", "k", {"n": 3}, revision=wrong)
            with pytest.raises(RevisionConflict):
                await store.delete("b", "k", revision=wrong)
        assert await store.get("b", "k") == Entry("b", "k", {"n": 2}, second)
        with pytest.raises(RevisionConflict):
            await store.put("b", "new", {}, revision=second)
        assert await store.get("b", "new") is None

    async def test_of_many_at_once_one_wins(self, store: Store) -> None:
        revision = await store.put("b", "k", {"n": -1})
        results = await asyncio.gather(
            *(store.put("b", "k", {"n": number}, revision=revision) for number in range(20)), return_exceptions=True
        )
        assert sum(isinstance(result, int) for result in results) == 1
        assert sum(isinstance(result, RevisionConflict) for result in results) == 19

    async def test_counting_with_revisions_counts_everything(self, store: Store) -> None:
        await store.put("b", "count", {"n": 0})

        async def one() -> None:
            while True:
                entry = await store.get("b", "count")
                assert entry is not None
                assert entry.value is not None
                await asyncio.sleep(0)
                try:
                    await store.put("b", "count", {"n": entry.value["n"] + 1}, revision=entry.revision)
                except RevisionConflict:
                    continue
                return

        await asyncio.gather(*(one() for _ in range(20)))
        entry = await store.get("b", "count")
        assert entry is not None
        assert entry.value == {"n": 20}

    async def test_what_was_deleted_is_gone_and_may_come_again(self, store: Store) -> None:
        await store.put("b", "k", {})
        await store.delete("b", "k")
        await store.delete("b", "k")
        assert await store.get("b", "k") is None
        assert await store.list("b") == []
        with pytest.raises(RevisionConflict):
            await store.delete("b", "k", revision=1)
        await store.put("b", "k", {"again": True}, revision=0)
        assert len(await store.list("b")) == 1

    async def test_what_has_a_time_to_live_is_gone_when_that_is_over(self, store: Store, clock: VirtualClock) -> None:
        await store.put("b", "short", {}, ttl=10)
        await store.put("b", "long", {}, ttl=100)
        await store.put("b", "ever", {})
        clock.move(9.9)
        assert await store.get("b", "short") is not None
        clock.move(0.2)
        assert await store.get("b", "short") is None
        assert [entry.key for entry in await store.list("b")] == ["ever", "long"]
        await store.put("b", "short", {"again": True}, revision=0)  # free again

    async def test_a_later_write_begins_the_time_anew_or_ends_it(self, store: Store, clock: VirtualClock) -> None:
        await store.put("b", "renewed", {}, ttl=10)
        await store.put("b", "kept", {}, ttl=10)
        clock.move(8)
        await store.put("b", "renewed", {}, ttl=10)
        await store.put("b", "kept", {})
        clock.move(8)
        assert [entry.key for entry in await store.list("b")] == ["kept", "renewed"]
        clock.move(8)
        assert [entry.key for entry in await store.list("b")] == ["kept"]

    async def test_a_watch_begins_with_all_there_is_and_then_sees_every_change_once(self, store: Store) -> None:
        await store.put("b", "old", {"n": 0})
        await store.put("other", "old", {})
        watch = store.watch("b")
        assert (await _next(watch)).key == "old"
        for number in range(50):
            await store.put("b", f"k{number % 5}", {"n": number})
        await store.put("other", "k", {})
        await store.delete("b", "k0")
        await store.put("b", "end", {})
        seen: list[tuple[str, int | None]] = []
        while (entry := await _next(watch)).key != "end":
            assert entry.bucket == "b"
            seen.append((entry.key, None if entry.value is None else entry.value["n"]))
        assert seen == [*((f"k{number % 5}", number) for number in range(50)), ("k0", None)]
        await watch.aclose()  # type: ignore[attr-defined]

    async def test_what_changes_while_a_watch_lists_is_seen(self, store: Store) -> None:
        for number in range(5):
            await store.put("b", f"k{number}", {"n": 0})
        watch = store.watch("b")
        assert (await _next(watch)).key == "k0"
        await store.put("b", "k4", {"n": 1})
        await store.put("b", "k0", {"n": 1})
        last: dict[str, int] = {}
        while last.get("k0") != 1 or last.get("k4") != 1:
            entry = await _next(watch)
            assert entry.value is not None
            last[entry.key] = entry.value["n"]
        await watch.aclose()  # type: ignore[attr-defined]

    async def test_all_watches_see_all_and_one_that_ended_none(self, store: Store) -> None:
        watches = [store.watch("b") for _ in range(3)]
        reads = [asyncio.ensure_future(_next(watch)) for watch in watches]
        await asyncio.sleep(0)
        await store.put("b", "k", {})
        assert [entry.key for entry in await asyncio.gather(*reads)] == ["k"] * 3
        await watches[0].aclose()  # type: ignore[attr-defined]
        await store.put("b", "k2", {})
        assert [(await _next(watch)).key for watch in watches[1:]] == ["k2", "k2"]
        for watch in watches[1:]:
            await watch.aclose()  # type: ignore[attr-defined]

    async def test_a_watch_sees_what_ran_out(self, store: Store, clock: VirtualClock) -> None:
        watch = store.watch("b")
        first = asyncio.ensure_future(_next(watch))
        await asyncio.sleep(0)
        await store.put("b", "k", {}, ttl=0.05)
        assert (await first).value is not None
        clock.move(0.05)
        gone = await _next(watch)
        assert (gone.key, gone.value) == ("k", None)
        await watch.aclose()  # type: ignore[attr-defined]

    async def test_a_renewed_document_does_not_run_out_for_watches(self, store: Store, clock: VirtualClock) -> None:
        watch = store.watch("b")
        first = asyncio.ensure_future(_next(watch))
        await asyncio.sleep(0)
        await store.put("b", "k", {}, ttl=0.02)
        await first
        await store.put("b", "k", {"renewed": True}, ttl=100)
        await asyncio.sleep(0.05)
        await store.put("b", "end", {})
        seen = [await _next(watch), await _next(watch)]
        assert [(entry.key, entry.value is None) for entry in seen] == [("k", False), ("end", False)]
        await watch.aclose()  # type: ignore[attr-defined]

    async def test_large_documents_and_many_of_them_are_kept(self, store: Store) -> None:
        await store.put("b", "large", {"text": "x" * 1_000_000})
        for number in range(1000):
            await store.put("many", f"{number:04}", {"n": number})
        large = await store.get("b", "large")
        assert large is not None
        assert large.value == {"text": "x" * 1_000_000}
        assert [entry.value for entry in await store.list("many")] == [{"n": number} for number in range(1000)]


async def _next(watch: AsyncIterator[Entry]) -> Entry:
    return await asyncio.wait_for(anext(watch), WAIT)
