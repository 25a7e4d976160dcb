"""Form filter, schedule and event are asked in one journey, for a start that goes on as it is; any other as ever."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from portcall.functions.base import Call, Result, Source
from portcall.functions.javascript import JavaScript
from portcall.model.administered import FunctionDocument
from portcall.testing.server import PEOPLE, Server

USER = PEOPLE["full"]
ASKED = {
    "form-filter": """async function (input) {
  if (input.data.params.ask) return {id: 'f', html: '<input name="more">'};
}""",
    "schedule": "function (input) { console.log('scheduling ' + input.start.command); }",
    "start-event": """function (input) {
  if (input.data.params.sorry) throw 'Not today';
  input.data.params.checked = input.data.command;
  return input;
}""",
}


class Counted(JavaScript):
    """Writes down which functions were asked, and how."""

    def __init__(self) -> None:
        super().__init__(workers=1)
        self.alone: list[str] = []
        self.together: list[list[str]] = []

    async def run(self, source: Source, call: Call) -> Result:
        self.alone.append(source.name)
        return await super().run(source, call)

    async def ahead(self, calls: Sequence[tuple[Source, Call]]) -> list[Any]:
        self.steady.give(await self.steady.take())  # it may just be told of the servers
        said = await super().ahead(calls)
        self.together.append([source.name for source, _ in calls][: len(said)])
        return said

    def forget(self) -> None:
        self.alone.clear()
        self.together.clear()


def started(folder: Path, *requests: dict[str, Any], **functions: str) -> tuple[list[Any], Counted]:
    """Answers of starts after two that made the functions known; what was asked for the last."""

    async def start() -> tuple[list[Any], Counted]:
        async with Server(folder).open() as server:
            engine = Counted()
            await server.services.engines["javascript"].close()
            server.services.engines["javascript"] = engine
            for kind, body in {**ASKED, **functions}.items():
                await server.services.documents.functions.put(kind, FunctionDocument(kind, kind, kind, body), "root")
            server.link(USER)
            found = []
            async with await server.client(USER) as client:
                for request in ({"command": "first"}, {"command": "second"}, *requests):
                    engine.forget()
                    answer = await client.post("/api/sessions", json=request, headers={"accept": "application/json"})
                    found.append(answer.json())
            return found[2:], engine

    return asyncio.run(start())


def steps(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {step["step"]: step for step in answer["trace"]}


def test_all_three_are_asked_at_once(tmp_path: Path) -> None:
    (answer,), engine = started(tmp_path, {"command": "xterm"})
    assert engine.together == [list(ASKED)]
    assert engine.alone == []
    assert answer["result"]["params"]["checked"] == "xterm"
    assert steps(answer)["function schedule"]["detail"] == "scheduling xterm"
    assert [name for name in steps(answer) if name.startswith("function ")] == [f"function {name}" for name in ASKED]


def test_what_the_event_throws_refuses_the_start(tmp_path: Path) -> None:
    (answer,), engine = started(tmp_path, {"command": "xterm", "params": {"sorry": "1"}})
    assert (answer["code"], answer["detail"]) == ("function-threw", "Not today")
    assert engine.alone == []


def test_what_a_later_function_throws_is_nothing_where_a_form_is_shown(tmp_path: Path) -> None:
    (answer,), engine = started(tmp_path, {"command": "xterm", "params": {"sorry": "1", "ask": "1"}})
    assert answer["stage"] == "form"
    assert engine.together == [list(ASKED)]
    assert "scheduling" not in str(answer)


@pytest.mark.parametrize("kind", ["start-event", "schedule-event"])
def test_the_event_that_is_asked_is_the_one_of_what_was_scheduled(kind: str, tmp_path: Path) -> None:
    """It was foreseen for a start here; the schedule function sends it elsewhere."""
    sends = "function (input) { if (input.start.params.away) return 'echo ${ start.command }'; }"
    event = "function (input) { throw 'It is ' + input.action; }"
    away = {"away": "1"} if kind == "schedule-event" else {}
    (answer,), _ = started(
        tmp_path, {"command": "xterm", "params": away}, schedule=sends,
        **{"start-event": event, "schedule-event": event},
    )  # fmt: skip
    assert answer["detail"] == f"It is session/start/{kind.removesuffix('-event')}"


def test_a_function_that_changed_meanwhile_is_asked_itself(tmp_path: Path) -> None:
    """What was foreseen is good for the function and the input that it was foreseen for."""

    async def change() -> None:
        async with Server(tmp_path).open() as server:
            functions, put = server.services.functions, server.services.documents.functions.put
            for kind in ("schedule", "start-event"):
                await put(kind, FunctionDocument(kind, kind, kind, "function (input) { return; }"), "root")
            given: dict[str, Any] = {"start": {"command": "xterm", "params": {}}}
            wanted = {"schedule": lambda: given, "start-event": lambda: given}
            trace = server.services.traces.begin("t", USER)
            for kind in wanted:
                await functions.first(kind, wanted[kind], trace)
                await functions.first(kind, wanted[kind], trace)
            foreseen = await functions.foresee(wanted)
            assert list(foreseen) == list(wanted)
            changed = FunctionDocument("schedule", "schedule", "schedule", "function () { throw 'New'; }")
            await put("schedule", changed, "root")
            with pytest.raises(Exception, match="New"):
                await functions.first("schedule", wanted["schedule"], trace, foreseen=foreseen)

    asyncio.run(change())
