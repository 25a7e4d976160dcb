"""A gateway on loopback with one session, whose display is the other end of a socket pair."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import socket
import ssl
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from websockets.asyncio.client import ClientConnection, connect

from portcall.bus import Bus
from portcall.clock import Clock
from portcall.gateway.http import HttpProtocol
from portcall.gateway.stream import ViewerStream
from portcall.gateway.tls import TlsListener
from portcall.gateway.viewers import Viewers
from portcall.model import lifecycle
from portcall.model.ids import is_session_id
from portcall.model.session import Session
from portcall.session.connect import Connection, Connections
from portcall.session.registry import Registry
from portcall.stores.memory import Memory
from portcall.wire import messages

GREETING = b"RFB 003.008\n"


class Display:
    """A session's process as the gateway sees it: asked for the display, it gives one end of a new socket pair.

    ``ends`` are the other ends; a greeting waits in each.
    """

    displays_at_once = 8

    def __init__(self, greeting: bytes = GREETING) -> None:
        self.ends: list[socket.socket] = []
        self.greeting = greeting
        self.refusal: Exception | None = None

    async def request(self, make: Any, timeout: float = 10.0) -> tuple[dict[str, Any], list[int]]:
        asked = make(1)
        assert isinstance(asked, messages.OpenDisplay)
        if self.refusal is not None:
            raise self.refusal
        return {}, [self.open() for _ in range(asked.count)]

    def open(self) -> int:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        if self.greeting:
            ours.send(self.greeting)
        self.ends.append(ours)
        return theirs.detach()

    def close(self) -> None:
        for end in self.ends:
            end.close()


class Stand:
    """``registry`` has the session ``s``, running; ``stayed`` and ``joined``: what viewers asked for."""

    def __init__(self, clock: Clock | None = None, session: Session | None = None) -> None:
        self.clock = clock or Clock()
        self.registry = Registry(Memory(self.clock), Bus(), self.clock)
        self.connections = Connections(self.registry, self.clock)
        self.display = Display()
        self.connections.attach(lambda session_id: self.display)  # type: ignore[arg-type,return-value]
        self.stayed: list[str] = []
        self.joined: list[Connection] = []
        self.viewers = Viewers(
            self.connections, self.registry, self.clock, lambda: 20.0, self._joined, self._stay, lambda _: None
        )
        self.session = session or Session("s", "here", "ann", "ann", "xterm", lifecycle.RUNNING)

    async def open(self) -> None:
        await self.registry.add(self.session)

    async def _joined(self, connection: Connection) -> None:
        self.joined.append(connection)

    async def _stay(self, session_id: str) -> None:
        self.stayed.append(session_id)

    def ticket(self, session_id: str = "s", login: str = "ann", jti: str = "jti") -> str:
        return self.connections.ticket(session_id, login, jti)[0]

    def stream(self, session_id: str = "s", address: str = "192.0.2.1") -> ViewerStream:
        stream = ViewerStream(self.viewers, session_id, address)
        self.viewers.remember(stream)
        return stream

    def dispatch(self, path: str, headers: dict[bytes, bytes], address: str) -> ViewerStream | None:
        _, _, session_id = path.rpartition("/view/")
        return self.stream(session_id, address) if is_session_id(session_id) else None


async def plain(scope: Any, receive: Any, send: Any) -> None:
    """An application beside the viewers."""
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    answer = json.dumps({"path": scope["path"], "body": len(body)}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(answer))]})
    await send({"type": "http.response.body", "body": answer})


@contextlib.asynccontextmanager
async def serving(stand: Stand, tls: ssl.SSLContext | None = None, **limits: float) -> AsyncIterator[int]:
    """The port on loopback where uvicorn serves the stand through our protocol, as web/serve.py does."""
    protocol = type("Protocol", (HttpProtocol,), {"dispatch": staticmethod(stand.dispatch), **limits})
    settings = uvicorn.Config(plain, http=protocol, ws="none", lifespan="off", log_config=None, proxy_headers=False)
    settings.load()
    state = uvicorn.Server(settings).server_state
    await stand.open()
    listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
    listening.setblocking(False)

    def made() -> asyncio.Protocol:
        return protocol(settings, state, {})  # type: ignore[no-any-return]

    server: Any
    if tls is None:
        server = await asyncio.get_running_loop().create_server(made, sock=listening)
    else:
        server = TlsListener(listening, tls, made)
    try:
        yield listening.getsockname()[1]
    finally:
        stand.viewers.close()
        server.close()
        for connection in list(state.connections):
            connection.shutdown()
        stand.display.close()
        while tasks := list(stand.viewers._tasks):
            await asyncio.gather(*tasks)


def browser(port: int, tls: ssl.SSLContext | None = None, path: str = "/view/s", **options: Any) -> connect:
    scheme = "ws" if tls is None else "wss"
    return connect(
        f"{scheme}://127.0.0.1:{port}{path}", ssl=tls, subprotocols=["binary"], compression=None, proxy=None,  # type: ignore[list-item]
        max_size=None, **options,
    )  # fmt: skip


async def enter(page: ClientConnection, ticket: str) -> dict[str, Any]:
    """Hand the ticket over; the first answer."""
    await page.send(json.dumps({"type": "ticket", "ticket": ticket}))
    answer = json.loads(await page.recv())
    assert isinstance(answer, dict)
    return answer


async def receive(page: ClientConnection, size: int) -> bytes:
    """``size`` bytes of the display, however they are framed."""
    data = bytearray()
    while len(data) < size:
        piece = await page.recv()
        assert isinstance(piece, bytes), piece
        data += piece
    assert len(data) == size
    return bytes(data)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
