"""What functions print is for administrators: in the server's log however the function ended, and in no error."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import structlog

from portcall.model.administered import Chain, FunctionDocument
from portcall.testing.server import PEOPLE, Server

USER = PEOPLE["full"]


def refused(folder: Path, steps: tuple[str, ...] = (), **functions: str) -> tuple[dict[str, Any], list[str]]:
    """The answer to a start, and what functions had printed by then, as the server's log has it."""

    async def start(server: Server) -> dict[str, Any]:
        async with server.open():
            documents = server.services.documents
            for name, body in functions.items():
                kind = name.replace("_", "-")
                await documents.functions.put(kind, FunctionDocument(kind, kind, kind, body), "root")
            if steps:
                await documents.chains.put("start", Chain("start", list(steps)), "root")
            async with await server.client(USER) as client:
                answer: dict[str, Any] = (await client.post("/api/sessions", json={"command": "xterm"})).json()
            return answer

    server = Server(folder)  # which wants errors alone in the log
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    with structlog.testing.capture_logs() as logs:
        answer = asyncio.run(start(server))
    return answer, [line["event"] for line in logs if "function" in line]


def test_what_a_function_that_refuses_had_printed_is_in_the_log_alone(tmp_path: Path) -> None:
    source = "function (input) { console.log('two licences are left'); throw 'Not today'; }"
    answer, printed = refused(tmp_path, start_event=source)
    assert answer["detail"] == "Not today"
    assert "licences" not in str(answer)
    assert printed == ["two licences are left"]


def test_what_a_step_of_a_chain_had_printed_too(tmp_path: Path) -> None:
    source = "function (input) { console.log('two licences are left'); throw 'Not today'; }"
    answer, printed = refused(tmp_path, ("function:start-balance",), start_balance=source)
    assert answer["detail"] == "Not today"
    assert "licences" not in str(answer)
    assert printed == ["two licences are left"]


def test_what_a_function_that_returned_nonsense_had_printed_too(tmp_path: Path) -> None:
    answer, printed = refused(tmp_path, start_event="function (input) { console.log('about to'); return 42; }")
    assert answer["code"] == "function-failed"
    assert printed == ["about to"]


def test_a_step_that_is_not_there_names_the_chain_to_mend(tmp_path: Path) -> None:
    answer, _ = refused(tmp_path, ("fewest",))
    assert "there is no policy 'fewest'" in answer["detail"]
    assert "a step of the chain start" in answer["detail"]


def test_a_function_of_the_chain_that_is_gone_is_told(tmp_path: Path) -> None:
    _, printed = refused(tmp_path, ("function:gone", "fewest_sessions"))
    assert printed == ["passed over: there is no such function"]
