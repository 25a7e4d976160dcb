"""The server's structured log: to standard error for the journal, and the last lines in memory for those who follow."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections import deque
from collections.abc import MutableMapping
from typing import Any

import structlog

_KEPT = 2000
_SECRETS = ("token", "password", "ticket", "cookie", "authorization", "answers")


class Follow:
    """Keeps the last lines, and hands new ones to whoever follows."""

    def __init__(self) -> None:
        self.kept: deque[dict[str, Any]] = deque(maxlen=_KEPT)
        self._queues: set[asyncio.Queue[dict[str, Any]]] = set()

    def __call__(self, logger: Any, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        line = json.loads(json.dumps(dict(event), default=str))
        self.kept.append(line)
        for queue in tuple(self._queues):
            if queue.qsize() < _KEPT:
                queue.put_nowait(line)
        return event

    def begin(self) -> asyncio.Queue[dict[str, Any]]:
        """New lines from now on, until ``end``."""
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._queues.add(queue)
        return queue

    def end(self, queue: asyncio.Queue[dict[str, Any]]) -> None:
        self._queues.discard(queue)


follow = Follow()


def without_secrets(logger: Any, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A last net: members named like secrets are never written."""
    for key in event:
        if any(word in key.lower() for word in _SECRETS):
            event[key] = "…"
    return event


def printable(logger: Any, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """For lines of text: what people typed must not begin a line, colour it, or write to who reads it in a terminal."""
    for key, value in event.items():
        if isinstance(value, str) and key != "exception" and not value.isprintable():
            event[key] = "".join(
                letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in value
            )
    return event


def set_up(level: str, line_format: str) -> None:
    """``level`` is a name of logging's; ``line_format`` text or json."""
    escaped = [] if line_format == "json" else [printable]
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if line_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0)
    )
    before: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        without_secrets,
        follow,
    ]
    structlog.configure(
        processors=[*before, *escaped, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=_LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    # what libraries log goes the same way
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*before],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *escaped, renderer],
    ))  # fmt: skip
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("asyncssh").setLevel(logging.ERROR)


class _LoggerFactory:
    def __call__(self, *names: str) -> Any:
        return structlog.PrintLogger(sys.stderr)
