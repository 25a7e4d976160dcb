"""A server shaped by docs/design/http-api.md: it keeps sessions in a dictionary, and says what it was told to say."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import JSONResponse, Response, StreamingResponse

from portcall.errors import Forbidden, NoSuchSession, NotLoggedIn, PortcallError
from portcall.model import codec
from portcall.model.session import Session

LOGIN = {"sub": "ann", "iss": "one", "iat": 1.0, "exp": 4e9, "aud": "api", "jti": "j1", "method": "pam", "name": "x"}
ID, OTHER = "aaaa00000000000000000001", "bbbb00000000000000000002"


@dataclass
class StandIn:
    """What it knows and what it was asked."""

    sessions: dict[str, Session] = field(default_factory=dict)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    token: str = "good"
    peers: bool = False  # whether it knows the caller by a unix socket
    starts: list[dict[str, Any]] = field(default_factory=list)  # answers to give to starts, then the session
    stages: list[dict[str, Any]] = field(default_factory=list)  # what to ask at a login before success
    drop_starts: int = 0  # how many starts to break the connection of
    events: list[str] = field(default_factory=list)  # what each connection to the event stream is sent
    keys: list[str] = field(default_factory=list)
    settings: list[dict[str, Any]] = field(default_factory=list)  # rows beside its own
    by_key: dict[str, str] = field(default_factory=dict)
    url: str = ""

    def add(self, **members: Any) -> Session:
        given = {"id": ID, "server_id": "one", "login": "ann", "user": "ann", "command": "xterm", "state": "running"}
        one = Session(**{**given, "geometry": "1280x800", "created": 1e9, "started": 1e9, **members})
        self.sessions[one.id] = one
        return one

    def one(self, session_id: str) -> Session:
        if session_id not in self.sessions:
            raise NoSuchSession(instance="p-404")
        return self.sessions[session_id]


def application(place: StandIn) -> FastAPI:  # noqa: PLR0915  (a table of routes)
    app = FastAPI(openapi_url=None)

    @app.exception_handler(PortcallError)
    async def refused(request: Request, error: PortcallError) -> Response:
        return JSONResponse(error.problem(), error.status, media_type="application/problem+json")

    @app.middleware("http")
    async def seen(request: Request, call_next: Any) -> Response:
        body = await request.body()
        path = request.url.path.removeprefix("/api")
        place.asked.append((request.method, path, json.loads(body) if body else dict(request.query_params)))
        public = (
            path in ("", "/")
            or path.startswith("/login/")
            or (path, request.method) == ("/login", "POST")
            or place.peers
        )
        if not public and request.headers.get("authorization") != f"Bearer {place.token}":
            error = NotLoggedIn(instance="p-401")
            return JSONResponse(error.problem(), 401)
        answer: Response = await call_next(request)
        return answer

    @app.get("/api/")
    async def about() -> Any:
        methods = [{"name": "pam", "title": "Password", "user": True, "password": True},
                   {"name": "ssh", "title": "SSH", "user": True, "password": False}]  # fmt: skip
        return {
            "name": "Portcall",
            "version": "0",
            "title": "T",
            "serverId": "one",
            "methods": methods,
            "onePerson": False,
        }

    def stage() -> Any:
        return place.stages.pop(0) if place.stages else {"stage": "success", "login": LOGIN, "token": place.token}

    @app.post("/api/login")
    async def login(request: Request) -> Any:
        return stage()

    @app.post("/api/login/{attempt}")
    async def answer(attempt: str) -> Any:
        return stage()

    @app.delete("/api/login/{attempt}", status_code=204)
    async def give_up(attempt: str) -> None:
        return None

    @app.get("/api/login")
    async def whoami() -> Any:
        user = {"name": "ann", "uid": 1000, "groups": []}
        return {
            "login": LOGIN,
            "user": user,
            "level": "full",
            "permissions": {"session/list": "own"},
            "serverId": "one",
        }

    @app.delete("/api/login", status_code=204)
    async def logout() -> None:
        return None

    @app.get("/api/logins")
    async def logins() -> Any:
        return {"logins": [{**LOGIN, "current": True}, {**LOGIN, "jti": "j2", "name": "nightly"}]}

    @app.delete("/api/logins/{jti}", status_code=204)
    async def revoke(jti: str) -> None:
        return None

    @app.post("/api/tokens")
    async def token(request: Request) -> Any:
        return {"token": "t-secret", "login": LOGIN}

    @app.get("/api/sessions")
    async def sessions(request: Request) -> Any:
        every = "all" in request.query_params
        return {"sessions": [codec.to_document(one) for one in place.sessions.values() if every or one.login == "ann"],
                "event": 7}  # fmt: skip

    @app.post("/api/sessions")
    async def start(request: Request) -> Any:
        key = request.headers["idempotency-key"]
        place.keys.append(key)
        if place.drop_starts:
            place.drop_starts -= 1
            place.by_key[key] = ID

            async def broken() -> Any:
                yield b"{"
                raise ConnectionAbortedError

            return StreamingResponse(broken(), headers={"content-length": "100"})
        if place.starts:
            return place.starts.pop(0)
        body = await request.json()
        made = place.add(command=body["command"], params=body.get("params", {}), name=body.get("name", ""))
        return {"result": codec.to_document(made), "trace": []}

    @app.post("/api/starts/{attempt}")
    async def answer_start(attempt: str) -> Any:
        return {"result": codec.to_document(place.add()), "trace": []}

    @app.get("/api/sessions/{session_id}")
    async def session(session_id: str) -> Any:
        return codec.to_document(place.one(session_id))

    @app.patch("/api/sessions/{session_id}")
    async def change(session_id: str, request: Request) -> Any:
        body, one = await request.json(), place.one(session_id)
        params = {key: value for key, value in {**one.params, **body.get("params", {})}.items() if value is not None}
        place.sessions[session_id] = replace(one, name=body.get("name", one.name), params=params)
        return codec.to_document(place.sessions[session_id])

    @app.post("/api/sessions/{session_id}/{act}")
    async def act(session_id: str, act: str) -> Any:
        one = place.one(session_id)
        if one.login != "ann":
            raise Forbidden
        if act == "connect":
            return {"ticket": "t1", "url": f"/view/{session_id}", "expires": 4e9, "session": codec.to_document(one)}
        if act == "extend":
            return codec.to_document(one)
        if act == "purge":
            del place.sessions[session_id]
            return Response(status_code=204)
        place.sessions[session_id] = replace(one, state={"suspend": "suspended", "terminate": "ending"}[act])
        return codec.to_document(place.sessions[session_id])

    @app.get("/api/sessions/{session_id}/log")
    async def log(session_id: str) -> Any:
        return {"log": "hello \x1b[31mred\n", "size": 17}

    @app.get("/api/sessions/{session_id}/screenshot")
    async def screenshot(session_id: str) -> Response:
        return Response(b"\x89PNG", media_type="image/png")

    @app.get("/api/sessions/{session_id}/processes")
    async def processes(session_id: str) -> Any:
        row = {"pid": 5, "ppid": 1, "command": "xterm", "cpuPercentage": 1.5, "memory": 2048, "started": 1e9}
        return {"processes": [row]}

    @app.get("/api/sessions/{session_id}/trace")
    async def trace(session_id: str) -> Any:
        servers = [{"serverId": "one", "kept": True, "rule": "fewest_sessions", "figure": 3}]
        permissions = {"step": "permissions", "took": 0.001, "at": 10.0, "result": "ok", "detail": "full"}
        steps = [permissions, {"step": "balance", "took": 0.002, "at": 10.5, "result": "one", "servers": servers}]
        return {"id": session_id, "outcome": "started", "steps": steps}

    @app.get("/api/traces")
    async def traces() -> Any:
        return {"traces": [{"id": "s1", "outcome": "refused", "steps": []}]}

    @app.get("/api/servers")
    async def servers() -> Any:
        return {
            "servers": [{"serverId": "one", "hostname": "h", "sessions": 2, "loadavg": [0.5, 0, 0], "freemem": 2**30}]
        }

    @app.get("/api/settings")
    async def settings() -> Any:
        row = {"name": "start_timeout", "value": 60.0, "default": 60.0, "help": "how long", "live": True, "fixed": ""}
        return {"settings": [row, *place.settings]}

    @app.put("/api/settings/{name}")
    async def set_setting(name: str, request: Request) -> Any:
        return {"name": name, "value": (await request.json())["value"], "live": False}

    @app.get("/api/audit")
    async def audit() -> Any:
        return {"entries": [{"at": 1e9, "login": "ann", "action": "session/start", "session": ID, "outcome": "ok"}]}

    @app.get("/api/events")
    @app.get("/api/log")
    async def events(request: Request) -> Response:
        place.asked.append(("LAST-EVENT-ID", request.headers.get("last-event-id", ""), None))
        if not place.events:
            raise Forbidden("the test is over")
        return Response(place.events.pop(0), media_type="text/event-stream")

    @app.websocket("/view/{session_id}")
    async def view(socket_: WebSocket, session_id: str) -> None:
        await socket_.accept(subprotocol="binary")
        ticket = await socket_.receive_json()
        if ticket != {"type": "ticket", "ticket": "t1"} or place.sessions[session_id].name == "no display":
            await socket_.send_json({"type": "error", "code": "display-unavailable", "detail": "no display there"})
            await socket_.close(4502)
            return
        await socket_.send_json({"type": "ready", "session": session_id, "viewOnly": False, "control": True})
        await socket_.send_bytes(b"RFB 003.008\n")
        data = await socket_.receive_bytes()
        await socket_.send_bytes(data.upper())
        await socket_.send_json({"type": "end", "reason": "the command has ended", "code": "ended"})
        await socket_.close(4000)

    return app


@contextmanager
def served(place: StandIn, uds: Path | None = None, port: int = 0, **tls: Any) -> Iterator[StandIn]:
    """The stand-in on a free port of loopback, or on a unix socket, for the block."""
    listener = socket.socket(socket.AF_UNIX if uds else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(str(uds) if uds else ("127.0.0.1", port))
    listener.listen(64)
    config = uvicorn.Config(application(place), log_level="critical", lifespan="off", ws="websockets-sansio", **tls)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    if not uds:
        place.url = f"{'https' if tls else 'http'}://127.0.0.1:{listener.getsockname()[1]}"
    try:
        yield place
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
