"""The event stream: hello, resume, reset, and who sees what."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from portcall.model import event
from portcall.testing.server import PEOPLE, Server

FULL, ADMIN, MANAGER = PEOPLE["full"], PEOPLE["admin"], PEOPLE["manager"]


class Stream:
    """A request of the application's own kind, since what does not end cannot be asked for through httpx."""

    def __init__(self, server: Server, token: str, path: str = "/api/events", query: str = "", **headers: str) -> None:
        fields = {
            "authorization": f"Bearer {token}",
            **{name.replace("_", "-"): text for name, text in headers.items()},
        }
        self._scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
            "path": path, "raw_path": path.encode(), "query_string": query.encode(), "root_path": "", "state": {},
            "headers": [(name.encode(), text.encode()) for name, text in fields.items()],
            "client": ("192.0.2.7", 1), "server": ("portcall.test", 80),
        }  # fmt: skip
        self._sent: asyncio.Queue[Any] = asyncio.Queue()
        self.gone = asyncio.Event()
        self.status = 0
        self._asked = False
        self.task = asyncio.ensure_future(server.app(self._scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b""}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self._sent.put_nowait(message["body"].decode())

    async def messages(self) -> AsyncIterator[tuple[str, Any, str | None]]:
        """Kind, document and number of each; ends with the stream."""
        text = ""
        while True:
            while "\n\n" not in text:
                if self.task.done() and self._sent.empty():
                    return
                getting = asyncio.ensure_future(self._sent.get())
                await asyncio.wait({getting, self.task}, timeout=5, return_when=asyncio.FIRST_COMPLETED)
                if getting.done():
                    text += getting.result()
                else:
                    getting.cancel()
            block, _, text = text.partition("\n\n")
            fields = dict(line.split(": ", 1) for line in block.splitlines())
            if "event" in fields:
                yield fields["event"], json.loads(fields["data"]), fields.get("id")

    async def close(self) -> None:
        self.gone.set()
        await asyncio.wait({self.task}, timeout=30)


def served(test: Callable[[Server], Awaitable[None]], folder: Path) -> None:
    async def run() -> None:
        async with Server(folder).open() as server:
            await test(server)

    asyncio.run(run())


def publish(server: Server, *ids: str, login: str | None = FULL, kind: str = event.SESSION_GONE) -> None:
    for id in ids:
        server.services.bus.publish(event.Event(kind, id, login, {"id": id}))


def of_ours(found: tuple[str, Any, str | None]) -> bool:
    return found[0] not in ("server", "login")


def test_nothing_is_missed_between_the_hello_and_the_first_wait(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        stream = Stream(server, await server.login(FULL))
        messages = stream.messages()
        kind, document, _ = await anext(messages)
        publish(server, "a")  # while the hello is on its way
        assert (kind, document) == ("hello", {"event": document["event"]})
        publish(server, "b")
        got = [found async for found in _first(messages, 2)]
        assert [(kind, document["id"]) for kind, document, _ in got] == [("session-gone", "a"), ("session-gone", "b")]
        await stream.close()

    served(test, tmp_path)


async def _first(messages: AsyncIterator[Any], count: int) -> AsyncIterator[Any]:
    async for found in messages:
        if of_ours(found):
            yield found
            count -= 1
            if not count:
                return


def test_a_stream_goes_on_where_it_was_cut(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        token = await server.login(FULL)
        publish(server, "a", "b")
        at = server.services.bus.last
        publish(server, "c", "d")
        stream = Stream(server, token, last_event_id=str(at))
        got = [found async for found in _first(stream.messages(), 3)]
        assert [(kind, document.get("id"), number) for kind, document, number in got] == [
            ("hello", None, None), ("session-gone", "c", str(at + 1)), ("session-gone", "d", str(at + 2)),
        ]  # fmt: skip
        await stream.close()

    served(test, tmp_path)


@pytest.mark.parametrize("number", ["0", "99999999999999999", "1"])
def test_who_cannot_go_on_is_told_to_list_again(number: str, tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        publish(server, *"abc")
        stream = Stream(server, await server.login(FULL), last_event_id=number)
        kind, document, _ = await anext(stream.messages())
        assert (kind, document) == ("reset", {"event": server.services.bus.last})
        await stream.close()

    served(test, tmp_path)


def test_one_sees_what_is_ones_own_and_more_only_if_one_may(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        streams = {
            user: Stream(server, await server.login(user), query="all=1") for user in (FULL, ADMIN, MANAGER)
        }  # fmt: skip
        readers = {user: stream.messages() for user, stream in streams.items()}
        for reader in readers.values():
            assert (await anext(reader))[0] == "hello"
        publish(server, "own", login=FULL)
        publish(server, "others", login="nobody")
        publish(server, "others-trace", login="nobody", kind=event.TRACE)
        publish(server, "others-login", login="nobody", kind=event.LOGIN_GONE)
        publish(server, "end", login=None)
        seen = {}
        for user, reader in readers.items():
            seen[user] = []
            async for found in reader:
                if found[1].get("id") == "end":
                    break
                seen[user] += [found[1]["id"]] if of_ours(found) else []
        assert seen == {FULL: ["own"], ADMIN: ["own", "others", "others-login"], MANAGER: ["own", "others"]}
        for stream in streams.values():
            await stream.close()

    served(test, tmp_path)


@pytest.mark.parametrize("path", ["/api/events", "/api/log"])
def test_a_stream_ends_with_the_login_that_opened_it(path: str, tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        token = await server.login(ADMIN)
        login, _ = await server.services.tokens.verify(token)
        stream = Stream(server, token, path)
        reader = stream.messages()
        if path == "/api/events":
            await anext(reader)
        else:
            while not stream.status:  # noqa: ASYNC110
                await asyncio.sleep(0)
        await server.services.logins.revoke(login.jti)
        async with asyncio.timeout(30):
            async for _ in reader:
                pass
            await stream.task

    served(test, tmp_path)


def test_a_stream_ends_when_its_person_has_another_level(tmp_path: Path) -> None:
    """What it shows was decided by the level that it began with."""

    async def test(server: Server) -> None:
        stream = Stream(server, await server.login(ADMIN), query="all=1")
        reader = stream.messages()
        await anext(reader)
        permissions = server.services.permissions
        permissions.path.write_text(permissions.path.read_text().replace(f'{ADMIN} = "admin"', f'{ADMIN} = "full"'))
        publish(server, "others", login="nobody")
        async with asyncio.timeout(30):
            assert [found async for found in reader if found[1].get("id") == "others"] == []
            await stream.task

    served(test, tmp_path)


def test_streams_end_when_the_server_goes(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        stream = Stream(server, await server.login(FULL))
        await anext(stream.messages())
        server.web.state.stopping.set()
        await asyncio.wait_for(stream.task, 30)

    served(test, tmp_path)


def test_figures_are_watched_closely_as_long_as_somebody_looks(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        assert server.services.reports.interval == 60.0
        streams = [Stream(server, await server.login(FULL)) for _ in range(3)]
        for stream in streams:
            await anext(stream.messages())
        assert server.services.reports.interval == 3.0
        for stream in streams:
            await stream.close()
        assert server.services.reports.interval == 60.0
        assert not list(server.services.bus._subscriptions)

    served(test, tmp_path)


def test_the_log_gives_its_last_lines_and_then_new_ones(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        async with await server.client(ADMIN) as client:
            answer = await client.get("/api/log?follow=0&lines=0")
            assert (answer.status_code, answer.text) == (200, "")

    served(test, tmp_path)
