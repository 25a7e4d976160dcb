"""Inputs that functions were given lately, for trying a new version on them before it goes live."""

from __future__ import annotations

import functools
from collections import OrderedDict
from typing import Any

from portcall.clock import Clock
from portcall.errors import NotFound

_KEPT = 50  # of each kind
_SECRET = ("password", "passphrase", "secret", "token", "passwd", "credential")


class Recorded:
    """The last inputs of each kind, in memory, secrets left out; the servers are not kept with them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._inputs: dict[str, OrderedDict[str, dict[str, Any]]] = {}

    def add(self, kind: str, given: dict[str, Any], start: str) -> None:
        kept = self._inputs.setdefault(kind, OrderedDict())
        kept[start] = {"id": start, "at": self._clock.now(), "input": without_secrets(given)}
        kept.move_to_end(start)
        while len(kept) > _KEPT:
            kept.popitem(last=False)

    def list(self, kind: str) -> list[dict[str, Any]]:
        """Newest first."""
        return [*reversed(self._inputs.get(kind, OrderedDict()).values())]

    def get(self, kind: str, start: str) -> dict[str, Any]:
        found = self._inputs.get(kind, OrderedDict()).get(start)
        if found is None:
            raise NotFound(f"there is no recorded input {start} of this kind")
        given: dict[str, Any] = found["input"]
        return given


@functools.lru_cache(maxsize=4096)
def _is_secret(name: str) -> bool:
    """Mostly asked about the same few names: those of records, many times for each start."""
    return any(word in name.lower() for word in _SECRET)


def without_secrets(value: Any) -> Any:
    """A copy in which members named like secrets say only that there was one."""
    if isinstance(value, dict):
        return {key: "…" if _is_secret(str(key)) else without_secrets(item) for key, item in value.items()}
    return [without_secrets(item) for item in value] if isinstance(value, list) else value
