"""Which launcher a start goes to, and what becomes of what it answers (B5, E4)."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from portcall.errors import InvalidValue, PortcallError, StartFailed
from portcall.model import lifecycle
from portcall.model.administered import FunctionDocument
from portcall.model.form import Bookmark
from portcall.model.start import Outcome, Scheduled, Started, StartRequest
from portcall.model.user import Account, Login
from portcall.session.registry import Registry
from portcall.testing import links
from portcall.testing.server import PEOPLE, Server
from portcall.wire import messages

USER = PEOPLE["full"]


class LinkThatRuns(links.LinkThatStarts):
    """Every command prints ``answer``; ``before`` happens while it runs."""

    def __init__(self, account: Account, registry: Registry) -> None:
        super().__init__(account, registry)
        self.answer: dict[str, Any] = {"code": 0, "stdout": "queued", "stderr": ""}
        self.before: Callable[[dict[str, Any]], Awaitable[object]] | None = None

    async def request(self, make: Callable[[int], Any], timeout: float = 10.0) -> tuple[dict[str, Any], list[int]]:
        message = make(1)
        if not isinstance(message, messages.RunCommand):
            return await super().request(make, timeout)
        self.asked.append(message)
        if self.before is not None:
            await self.before(json.loads(message.stdin))
        return self.answer, []

    @property
    def ran(self) -> list[messages.RunCommand]:
        return [item for item in self.asked if isinstance(item, messages.RunCommand)]


def served(test: Callable[[Server, LinkThatRuns], Awaitable[None]], folder: Path, **settings: Any) -> None:
    async def run() -> None:
        (folder / "config/launchers").mkdir(parents=True)
        for name in ("function", "bookmark", "site"):
            script = folder / "config/launchers" / name
            script.mkdir()
            (script / "start").touch()
            (script / "launcher.toml").write_text('options = ["queue", "cores"]')
        (folder / "config/fastx.env").write_text("LAUNCHER_SCRIPT=/opt/launch\n")
        async with Server(folder, **settings).open() as server:
            await test(server, server.link(USER, LinkThatRuns))

    asyncio.run(run())


async def start(server: Server, **asked: Any) -> tuple[str, Outcome | None]:
    login = Login(USER, "here", 0.0, 9e9, "api", "jti", "test", "full")
    return await server.services.pipeline.start(login, StartRequest(**{"command": "xterm", **asked}), {}, True)


async def schedule(server: Server, body: str) -> None:
    document = FunctionDocument("s", "schedule", "s", f"function(input) {{ {body} }}")
    await server.services.documents.functions.put("s", document, "root")


async def bookmark(server: Server, **members: Any) -> None:
    await server.services.documents.bookmarks.put("b", Bookmark("b", "B", "xterm", **members), "root")


CASES = [
    pytest.param(*case, id="-".join(str(one) for one in case))
    for case in itertools.product([None, "falsy", "object", "template"], [False, True], ["direct", "site"])
]


@pytest.mark.parametrize(("function", "by_bookmark", "site"), CASES)
def test_the_functions_word_is_over_the_bookmarks_and_that_over_the_sites(
    tmp_path: Path, function: str | None, by_bookmark: bool, site: str
) -> None:
    """S2, S3: falsy is as usual; a string is a template; an object names a launcher."""
    returned = {
        "falsy": "return;", "object": "return {launcher: 'function', options: {queue: 'theirs'}};",
        "template": "return 'bsub ${ start.command }';",
    }  # fmt: skip
    chosen = {"object": "function", "template": "template"}.get(function or "") or ("bookmark" if by_bookmark else site)

    async def test(server: Server, link: LinkThatRuns) -> None:
        await bookmark(
            server, **({"launcher": "bookmark", "launcher_options": {"queue": "its"}} if by_bookmark else {})
        )
        if function:
            await schedule(server, returned[function])
        session_id, _ = await start(server, command="", bookmark_id="b")
        assert server.services.registry.get(session_id).launcher == chosen
        if chosen in ("function", "bookmark", "site"):
            (ran,) = link.ran
            assert ran.argv == [str(tmp_path / "config/launchers" / chosen / "start")]
            queue = {"function": {"queue": "theirs"}, "bookmark": {"queue": "its"}}.get(chosen)
            assert json.loads(ran.stdin).get("options") == queue
        if chosen == "template":
            assert link.ran[0].argv == ["/bin/sh", "-c", "bsub xterm"]
        if chosen == "direct":
            assert len(link.orders) == 1

    served(test, tmp_path, launcher=site)


@pytest.mark.parametrize(("launcher", "asked"), [("direct", "at once"), ("custom", "later"), ("site", "later")])
@pytest.mark.parametrize("by_bookmark", [False, True])
def test_the_start_event_is_for_start_immediately_and_the_schedule_event_for_all_else(
    tmp_path: Path, launcher: str, asked: str, by_bookmark: bool
) -> None:
    """B6: exactly one of the two is asked."""

    async def test(server: Server, link: LinkThatRuns) -> None:
        for kind, name in (("start-event", "at once"), ("schedule-event", "later")):
            body = f"function(input) {{ return {{data: {{name: (input.data.name || '') + '{name}'}}}}; }}"
            await server.services.documents.functions.put(kind, FunctionDocument(kind, kind, kind, body), "root")
        if by_bookmark:
            await bookmark(server, launcher=launcher)
        session_id, _ = await start(server, **({"command": "", "bookmark_id": "b"} if by_bookmark else {}))
        assert server.services.registry.get(session_id).name == ("B" if by_bookmark else "") + asked

    other = "direct" if launcher == "custom" else "custom"
    served(test, tmp_path, launcher=other if by_bookmark else launcher)


def test_what_the_schedule_function_throws_reaches_the_user(tmp_path: Path) -> None:
    async def test(server: Server, link: LinkThatRuns) -> None:
        await schedule(server, "throw 'No licence is free.';")
        with pytest.raises(PortcallError, match=r"No licence is free\."):
            await start(server)
        assert not link.asked

    served(test, tmp_path)


def test_a_bookmarks_options_are_for_its_own_launcher_and_checked(tmp_path: Path) -> None:
    async def test(server: Server, link: LinkThatRuns) -> None:
        await bookmark(server, launcher="bookmark", launcher_options={"cores": 64})
        with pytest.raises(InvalidValue, match="cores: 32 at most"):
            await start(server, command="", bookmark_id="b")
        await schedule(server, "return {launcher: 'function'};")
        await start(server, command="", bookmark_id="b", params={"cores": "4"})
        assert json.loads(link.ran[0].stdin)["options"] == {"cores": 4}

    served(test, tmp_path, launcher_options={"bookmark": {"maximum": {"cores": 32}}})


def test_a_template_keeps_what_a_user_typed_one_argument(tmp_path: Path) -> None:
    """S2: bsub … --command ${ start.command } --name ${ start.name }."""

    async def test(server: Server, link: LinkThatRuns) -> None:
        await schedule(server, "return 'bsub ${ start.command } ${ start.params.p }';")
        await start(server, command="xterm; id", params={"p": "$(id)"})
        assert link.ran[0].argv == ["/bin/sh", "-c", "bsub 'xterm; id' '$(id)'"]

    served(test, tmp_path)


def test_what_a_launcher_prints_is_the_outcome_and_stays_with_the_session(tmp_path: Path) -> None:
    async def test(server: Server, link: LinkThatRuns) -> None:
        session_id, outcome = await start(server)
        assert outcome == Scheduled(session_id, "queued")
        session = server.services.registry.get(session_id)
        assert (session.state, session.message) == (lifecycle.PENDING, "queued")

    served(test, tmp_path, launcher="custom")


def test_a_result_is_waited_for_until_the_session_runs(tmp_path: Path) -> None:
    async def test(server: Server, link: LinkThatRuns) -> None:
        async def come_up(given: dict[str, Any]) -> None:
            await server.services.registry.signal(given["start"]["id"], lifecycle.READY, display=":5", started=1.0)

        link.answer, link.before = {"code": 0, "stdout": '{"result": {}}', "stderr": ""}, come_up
        session_id, outcome = await start(server)
        assert outcome == Started(session_id)

    served(test, tmp_path, launcher="custom")


def test_a_result_whose_session_takes_its_time_leaves_it_pending(tmp_path: Path) -> None:
    """No time limit ends what may still come up."""

    async def test(server: Server, link: LinkThatRuns) -> None:
        link.answer = {"code": 0, "stdout": '{"result": {}}', "stderr": ""}
        session_id, outcome = await start(server)
        assert isinstance(outcome, Scheduled)
        assert "it has not called in" in outcome.text
        assert server.services.registry.get(session_id).state == lifecycle.PENDING

    served(test, tmp_path, launcher="custom", start_timeout=0.05)


def test_a_failed_launcher_ends_its_session_with_the_reason(tmp_path: Path) -> None:
    """S1: Any nonzero return code will be an error and will remove the session."""

    async def test(server: Server, link: LinkThatRuns) -> None:
        link.answer = {"code": 1, "stdout": "no licence", "stderr": ""}
        with pytest.raises(StartFailed, match="no licence"):
            await start(server, id="s")
        session = server.services.registry.get("s")
        assert (session.state, session.reason, session.message) == (lifecycle.ENDED, "no licence", "no licence")
        assert session.cause == "launch-failed"  # and not of the command that was asked for
        assert not server.services.registry.live()

    served(test, tmp_path, launcher="custom")


@pytest.mark.parametrize("launcher", ["custom", "site"])
def test_what_a_script_sends_to_a_terminal_is_in_no_answer(tmp_path: Path, launcher: str) -> None:
    """The words of a failed start, and of one that was scheduled, as the API gives them."""

    async def test(server: Server, link: LinkThatRuns) -> None:
        printed = "\x1b[1;31mno licence\x1b[0m\x07\n\x1b]0;mine\x07ask\tus\x9b2J\n"
        link.answer = {"code": 1, "stdout": "", "stderr": printed}
        async with await server.client(USER) as client:
            failed = (await client.post("/api/sessions", json={"command": "xterm"})).json()
            record = (await client.get(f"/api/sessions/{failed['session']}")).json()
            link.answer = {"code": 0, "stdout": printed, "stderr": ""}
            scheduled = (await client.post("/api/sessions", json={"command": "xterm"})).text
        told = [failed["detail"], failed["log"], record["reason"], record["message"], scheduled]
        assert {text.strip() for text in told} == {"no licence\nask     us 2J"}

    served(test, tmp_path, launcher=launcher)


def test_a_session_that_registered_before_its_launcher_failed_stays(tmp_path: Path) -> None:
    """S1: If you happen to have launched the session before the error, it still may appear in the list."""

    async def test(server: Server, link: LinkThatRuns) -> None:
        registry = server.services.registry
        link.answer = {"code": 1, "stdout": "", "stderr": "too late"}

        async def call_in(given: dict[str, Any]) -> None:  # its display comes up; it does not run yet
            await registry.change(given["start"]["id"], hostname="node5")

        link.before = call_in
        with pytest.raises(StartFailed, match="too late"):
            await start(server, id="s")
        assert registry.get("s").state == lifecycle.PENDING
        await registry.signal("s", lifecycle.READY, display=":1", started=1.0)

        async def come_up(given: dict[str, Any]) -> None:
            await registry.signal(given["start"]["id"], lifecycle.READY, display=":2", started=1.0)

        link.before = come_up
        assert (await start(server, id="t"))[1] == Started("t")
        assert {session.state for session in registry.all()} == {lifecycle.RUNNING}

    served(test, tmp_path, launcher="custom")


def test_a_script_as_the_service_is_run_by_the_server_itself(tmp_path: Path) -> None:
    async def test(server: Server, link: LinkThatRuns) -> None:
        script = tmp_path / "launch"
        script.write_text('#!/bin/sh\ncat >/dev/null; echo "$FX_CONFIG_DIR $LAUNCHER_SCRIPT"\n')
        script.chmod(0o755)
        (tmp_path / "config/fastx.env").write_text(f"LAUNCHER_SCRIPT='{script}'\nLAUNCH_AS_CURRENT_USER=true\n")
        _, outcome = await start(server)
        assert isinstance(outcome, Scheduled)
        assert outcome.text == f"{tmp_path / 'config'}"  # fastx.env is the launcher's, not the environment's
        assert not link.ran

    served(test, tmp_path, launcher="custom")
