"""What a session's record says of its viewers, and how often it is written."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from portcall.bus import Bus
from portcall.clock import Clock
from portcall.model import lifecycle
from portcall.model.session import Session
from portcall.session.connect import Connection, Connections
from portcall.session.registry import BUCKET, Registry
from portcall.stores.memory import Memory


def viewer(name: str) -> Connection:
    return Connection(name, "s", "ann", "jti", "127.0.0.1", 0.0, 0.0, lambda code, reason: None, lambda message: None)


def with_a_session(test: Callable[[Connections, Registry, Memory], Awaitable[None]]) -> None:
    async def run() -> None:
        clock = Clock()
        store = Memory(clock)
        registry = Registry(store, Bus(), clock)
        await registry.add(Session("s", "here", "ann", "ann", "xterm", lifecycle.RUNNING))
        await test(Connections(registry, clock), registry, store)

    asyncio.run(run())


def test_a_first_viewer_is_written_before_add_returns() -> None:
    async def test(connections: Connections, registry: Registry, store: Memory) -> None:
        await connections.add(viewer("a"))
        assert registry.get("s").clients == 1
        assert registry.get("s").last_connect is not None

    with_a_session(test)


def test_a_crowd_within_a_moment_is_two_writes_and_counted_in_full() -> None:
    async def test(connections: Connections, registry: Registry, store: Memory) -> None:
        before = (await store.put("other", "key", {})) + 1
        for number in range(100):
            await connections.add(viewer(str(number)))
        await registry.until("s", lambda session: session.clients == 100, 5)
        entry = await store.get(BUCKET, "s")
        assert entry is not None
        assert entry.revision - before == 1  # the first viewer's, then all others'

    with_a_session(test)


def test_the_last_viewer_that_leaves_at_once_leaves_a_suspended_session() -> None:
    async def test(connections: Connections, registry: Registry, store: Memory) -> None:
        one = viewer("a")
        await connections.add(one)
        await connections.remove(one)
        session = await registry.until("s", lambda session: session.state == lifecycle.SUSPENDED, 5)
        assert session.clients == 0
        assert session.last_disconnect is not None

    with_a_session(test)


def test_viewers_of_a_session_that_is_gone_are_forgotten_quietly() -> None:
    async def test(connections: Connections, registry: Registry, store: Memory) -> None:
        one = viewer("a")
        await connections.add(one)
        await registry.purge("s")
        await connections.remove(one)
        assert connections.count("s") == 0

    with_a_session(test)
