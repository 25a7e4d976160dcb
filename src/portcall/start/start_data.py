"""A start request as administrators' functions see it, and what they may change of it."""

from __future__ import annotations

from typing import Any

from portcall.model import codec
from portcall.model.start import StartRequest

_CHANGEABLE = frozenset({
    "command", "geometry", "name", "params", "profile", "keyboardLayout", "bookmarkId", "userdata", "userid",
})  # fmt: skip


def start_data(request: StartRequest) -> dict[str, Any]:
    """The start object; the idempotency key and the like are the client's and ours."""
    document: dict[str, Any] = codec.to_document(request)
    ours = ("key", "answered", "notices", "review", "launcher", "launcherOptions")
    return {name: value for name, value in document.items() if value is not None and name not in ours}


def changeable(data: dict[str, Any]) -> dict[str, Any]:
    """What an event may change of a start; anything else that it returns is not the start's."""
    return {name: value for name, value in data.items() if name in _CHANGEABLE and value is not None}
