"""Inputs that functions were given lately, for trying a new version on them before it goes live."""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from portcall.clock import Clock
from portcall.errors import NotFound

Make = Callable[[], dict[str, Any]]
_KEPT = 50  # of each kind
_SECRET = (
    "password", "passphrase", "secret", "token", "passwd", "pwd", "credential", "cookie", "apikey", "api_key",
    "api-key", "privatekey", "private_key", "authorization",
)  # fmt: skip


class Recorded:
    """The last inputs of each kind, in memory; secrets are left out of what is given away. The servers are not kept."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._inputs: dict[str, OrderedDict[str, dict[str, Any]]] = {}

    def add(self, kind: str, make: Make, start: str) -> None:
        """``make`` gives the input, when somebody wants to see it."""
        kept = self._inputs.setdefault(kind, OrderedDict())
        kept[start] = {"id": start, "at": self._clock.now(), "make": make}
        kept.move_to_end(start)
        while len(kept) > _KEPT:
            kept.popitem(last=False)

    def list(self, kind: str) -> list[dict[str, Any]]:
        """Newest first."""
        kept = reversed(self._inputs.get(kind, OrderedDict()).values())
        return [{"id": entry["id"], "at": entry["at"], "input": without_secrets(entry["make"]())} for entry in kept]

    def get(self, kind: str, start: str) -> dict[str, Any]:
        found = self._inputs.get(kind, OrderedDict()).get(start)
        if found is None:
            raise NotFound(f"there is no recorded input {start} of this kind")
        given: dict[str, Any] = without_secrets(found["make"]())
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
