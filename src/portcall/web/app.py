"""The HTTP application: routes, errors, the page."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import Depends, FastAPI

from portcall import __version__
from portcall.web import metrics, pages, problems, shapes
from portcall.web.api import admin, functions, launchers, login, logins, server, sessions
from portcall.web.plain import plain_values


def create(here: Any) -> FastAPI:
    """The application over ``here``, the composed services."""
    app = FastAPI(
        title="Portcall", version=__version__, docs_url=None, redoc_url=None, openapi_url="/api/openapi.json",
        description="Virtual display sessions: start them, list them, connect to them.",
        dependencies=[Depends(plain_values)],
    )  # fmt: skip
    app.state.portcall = here
    app.state.stopping = asyncio.Event()
    problems.install(app)
    for part in (sessions, login, logins, server, admin, functions, launchers):  # asked in turn: the busiest first
        app.include_router(part.router, prefix="/api", responses=shapes.PROBLEMS)
    app.include_router(metrics.router)
    app.include_router(pages.router)
    return app
