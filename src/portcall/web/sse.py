"""Server-sent events (WHATWG HTML, 9.2): messages, and a response that says something every 15 s."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import Request
from fastapi.responses import StreamingResponse

from portcall.errors import PortcallError, ServerUnreachable
from portcall.model import event
from portcall.model.user import Login
from portcall.web.who import services

EVERY = 15.0  # seconds; proxies drop what is quiet for a minute


def message(name: str, document: Any, number: int | None) -> str:
    head = "" if number is None else f"id: {number}\n"
    return f"{head}event: {name}\ndata: {json.dumps(document, separators=(',', ':'))}\n\n"


def response(request: Request, login: Login, messages: AsyncIterator[str]) -> StreamingResponse:
    """Ends when the client has gone, its login has ended or is of another level now, or the server goes."""
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(_kept_alive(request, login, messages), media_type="text/event-stream", headers=headers)


async def _kept_alive(request: Request, login: Login, messages: AsyncIterator[str]) -> AsyncIterator[str]:
    stopping: asyncio.Event = request.app.state.stopping
    over = asyncio.Event()

    def happened(item: event.Event) -> None:
        if item.kind == event.LOGIN_GONE and item.id == login.jti:
            over.set()

    unlisten = services(request).bus.listen(happened)
    stop = asyncio.ensure_future(stopping.wait())
    ended = asyncio.ensure_future(over.wait())
    following = asyncio.ensure_future(anext(messages))
    try:
        while not stopping.is_set() and not over.is_set():
            done, _ = await asyncio.wait({following, stop, ended}, timeout=EVERY, return_when=asyncio.FIRST_COMPLETED)
            if not await _unchanged(request, login):
                return  # who comes again is asked again what they may see
            if following in done:
                try:
                    yield following.result()
                except StopAsyncIteration:
                    return
                following = asyncio.ensure_future(anext(messages))
            elif not done:
                yield ": here\n\n"
    finally:
        unlisten()
        stop.cancel()
        ended.cancel()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await messages.aclose()  # type: ignore[attr-defined]


async def _unchanged(request: Request, login: Login) -> bool:
    try:
        return await services(request).logins.level(login.sub) == login.level
    except ServerUnreachable:
        return True
    except PortcallError:
        return False
