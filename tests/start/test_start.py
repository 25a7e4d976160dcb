"""A start from the request to its end, with links that do what their name says."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from portcall.authenticators.base import Prompt, Round
from portcall.errors import (
    BadRequest,
    Conflict,
    NoLink,
    NotFound,
    PortcallError,
    ProtocolError,
    SeatsTaken,
    StartFailed,
    Terminated,
)
from portcall.links.base import LinkKind, LinkPlan
from portcall.model import lifecycle
from portcall.model.start import NeedAuth, Outcome, Started, StartRequest
from portcall.model.user import Account, Login
from portcall.testing import links
from portcall.testing.processes import FarEnd
from portcall.testing.server import ME, PEOPLE, Server
from portcall.wire import messages

USER = PEOPLE["full"]
SEEN = {"clientIP": "192.0.2.7", "clientTransport": "API"}


def person(user: str = USER, level: str = "full") -> Login:
    return Login(user, "here", 0.0, 9e9, "api", "jti", "test", level)


async def start(
    server: Server, user: str = USER, level: str = "full", wait: bool = True, **asked: Any
) -> tuple[str, Outcome | None]:
    request = StartRequest(**{"command": "xterm", **asked})
    return await server.services.pipeline.start(person(user, level), request, SEEN, wait)


def served(test: Callable[[Server], Awaitable[None]], folder: Path, **options: Any) -> None:
    async def run() -> None:
        async with Server(folder, **options).open() as server:
            await test(server)

    asyncio.run(run())


def steps(server: Server, session_id: str) -> list[str]:
    trace = server.services.traces.find(session_id)
    assert trace is not None
    return [step["step"] for step in trace.steps]


async def until(ready: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not ready():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


def test_the_trace_shows_every_step_in_the_order_of_operations(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        server.link(USER)
        session_id, outcome = await start(server)
        assert outcome == Started(session_id)
        assert steps(server, session_id) == [
            "request", "permissions", "form filter", "server list", "schedule", "start event", "load balancing",
            "record", "starts enabled", "link", "link", "seats", "gate", "handed over", "running",
        ]  # fmt: skip
        document = await server.services.traces.document(session_id)
        assert document["outcome"] == "started"
        assert all(step["took"] >= 0 for step in document["steps"])
        balancing = next(step for step in document["steps"] if step["step"] == "load balancing")
        assert balancing["servers"][0]["serverId"] == "here"

    served(test, tmp_path)


def test_what_was_asked_for_is_what_is_ordered(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        link = server.link(USER)
        session_id, _ = await start(
            server, command="xterm -e 'a b'", geometry="rootless", name="My xterm", keyboard_layout="de",
            params={"a": [1, {"b": None}], "clientIP": "10.0.0.1", "name": "other"},
        )  # fmt: skip
        (order,) = link.orders
        assert (order.id, order.command, order.geometry, order.window_mode) == (
            session_id, "xterm -e 'a b'", "rootless", "rootless",
        )  # fmt: skip
        assert (order.login, order.user, order.name, order.keyboard_layout) == (USER, USER, "My xterm", "de")
        assert order.params == {"a": [1, {"b": None}], "name": "My xterm", **SEEN}
        claims = server.services.tokens.verify_order(order.signature)
        assert claims is not None
        assert (claims["id"], claims["user"], claims["login"]) == (session_id, USER, USER)

    served(test, tmp_path)


def test_the_same_key_is_the_same_session(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        link = server.link(USER)
        first, _ = await start(server, key="k")
        again, _ = await start(server, key="k", command="something else")
        other, _ = await start(server, key="other")
        server.link("sys")
        anothers, _ = await start(server, user="sys", level="manager", key="k")
        assert first == again
        assert len({first, other, anothers}) == 3
        assert len(link.orders) == 2

    served(test, tmp_path)


def test_twenty_requests_at_once_with_one_key_start_one_session(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        link = server.link(USER, links.LinkThatTakesItsTime)
        starts = [asyncio.ensure_future(start(server, key="k")) for _ in range(20)]
        await until(lambda: link.orders)
        link.go.set()
        results = await asyncio.gather(*starts)
        assert len({session_id for session_id, _ in results}) == 1
        assert len(link.orders) == 1
        assert len(server.services.registry.of(USER)) == 1

    served(test, tmp_path)


def test_a_repeated_start_of_a_purged_session_does_not_bring_it_back(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        link = server.link(USER)
        session_id, _ = await start(server, key="k")
        await server.services.registry.purge(session_id)
        with pytest.raises(Conflict, match="purged"):
            await start(server, key="k")
        assert len(link.orders) == 1

    served(test, tmp_path)


def test_somebody_elses_session_id_cannot_be_taken(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        server.link(USER)
        link = server.link("sys")
        await start(server, id="mine")
        with pytest.raises(Conflict):
            await start(server, user="sys", level="manager", id="mine")
        assert link.orders == []

    served(test, tmp_path)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"level": "limited"}, "forbidden"),
    ({"level": "disabled"}, "forbidden"),
    ({"profile": "none such"}, "unknown-profile"),
    ({"geometry": "9999x9999"}, "invalid-value"),
    ({"geometry": "big"}, "invalid-value"),
    ({"command": "  "}, "invalid-value"),
    ({"command": "a\0b"}, "invalid-value"),
    ({"command": "\ud800"}, "invalid-value"),
    ({"name": "two\nlines"}, "invalid-value"),
    ({"keyboard_layout": "us;reboot"}, "invalid-value"),
    ({"id": "../../etc"}, "invalid-value"),
    ({"id": "\ud800"}, "invalid-value"),
    ({"params": {"a": float("nan")}}, "invalid-value"),
    ({"params": {"a": "\udc00"}}, "invalid-value"),
    ({"params": {"a": "x" * 70_000}}, "invalid-value"),
    ({"userdata": "\ud800"}, "invalid-value"),
    ({"userdata": "x" * 60_000, "params": {"a": "x" * 60_000}}, "invalid-value"),
    ({"params": {"name": "two\nlines"}}, "invalid-value"),
    ({"bookmark_id": "none such"}, ""),
    ({"params": {"serverId": "none such"}}, "invalid-value"),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "code"), REFUSED, ids=lambda value: ascii(value)[:40])
def test_what_may_not_be_is_refused_before_anything_runs(asked: dict[str, Any], code: str, tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        link = server.link(USER)
        with pytest.raises(PortcallError) as refusal:
            await start(server, **asked)
        assert refusal.value.code == code or not code
        assert refusal.value.status < 500
        assert link.orders == []
        assert list(server.services.registry.all()) == []
        if "trace" in refusal.value.extra:
            document = await server.services.traces.document(refusal.value.extra["trace"])
            assert document["outcome"] == "refused"

    served(test, tmp_path)


def test_deeply_nested_params_are_refused(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        nested: Any = 1
        for _ in range(700):
            nested = [nested]
        with pytest.raises(PortcallError, match="nested"):
            await start(server, params={"a": nested})

    served(test, tmp_path)


def test_a_server_that_takes_no_sessions_says_so(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        link = server.link(USER)
        with pytest.raises(PortcallError) as refusal:
            await start(server)
        assert refusal.value.status == 409
        assert link.orders == []

    served(test, tmp_path, starts_enabled=False)


def test_of_twenty_starts_for_five_seats_five_get_one(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        link = server.link(USER, links.LinkThatTakesItsTime)
        link.go.set()
        results = await asyncio.gather(*(start(server) for _ in range(20)), return_exceptions=True)
        assert sum(isinstance(result, tuple) for result in results) == 5
        refusals = [result for result in results if isinstance(result, SeatsTaken)]
        assert len(refusals) == 15
        assert refusals[0].extra["limit"] == 5
        assert len(link.orders) == 5
        assert sum(session.state in lifecycle.LIVE for session in server.services.registry.all()) == 5
        with pytest.raises(SeatsTaken):
            await start(server)
        first = next(session for session in server.services.registry.live())
        await server.services.registry.signal(first.id, lifecycle.OVER, ended=1.0)
        await start(server)

    served(test, tmp_path, seats_user=5, starts_at_once=50)


def test_without_a_link_the_error_names_what_was_tried_and_the_record_says_so(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        with pytest.raises(NoLink) as failure:
            await start(server, id="s")
        session = server.services.registry.get("s")
        assert session.state == lifecycle.ENDED
        assert session.reason == failure.value.detail
        assert failure.value.extra["session"] == "s"
        assert (await server.services.traces.document("s"))["outcome"] == "failed"

    served(test, tmp_path)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (links.LinkThatRefuses, "No space left on device"),
        (links.LinkWhoseSessionsDie, "The display has ended with code 1."),
    ],
)
def test_a_failed_start_gives_the_words_of_who_failed(
    kind: type[links.LinkThatStarts], words: str, tmp_path: Path
) -> None:
    async def test(server: Server) -> None:
        server.link(USER, kind)
        with pytest.raises(StartFailed, match=words) as failure:
            await start(server, id="s")
        assert failure.value.extra["log"]
        session = server.services.registry.get("s")
        assert (session.state, session.reason) == (lifecycle.ENDED, words)
        assert session.message == failure.value.extra["log"]
        assert session.cause == failure.value.code == "start-failed"

    served(test, tmp_path)


def test_a_session_that_registered_before_its_launcher_failed_stays(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        server.link(USER, links.LinkThatFailsAfterItsSessionCameUp)
        session_id, outcome = await start(server)
        assert outcome == Started(session_id)
        assert server.services.registry.get(session_id).state == lifecycle.RUNNING

    served(test, tmp_path)


def test_a_start_whose_link_dies_over_it_goes_on_with_the_next(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        others: list[Any] = []

        def died(link: Any) -> None:
            server.services.links.gone(link)
            others.append(server.link(USER))

        server.link(USER, functools.partial(links.LinkThatDiesOverIt, died=died))
        session_id, outcome = await start(server)
        assert outcome == Started(session_id)
        assert [order.id for order in others[0].orders] == [session_id]
        document = await server.services.traces.document(session_id)
        assert ("another", "the connection was closed") in [
            (one["result"], one.get("detail")) for one in document["steps"]
        ]

    served(test, tmp_path)


def test_a_start_that_no_link_survives_says_so(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        dead: list[Any] = []

        def died(link: Any) -> None:
            server.services.links.gone(link)
            dead.append(link)
            server.link(USER, functools.partial(links.LinkThatDiesOverIt, died=died))

        server.link(USER, functools.partial(links.LinkThatDiesOverIt, died=died))
        with pytest.raises(PortcallError, match="the connection was closed"):
            await start(server, id="s1")
        assert len(dead) == 3
        assert server.services.registry.get("s1").state == lifecycle.ENDED

    served(test, tmp_path)


def test_a_link_that_does_not_understand_the_order_is_not_asked_again(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        error = ProtocolError("a link does not answer this")
        link = server.link(USER, functools.partial(links.LinkThatRefuses, error=error))
        with pytest.raises(ProtocolError):
            await start(server)
        assert len(link.orders) == 1

    served(test, tmp_path)


def test_a_session_that_does_not_come_up_fails_within_the_time_set(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        server.link(USER, links.LinkThatTakesItsTime)
        server.services.perform._config.values["start_timeout"] = -4.9  # with the last word's 5 s: soon
        with pytest.raises(StartFailed, match="did not come up"):
            await start(server, id="s")
        session = server.services.registry.get("s")
        assert (session.state, session.cause) == (lifecycle.ENDED, "not-in-time")

    served(test, tmp_path)


def test_who_does_not_want_to_wait_is_answered_at_the_hand_over(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        link = server.link(USER, links.LinkThatTakesItsTime)
        session_id, outcome = await start(server, wait=False)
        assert outcome is None
        assert server.services.registry.get(session_id).state == lifecycle.PENDING
        assert "handed over" in steps(server, session_id)
        link.go.set()
        await server.services.registry.until(session_id, lambda now: now.state == lifecycle.RUNNING, 5)
        again, outcome = await start(server, id=session_id, wait=True)
        assert again == session_id

    served(test, tmp_path)


def test_starting_is_not_answered_by_an_error_when_somebody_ends_it(tmp_path: Path) -> None:
    """Terminated before it came up: the waiting request reads that, and a process that calls in late is told."""

    async def test(server: Server) -> None:
        server.link(ME, links.LinkThatTakesItsTime)
        waiting = asyncio.ensure_future(start(server, user=ME, level="admin", id="s"))
        await until(lambda: "handed over" in (steps(server, "s") if server.services.traces.find("s") else []))
        ending = asyncio.ensure_future(server.services.actions.terminate("s", "It was ended by me."))
        with pytest.raises(Terminated):
            await waiting
        await ending
        session = server.services.registry.get("s")
        assert session.state in (lifecycle.ENDING, lifecycle.ENDED)
        assert (session.reason, session.cause) == ("It was ended by me.", "terminated")

    served(test, tmp_path)


def test_a_start_given_up_after_the_hand_over_ends_the_session_that_calls(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        link = server.link(ME, links.LinkThatTakesItsTime)
        waiting = asyncio.ensure_future(start(server, user=ME, level="admin", id="s"))
        await until(lambda: link.orders)
        attempt = server.services.attempts.of_session(ME, "s")
        assert attempt is not None
        server.services.attempts.abandon(attempt.id, ME)
        with pytest.raises(StartFailed, match="given up"):
            await waiting
        assert server.services.registry.get("s").state == lifecycle.ENDING
        end = FarEnd.dial(server.services.config.directories.socket)
        end.answers[messages.EndSession] = lambda request: ({}, [])
        end.hello(server.services.registry.get("s"), "running", link.orders[0].signature)
        assert "given up" in (await end.hears(messages.EndSession)).reason
        end.close()

    served(test, tmp_path)


class Asking(LinkKind):
    """Asks ``rounds`` questions, then fails or a link is there."""

    name = "asking"

    def __init__(self, rounds: int) -> None:
        self.rounds = rounds
        self.answers: list[list[str]] = []
        self.server: Server | None = None

    def unavailable(self, account: Account) -> str:
        return ""

    async def start(self, plan: LinkPlan) -> None:
        assert plan.ask is not None
        for number in range(self.rounds):
            question = Round((Prompt(f"Code {number}: "), Prompt("Colour: ", True)), "Second factor", "Look at it")
            self.answers.append(await plan.ask(question))
        if self.answers[-1][0] == "wrong":
            raise NoLink("the code was wrong")
        assert self.server is not None
        self.server.link(plan.account.name)


def test_questions_are_relayed_round_by_round(tmp_path: Path) -> None:
    kind = Asking(3)

    async def test(server: Server) -> None:
        kind.server = server
        session_id, outcome = await start(server)
        for number in range(3):
            assert isinstance(outcome, NeedAuth)
            assert outcome.prompts == [{"text": f"Code {number}: ", "echo": False}, {"text": "Colour: ", "echo": True}]
            assert (outcome.title, outcome.instructions) == ("Second factor", "Look at it")
            attempt = outcome.attempt
            same, outcome = await server.services.pipeline.answer(person(), attempt, [str(number), "red"], True)
            assert same == session_id
        assert outcome == Started(session_id)
        assert kind.answers == [["0", "red"], ["1", "red"], ["2", "red"]]
        with pytest.raises((NotFound, BadRequest)):
            await server.services.pipeline.answer(person(), attempt, ["late"], True)

    served(test, tmp_path, kinds=[kind])


def test_a_wrong_answer_ends_the_start_with_the_reason(tmp_path: Path) -> None:
    kind = Asking(1)

    async def test(server: Server) -> None:
        session_id, outcome = await start(server)
        assert isinstance(outcome, NeedAuth)
        with pytest.raises(NoLink, match="the code was wrong"):
            await server.services.pipeline.answer(person(), outcome.attempt, ["wrong", ""], True)
        assert server.services.registry.get(session_id).state == lifecycle.ENDED

    served(test, tmp_path, kinds=[kind])


def test_questions_are_only_for_who_started(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        _, outcome = await start(server)
        assert isinstance(outcome, NeedAuth)
        with pytest.raises(NotFound):
            await server.services.pipeline.answer(person("sys"), outcome.attempt, ["0"], True)
        with pytest.raises(NotFound):
            server.services.attempts.abandon(outcome.attempt, "sys")
        with pytest.raises(NotFound):
            await server.services.pipeline.answer(person(), "no such attempt", ["0"], True)
        server.services.attempts.abandon(outcome.attempt, USER)

    served(test, tmp_path, kinds=[Asking(1)])


def test_a_repeated_start_is_asked_the_same_question_again(tmp_path: Path) -> None:
    """The page was reloaded: the key is the same, so are session and attempt."""
    kind = Asking(1)

    async def test(server: Server) -> None:
        kind.server = server
        first, outcome = await start(server, key="k")
        second, again = await start(server, key="k")
        assert first == second
        assert outcome == again
        assert isinstance(again, NeedAuth)
        await server.services.pipeline.answer(person(), again.attempt, ["0", ""], True)

    served(test, tmp_path, kinds=[kind])


def test_a_question_given_up_leaves_an_ended_session_and_no_task(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        session_id, outcome = await start(server)
        assert isinstance(outcome, NeedAuth)
        attempt = server.services.attempts.get(outcome.attempt, USER)
        server.services.attempts.abandon(outcome.attempt, USER)
        session = await server.services.registry.until(session_id, lambda now: now.state == lifecycle.ENDED, 5)
        assert (session.reason, session.cause) == ("The start was given up.", "terminated")
        assert attempt.task is not None
        await asyncio.wait({attempt.task})
        await until(lambda: server.services.attempts.of_session(USER, session_id) is None)

    served(test, tmp_path, kinds=[Asking(1)])


def test_an_answer_to_no_question_is_refused(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        link = server.link(USER, links.LinkThatTakesItsTime)
        session_id, _ = await start(server, wait=False)
        attempt = server.services.attempts.of_session(USER, session_id)
        assert attempt is not None
        with pytest.raises(BadRequest):
            await server.services.pipeline.answer(person(), attempt.id, ["0"], True)
        link.go.set()
        await server.services.registry.until(session_id, lambda now: now.state == lifecycle.RUNNING, 5)

    served(test, tmp_path)


def test_no_more_displays_come_up_at_once_than_the_gate_lets_through(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        link = server.link(USER, links.LinkThatTakesItsTime)
        starts = [asyncio.ensure_future(start(server)) for _ in range(6)]
        await until(lambda: len(link.orders) == 2)
        await asyncio.sleep(0.01)
        assert len(link.orders) == 2
        link.go.set()
        await asyncio.gather(*starts)
        assert len(link.orders) == 6

    served(test, tmp_path, starts_at_once=2)


def test_a_start_whose_process_died_before_it_was_decided_is_not_waited_for_without_end(tmp_path: Path) -> None:
    """The server was restarted in the middle: the record is pending, and nobody works on it."""

    async def test(server: Server) -> None:
        await server.session("s", USER, state=lifecycle.PENDING)
        server.services.config.values["start_timeout"] = 0.01
        session_id, outcome = await start(server, id="s")
        assert (session_id, outcome) == ("s", None)

    served(test, tmp_path)


def test_reserved_params_are_the_servers_and_the_bookmarks(tmp_path: Path) -> None:
    """ "Starting Sessions", Reserved names: what a form or a client sends under them is passed over."""
    sent = {"icon": "theirs", "bookmarkId": "other", "clientIP": "10.9.9.9", "clientId": "x", "clientVersion": "9",
            "clientTransport": "SSH", "mine": "kept"}  # fmt: skip
    seen = {"clientIP": "192.0.2.7", "clientTransport": "API"}

    async def test(server: Server) -> None:
        picture = "data:image/png;base64,AAAA"
        async with await server.client(PEOPLE["admin"]) as admin:
            for name, icon in (("bare", ""), ("drawn", picture)):
                body = {"name": name.title(), "command": "xterm", "icon": icon}
                answer = await admin.put(f"/api/bookmarks/{name}", json=body)
                assert answer.status_code == 200, answer.text
        server.link(USER)
        for bookmark_id, params in (
            ("", {}),
            ("bare", {"name": "Bare", "bookmarkId": "bare"}),
            ("drawn", {"name": "Drawn", "bookmarkId": "drawn", "icon": picture}),
        ):
            command = "" if bookmark_id else "xterm"
            session_id, _ = await start(server, command=command, bookmark_id=bookmark_id, params=sent)
            assert server.services.registry.get(session_id).params == {"mine": "kept", **seen, **params}

    served(test, tmp_path)


def test_a_bookmark_for_a_group_is_its_members_from_their_first_start_on(tmp_path: Path) -> None:
    """Nothing was asked of the server before that could have told it their groups."""

    async def test(server: Server) -> None:
        async with await server.client(PEOPLE["admin"]) as admin:
            for name, group in (("ours", USER), ("theirs", "nogroup")):
                body = {"name": name, "command": "xterm", "groups": [group]}
                answer = await admin.put(f"/api/bookmarks/{name}", json=body)
                assert answer.status_code == 200, answer.text
        link = server.link(USER)
        session_id, _ = await start(server, command="", bookmark_id="ours")
        assert server.services.registry.get(session_id).params["bookmarkId"] == "ours"
        with pytest.raises(PortcallError, match="no bookmark"):
            await start(server, command="", bookmark_id="theirs")
        assert [order.command for order in link.orders] == ["xterm"]

    served(test, tmp_path)
