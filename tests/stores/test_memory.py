"""The store that forgets keeps the contract as long as it lives."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from portcall.stores.memory import Memory
from portcall.testing.contracts.store import StoreContract
from portcall.testing.time import VirtualClock


class TestMemory(StoreContract):
    @pytest.fixture
    def clock(self) -> VirtualClock:
        return VirtualClock()

    @pytest.fixture
    async def store(self, clock: VirtualClock) -> AsyncIterator[Memory]:
        store = Memory(clock)
        await store.open()
        yield store
        await store.close()
