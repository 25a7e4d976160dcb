"""A real server behind a real socket, in this process: for commands that must agree with what servers say."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog
import uvicorn

from portcall import logs
from portcall.testing.server import ME, Server


class Real:
    """``ask`` runs a coroutine function on the server's own loop; sessions of this account start at once."""

    def __init__(self) -> None:
        self.url = self.token = ""
        self.server: Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def ask(self, work: Callable[[Server], Any]) -> Any:
        assert self._loop is not None

        async def run() -> Any:
            assert self.server is not None
            return await work(self.server)

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(60)

    async def serve(self, folder: Path, ready: threading.Event, end: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        async with Server(folder).open() as server:
            self.server = server
            server.link(ME)
            self.token = await server.login(ME)
            config = uvicorn.Config(server.app, port=0, host="127.0.0.1", log_level="critical", lifespan="off")  # type: ignore[arg-type]
            web = uvicorn.Server(config)
            serving = asyncio.create_task(web._serve())
            while not web.started:  # noqa: ASYNC110  (uvicorn has no event for it)
                await asyncio.sleep(0.005)
            self.url = f"http://127.0.0.1:{web.servers[0].sockets[0].getsockname()[1]}"
            ready.set()
            await asyncio.to_thread(end.wait)
            web.should_exit = True
            await serving


@contextmanager
def served(folder: Path) -> Iterator[Real]:
    real, ready, end = Real(), threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(real.serve(folder, ready, end)))
    logs.set_up("critical", "text")  # what commands print is looked at
    thread.start()
    try:
        assert ready.wait(60)
        yield real
    finally:
        end.set()
        thread.join()
        structlog.reset_defaults()
