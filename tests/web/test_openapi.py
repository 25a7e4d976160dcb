"""The OpenAPI document against what the server does, by schemathesis over a real socket."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from portcall.gateway.http import HttpProtocol
from portcall.testing.server import ME, PEOPLE, Server
from tests.web.test_permissions import well_formed
from tests.web.walk import routes

EXAMPLES = 15  # of each operation
SESSIONS = 400
# Beside addresses that lead nowhere, some that do; a session may be gone after the request.
KNOWN: dict[str, Iterator[str]] = {
    "session_id": (f"s{number}" for number in range(SESSIONS)),
    "name": itertools.cycle(("title", "seats_user", "metrics_public", "port", "seats_groups")),
}
TURN = itertools.cycle((True, True, False))
USER = PEOPLE["admin"]
CHECKS = [
    content_type_conformance, response_headers_conformance, response_schema_conformance, status_code_conformance,
    unsupported_method,
]  # fmt: skip
# What would end the login that asks, or the rights that it has.
LEFT_OUT = [("DELETE", "/api/login"), ("DELETE", "/api/logins/{jti}"), ("PUT", "/api/permissions")]


class Running(threading.Thread):
    """A server with a socket, in a thread of its own. Streams end at once."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self._folder = folder
        self._ready = threading.Event()
        self.port, self.token = 0, ""

    def run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        async with Server(self._folder, one_person=False).open() as server:
            server.web.state.stopping.set()
            server.link(USER)
            for number in range(SESSIONS):
                await server.session(f"s{number}", (USER, ME, "nobody")[number % 3], params={"a": [1]})
                if number % 4 == 0:
                    await server.services.registry.signal(f"s{number}", "over", ended=1.0, reason="", message="log")
            self.token = await server.login(USER)
            protocol = type("Protocol", (HttpProtocol,), {"dispatch": staticmethod(lambda *_: None)})
            config = uvicorn.Config(server.app, http=protocol, ws="none", lifespan="off", log_config=None)
            config.load()
            state = uvicorn.Server(config).server_state
            listening = await self._loop.create_server(lambda: protocol(config, state, {}), "127.0.0.1", 0)
            self.port = listening.sockets[0].getsockname()[1]
            self._ready.set()
            await self._over.wait()
            listening.close()
            for connection in list(state.connections):
                connection.transport.close()
            await asyncio.sleep(0)

    def __enter__(self) -> Running:
        self.start()
        assert self._ready.wait(20)
        return self

    def __exit__(self, *error: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self.join(20)


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with tempfile.TemporaryDirectory() as folder, Running(Path(folder)) as running:
        yield running


def operations(running: Running) -> Iterator[Any]:
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{running.port}/api/openapi.json")
    for found in schema.get_all_operations():
        operation = found.ok()
        if (operation.method.upper(), operation.path) not in LEFT_OUT:
            yield operation


def tried(operation: Any, running: Running) -> str:
    """What is wrong with an operation's answers, or nothing."""

    @settings(max_examples=EXAMPLES, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(operation.as_strategy())
    def ask(case: schemathesis.Case) -> None:
        for name, known in KNOWN.items():
            if name in case.path_parameters and next(TURN):
                case.path_parameters[name] = next(known)
        answer = case.call(headers={"authorization": f"Bearer {running.token}"}, timeout=20)
        assert answer.status_code != 500, answer.text
        case.validate_response(answer, checks=CHECKS)

    try:
        ask()
    except (AssertionError, BaseExceptionGroup) as error:
        return f"{operation.label}: {error}"
    return ""


def test_the_server_does_what_its_document_says(running: Running) -> None:
    wrong = [found for operation in operations(running) if (found := tried(operation, running))]
    assert not wrong, "\n\n".join(wrong)


def test_the_document_describes_every_route(running: Running, tmp_path: Path) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{running.port}") as client:
        answer = client.get("/api/openapi.json")
        paths = answer.json()["paths"]
        assert answer.status_code == 200
        for route in routes(Server(tmp_path).web):
            if route.path.startswith("/api") and route.path != "/api/":
                assert route.method.lower() in paths[route.path], str(route)
        problem = well_formed(client.get("/api/none"))
        assert problem["code"] == "not-found"
