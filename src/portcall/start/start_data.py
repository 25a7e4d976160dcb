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


def differing(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The members of the start object that are not as they were, each param by its name."""
    names = [name for name in {**before, **after} if name != "params" and before.get(name) != after.get(name)]
    old, new = before.get("params") or {}, after.get("params") or {}
    return names + [
        f"params.{key}" for key in {**old, **new} if (key in old, old.get(key)) != (key in new, new.get(key))
    ]


def changeable(data: dict[str, Any]) -> dict[str, Any]:
    """What an event may change of a start; anything else that it returns is not the start's."""
    return {name: value for name, value in data.items() if name in _CHANGEABLE and value is not None}
