"""What administrators write beside forms and bookmarks: functions, chains of balancing, static data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List

JAVASCRIPT, PYTHON, EXECUTABLE = "javascript", "python", "executable"
ENGINES = (JAVASCRIPT, PYTHON, EXECUTABLE)
LOGIN, START = "login", "start"


@dataclass(frozen=True)
class FunctionDocument:
    """``kind`` is a row of model.function; ``source`` is code, or the path of a Python module or program.

    ``on`` names the actions of an event function; empty: all of its kind. Of form filter, server list, schedule, start
    and schedule event the enabled one with the lowest ``position`` is used; of events all enabled ones, in order.
    """

    id: str
    kind: str
    name: str
    source: str
    engine: str = JAVASCRIPT
    description: str = ""
    enabled: bool = True
    position: int = 0
    on: List[str] = field(default_factory=list)
    every: float = 30.0
    unknown: Dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Chain:
    """``id`` is login or start. A step is a shipped policy's name, or ``function:ID``. ``prefilter`` is a query on
    server fields (cluster.query) that a server must fulfil before the first step."""

    id: str
    steps: List[str] = field(default_factory=list)
    prefilter: Dict[str, Any] = field(default_factory=dict)
    unknown: Dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StaticData:
    """An administrator's words about one server, by its id."""

    id: str
    data: Dict[str, Any] = field(default_factory=dict)
    unknown: Dict[str, Any] = field(default_factory=dict)


DEFAULT_CHAINS = {
    LOGIN: Chain(LOGIN, ["fewest_sessions"]),
    START: Chain(START, ["user_selection", "fewest_sessions"]),
}
FUNCTION_STEP = "function:"
