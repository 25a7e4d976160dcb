"""The one place where errors become answers: RFC 9457 documents."""

from __future__ import annotations

import secrets
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from portcall.errors import (
    BadRequest,
    Forbidden,
    InvalidValue,
    NotFound,
    NotLoggedIn,
    PortcallError,
    TooManyAttempts,
)  # fmt: skip

log = structlog.get_logger("web")


class MethodNotAllowed(PortcallError):
    code, status, title = "method-not-allowed", 405, "This address does not take that method."


class TooLarge(PortcallError):
    code, status, title = "too-large", 413, "The request is too large."


_BY_STATUS: dict[int, type[PortcallError]] = {
    400: BadRequest, 401: NotLoggedIn, 403: Forbidden, 404: NotFound, 405: MethodNotAllowed, 413: TooLarge,
}  # fmt: skip


def answer(error: PortcallError) -> Response:
    """``instance`` is an id to quote; it is in the server's log beside what happened."""
    instance = secrets.token_hex(6)
    headers: dict[str, str] = {}
    if isinstance(error, TooManyAttempts):
        headers["retry-after"] = str(max(1, round(float(error.extra.get("retry_after", 1)))))
    if error.status == 401:
        headers["www-authenticate"] = "Bearer"
    if error.status >= 500:
        log.warning("request failed", instance=instance, code=error.code, error=str(error))
    document = _plain({**error.problem(), "instance": f"urn:portcall:instance:{instance}"})
    return JSONResponse(document, error.status, headers, "application/problem+json")


def install(app: FastAPI) -> None:
    app.add_exception_handler(PortcallError, _ours)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _unforeseen)


async def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, PortcallError)
    return answer(error)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    cls = _BY_STATUS.get(error.status_code, BadRequest if error.status_code < 500 else PortcallError)
    made = answer(cls())
    made.headers.update(error.headers or {})
    return made


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:])
    return answer(InvalidValue(f"{field or 'body'}: {first['msg']}", field=field))


async def _unforeseen(request: Request, error: Exception) -> Response:
    log.error("unforeseen", path=request.url.path, exc_info=error)
    return answer(PortcallError())


def _plain(value: Any) -> Any:
    """JSON that always encodes: half surrogates and other oddities of hostile input are replaced."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if isinstance(value, (int, float, bool, type(None))) else str(value)
