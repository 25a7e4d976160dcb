"""Every route of the HTTP application, read from the application itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts

from portcall.web.who import May, Mine

# Who may ask these is decided elsewhere, or nobody has to be asked.
PUBLIC = {
    ("GET", "/api"), ("GET", "/api/"), ("GET", "/api/openapi.json"), ("GET", "/healthz"), ("GET", "/{path:path}"),
    ("HEAD", "/{path:path}"),
    ("POST", "/api/login"), ("POST", "/api/login/{attempt}"), ("DELETE", "/api/login/{attempt}"),
    ("GET", "/metrics"), ("POST", "/api/csp-reports"),
}  # fmt: skip


@dataclass(frozen=True)
class Route:
    """``action`` is the row of the permission table that it names, ``owned`` whether it is about one session."""

    method: str
    path: str
    action: str
    owned: bool

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def address(self, **values: str) -> str:
        path = self.path
        for name in ("session_id", "attempt", "jti", "trace_id", "name", "document_id"):
            path = path.replace(f"{{{name}}}", values.get(name, "nothing"))
        assert "{" not in path, f"a value is needed for {path}"
        return path


def routes(app: FastAPI) -> list[Route]:
    return [found for context in iter_route_contexts(app.routes) for found in _of(context)]


def _of(context: RouteContext) -> Iterator[Route]:
    if not isinstance(context.original_route, APIRoute):
        if (context.path or "").startswith("/api/openapi"):
            return
        raise AssertionError(f"{context.path} is a route of a kind that is not looked at here")
    checks = [call for call in _calls(context.original_route.dependant) if isinstance(call, (May, Mine))]
    assert len(checks) <= 1, f"{context.path} names two actions"
    action, owned = (checks[0].action, isinstance(checks[0], Mine)) if checks else ("", False)
    for method in sorted(context.methods or ()):
        yield Route(method, str(context.path), action, owned)


def _calls(dependant: Any) -> Iterator[Any]:
    for one in dependant.dependencies:
        yield one.call
        yield from _calls(one)
