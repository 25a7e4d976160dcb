"""The composed server: what it keeps over a restart, and what it takes back from those who call in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from portcall.model import lifecycle
from portcall.model.event import LOGIN_GONE
from portcall.model.session import Session
from portcall.testing.processes import FarEnd
from portcall.testing.server import ME, PEOPLE, Server
from portcall.wire import messages

USER = PEOPLE["full"]
Part = Callable[[Server], Awaitable[None]]


def lives(folder: Path, *parts: Part, **settings: Any) -> None:
    """One server after the other in the same directories."""

    async def run() -> None:
        for part in parts:
            async with Server(folder, store="sqlite", **settings).open() as server:
                await part(server)

    asyncio.run(run())


def test_a_restart_forgets_no_session_no_login_and_no_setting(tmp_path: Path) -> None:
    token = ""

    async def before(server: Server) -> None:
        nonlocal token
        token = await server.login(PEOPLE["admin"])
        await server.session("seen", USER, clients=1)
        await server.session("over", USER, state=lifecycle.ENDED, ended=server.services.clock.now())
        async with await server.client(headers={"authorization": f"Bearer {token}"}) as client:
            answer = await client.put("/api/settings/title", json={"value": "Lab"})
            assert answer.status_code == 200

    async def after(server: Server) -> None:
        async with await server.client(headers={"authorization": f"Bearer {token}"}) as client:
            listed = (await client.get("/api/sessions?all=1")).json()["sessions"]
            assert {one["id"]: one["state"] for one in listed} == {"seen": "suspended", "over": "ended"}
            assert (await client.get("/api")).json()["title"] == "Lab"

    lives(tmp_path, before, after)


def test_sessions_that_live_are_listed_again_once_each(tmp_path: Path) -> None:
    session = Session("s", "", "", "", "xterm", geometry="800x600", started=5.0)

    async def call(server: Server) -> FarEnd:
        end = FarEnd.dial(server.services.config.directories.socket)
        end.hello(session, "running")
        await end.hears(messages.Watched)
        return end

    async def before(server: Server) -> None:
        end = await call(server)
        assert [one.id for one in server.services.registry.of(ME)] == ["s"]
        end.close()

    async def after(server: Server) -> None:
        assert server.services.reports.peer("s") is None
        ends = [await call(server) for _ in range(2)]
        assert [(one.id, one.state) for one in server.services.registry.of(ME)] == [("s", "running")]
        for end in ends:
            end.close()

    lives(tmp_path, before, after, after)


def test_a_session_typed_by_hand_must_pass_level_profile_and_seats(tmp_path: Path) -> None:
    """A0: with the server's own rules, through its own socket."""

    async def test(server: Server) -> None:
        async def call(session_id: str, **members: Any) -> str:
            """What the session is told when it may not be, or nothing."""
            end = FarEnd.dial(server.services.config.directories.socket)
            end.answers[messages.EndSession] = lambda request: ({}, [])
            end.hello(Session(session_id, "", "", "", "xterm", **members), "running")
            await end.until(
                lambda: any(isinstance(item, (messages.Watched, messages.EndSession)) for item in end.heard)
            )
            told = [item.reason for item in end.heard if isinstance(item, messages.EndSession)]
            ends.append(end)
            return told[0] if told else ""

        ends: list[FarEnd] = []
        services = server.services
        assert "profile" in await call("a", profile="none such")
        assert "allows" in await call("b", geometry="9999x9999")
        assert await call("d", geometry="800x600") == ""
        assert await call("e") == ""
        assert "2 at once is the limit" in await call("f")
        services.config.values["seats_user"] = 0
        services.config.values["starts_enabled"] = False
        assert "does not take new sessions" in await call("g")
        assert sorted(one.id for one in services.registry.live()) == ["d", "e"]
        for end in ends:
            end.close()

    lives(tmp_path, test, seats_user=2)


def test_a_login_that_ends_takes_its_viewers_and_tickets(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        await server.session("s", USER)
        token = await server.login(USER)
        login, _ = await server.services.tokens.verify(token)
        gone: list[str] = []
        server.services.bus.listen(lambda item: gone.append(item.id) if item.kind == LOGIN_GONE else None)
        async with await server.client(headers={"authorization": f"Bearer {token}"}) as client:
            await client.post("/api/sessions/s/connect")
            assert len(server.services.connections._tickets) == 1
            assert (await client.delete("/api/login")).status_code == 204
            assert (await client.get("/api/sessions")).status_code == 401
        assert gone == [login.jti]
        assert server.services.connections._tickets == {}

    lives(tmp_path, test)


def test_what_the_user_side_may_know_is_written_for_it_and_no_more(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        server.services.apply_settings()
        path = server.services.config.directories.runtime / "public.json"
        text = path.read_text()
        assert path.stat().st_mode & 0o777 == 0o644
        assert {"serverId", "socket", "serverUid", "profiles", "limits", "startsEnabled"} <= set(json.loads(text))
        assert str(server.services.config.directories.local) not in text

    lives(tmp_path, test)
