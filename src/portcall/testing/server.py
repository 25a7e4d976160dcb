"""A whole server in this process, its HTTP included but without a socket: what tests of the API and of starts use.

People are accounts that every host has; a test gives them their level. Links are fakes that a test registers.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import logging
import os
import pwd
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import structlog

from portcall.app import Services
from portcall.clock import Clock
from portcall.config import Config, Directories
from portcall.links.base import LinkKind
from portcall.login.accounts import read_account
from portcall.model.session import Session
from portcall.model.user import Account, Login
from portcall.testing.links import LinkThatStarts
from portcall.web import app as web_app
from portcall.web.caller import COOKIE
from portcall.web.edge import Application, Edge, Proxies

ME = pwd.getpwuid(os.getuid()).pw_name
# Level → a person who has it. One's own account is an administrator's.
PEOPLE = {"disabled": "games", "limited": "bin", "full": "daemon", "manager": "sys", "admin": "root"}
BOXES = ("session/list", "session/info", "session/screenshot")


class Server:
    """``services`` are the real parts, ``kinds`` the ways to get a link.

    ``client`` makes requests as somebody: by token, by cookie, or as nobody.
    """

    def __init__(
        self, folder: Path, clock: Clock | None = None, one_person: bool = False, kinds: Sequence[LinkKind] = (),
        **settings: Any,
    ) -> None:  # fmt: skip
        places = Directories(folder / "config", folder / "var", folder / "run", folder / "tmp")
        for place in (places.config, places.var, places.runtime, places.tmp, places.local):
            place.mkdir(parents=True, exist_ok=True)
        if not (places.runtime / "lib").is_symlink():
            (places.runtime / "lib").symlink_to(_user_side(), target_is_directory=True)
        (places.config / "permissions.toml").write_text(
            f"[users]\n{_people()}\n[manager]\nboxes = {list(BOXES)!r}\n".replace("'", '"')
        )
        # a line for each request would be most of a test's time
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
        values = {"store": "memory", "links": "", "login_methods": "", "server_id": "here", **settings}
        self.services = Services(Config(places, one_person, values), clock or Clock())
        self.services.links._kinds = kinds
        self.web = web_app.create(self.services)
        self.app: Application = Edge(
            self.web, str(values.get("url_prefix", "")),
            Proxies(str(values.get("trusted_proxies", ""))), False,
        )  # fmt: skip

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Server]:
        await self.services.open()
        try:
            yield self
        finally:
            await self.services.close()
            await asyncio.sleep(0.06)  # a moment of session/connect

    async def login(self, user: str, aud: str = "api", hours: float = 1.0) -> str:
        """A token for ``user``, who is not asked for anything."""
        now = self.services.clock.now()
        login = Login(user, "here", now, now + hours * 3600, aud, secrets.token_urlsafe(8), "test", "full")
        return await self.services.tokens.make(login)

    async def client(self, user: str = "", cookie: bool = False, **options: Any) -> httpx.AsyncClient:
        """Raises what the application raises."""
        headers: dict[str, str] = dict(options.pop("headers", {}))
        if user and not cookie:
            headers["authorization"] = f"Bearer {await self.login(user)}"
        made = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, client=options.pop("address", ("192.0.2.7", 123))),
            base_url="http://portcall.test", headers=headers, **options,
        )  # fmt: skip
        if user and cookie:
            made.cookies.set(COOKIE, await self.login(user, "web"))
        return made

    def link(self, user: str, kind: type[LinkThatStarts] = LinkThatStarts) -> Any:
        """A link of ``user`` has registered."""
        account: Account = read_account(user)
        made = kind(account, self.services.registry)
        self.services.links.register(made)
        return made

    async def session(self, session_id: str, user: str, **members: Any) -> Session:
        """A session that is there already."""
        values = {"state": "running", "created": self.services.clock.now(), **members}
        return await self.services.registry.add(Session(session_id, "here", user, user, "xterm", **values))


@functools.cache
def _user_side() -> str:
    """Installed once for all servers of this process: it takes longer than most tests."""
    folder = tempfile.mkdtemp(prefix="portcall-testing-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _people() -> str:
    levels = {name: level for level, name in PEOPLE.items()}
    levels[ME] = "admin"
    return "\n".join(f'{name} = "{level}"' for name, level in levels.items())
