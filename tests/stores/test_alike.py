"""Whatever is done in whatever order: the two stores in this process cannot be told apart."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from portcall.errors import RevisionConflict
from portcall.stores.memory import Memory
from portcall.stores.sqlite import Sqlite
from portcall.testing.time import VirtualClock

buckets = st.sampled_from(["a", "b"])
keys = st.sampled_from(["x", "y", "z", ""])
values = st.dictionaries(st.text(max_size=3), st.one_of(st.none(), st.integers(), st.text(max_size=5)), max_size=3)
ttls = st.one_of(st.none(), st.sampled_from([1.0, 10.0, 100.0]))


class Alike(RuleBasedStateMachine):
    """Revisions may differ in value; what they let through may not."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.clock = VirtualClock()
        self.path = str(Path(self.folder.name) / "store.db")
        self.memory = Memory(self.clock)
        self.sqlite = Sqlite(self.clock, self.path)
        self.do(self.sqlite.open())

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    def both(self, name: str, bucket: str, key: str, *given: Any, stale: int | None = None, **named: Any) -> None:
        """The same call on both: done by both or refused by both."""
        refused = []
        for store in (self.memory, self.sqlite):
            if stale is not None:
                entry = self.do(store.get(bucket, key))
                named["revision"] = (entry.revision if entry else 0) + stale
            try:
                self.do(getattr(store, name)(bucket, key, *given, **named))
                refused.append(False)
            except RevisionConflict:
                refused.append(True)
        assert refused[0] == refused[1]

    @rule(bucket=buckets, key=keys, value=values, ttl=ttls)
    def put(self, bucket: str, key: str, value: dict[str, Any], ttl: float | None) -> None:
        self.both("put", bucket, key, value, ttl=ttl)

    @rule(bucket=buckets, key=keys, value=values, stale=st.sampled_from([0, 0, -1, 1]))
    def put_at(self, bucket: str, key: str, value: dict[str, Any], stale: int) -> None:
        self.both("put", bucket, key, value, stale=stale)

    @rule(bucket=buckets, key=keys)
    def delete(self, bucket: str, key: str) -> None:
        self.both("delete", bucket, key)

    @rule(bucket=buckets, key=keys, stale=st.sampled_from([0, 1]))
    def delete_at(self, bucket: str, key: str, stale: int) -> None:
        self.both("delete", bucket, key, stale=stale)

    @rule(seconds=st.sampled_from([0.5, 5.0, 50.0]))
    def pass_time(self, seconds: float) -> None:
        self.clock.move(seconds)

    @precondition(lambda self: self.sqlite is not None)
    @rule()
    def reopen(self) -> None:
        self.do(self.sqlite.close())
        self.sqlite = Sqlite(self.clock, self.path)
        self.do(self.sqlite.open())

    @invariant()
    def hold_the_same(self) -> None:
        for bucket in ("a", "b"):
            lists = [
                [(entry.key, entry.value) for entry in self.do(store.list(bucket))]
                for store in (self.memory, self.sqlite)
            ]
            assert lists[0] == lists[1]
            for key in ("x", "y", "z", ""):
                found = [self.do(store.get(bucket, key)) for store in (self.memory, self.sqlite)]
                assert (found[0] and found[0].value) == (found[1] and found[1].value)

    def teardown(self) -> None:
        self.do(self.sqlite.close())
        self.do(self.memory.close())
        self.runner.close()
        self.folder.cleanup()


TestAlike = Alike.TestCase
TestAlike.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
