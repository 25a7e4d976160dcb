"""Server-sent events: parsed, and gone on with after the connection broke."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from portcall.client.http import Http
from portcall.errors import ServerUnreachable

SILENCE = 45.0  # seconds; the server writes a comment every 15


@dataclass(frozen=True)
class StreamEvent:
    """``kind`` is an event's kind, or ``hello`` (the first), ``reset`` (list again), ``lost`` (ours: reconnecting)."""

    kind: str
    document: dict[str, Any]
    number: int | None = None


def parse(lines: Iterable[str]) -> Iterator[StreamEvent]:
    """The events of a stream's lines (HTML, 9.2.6); data that is no JSON object is ``{"text": data}``."""
    kind, data, number = "message", [], None  # type: str, list[str], int | None
    for line in lines:
        if not line:
            if data:
                yield StreamEvent(kind, _document("\n".join(data)), number)
            kind, data = "message", []
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            kind = value
        elif name == "data":
            data.append(value)
        elif name == "id" and value.isdigit():
            number = int(value)


def follow(
    http: Http,
    path: str,
    query: dict[str, Any] | None = None,
    since: int | None = None,
    again: dict[str, Any] | None = None,
    pause: Callable[[float], object] | None = None,
) -> Iterator[StreamEvent]:
    """Events without end, none twice; after ``lost`` the stream goes on where it was, or says ``reset``.

    The first connection that fails is the caller's to know; later ones are tried again for ever, with ``again`` over
    the query.
    """
    pause = pause or threading.Event().wait
    number, came, wait = since, False, 0.2
    while True:
        headers = {} if number is None else {"Last-Event-ID": str(number)}
        try:
            for event in parse(http.lines(path, query, headers, SILENCE)):
                came, wait = True, 0.2
                query = {**(query or {}), **(again or {})}
                if event.kind == "hello":
                    number = event.document.get("event", number) if number is None else number
                elif event.number is not None:
                    number = event.number
                yield event
        except ServerUnreachable as error:
            if not came:
                raise
            yield StreamEvent("lost", {"detail": error.detail}, number)
        else:
            came = True
        pause(wait)
        wait = min(wait * 2, 3.0)


def _document(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError:
        return {"text": text}
    return document if isinstance(document, dict) else {"text": text}
