"""Steps B3 to B7 of a start: what administrators configure. Each writes to the trace, configured or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from portcall.errors import StartsDisabled
from portcall.model.start import StartRequest
from portcall.start.trace import Trace

NOTHING = "nothing configured"


@dataclass(frozen=True)
class Placement:
    server_id: str


def form_filter(request: StartRequest, trace: Trace) -> None:
    """B3: the form that remains to be answered, or None."""
    trace.step("form filter", NOTHING, given=request.params)


def server_list(request: StartRequest, trace: Trace) -> None:
    """B4: the form to choose a server with, or None."""
    trace.step("server list", NOTHING)


def schedule(request: StartRequest, trace: Trace) -> str:
    """B5: the launcher."""
    trace.step("schedule", "direct", NOTHING)
    return "direct"


def event(request: StartRequest, launcher: str, trace: Trace) -> StartRequest:
    """B6: exactly one of the Start and the Schedule event; may change the request or refuse it."""
    trace.step("start event" if launcher == "direct" else "schedule event", NOTHING)
    return request


def balance(servers: list[dict[str, Any]], trace: Trace) -> Placement:
    """B7: the server; each one is in the trace with the rule and figure that kept or dropped it."""
    rows = [
        {
            "serverId": server["serverId"],
            "kept": bool(server["startsEnabled"]),
            "rule": "starts enabled",
            "figure": bool(server["startsEnabled"]),
        }
        for server in servers
    ]
    kept = [row for row in rows if row["kept"]]
    trace.step("load balancing", str(kept[0]["serverId"]) if kept else "no server", servers=rows)
    if not kept:
        raise StartsDisabled("No server takes new sessions at the moment.", servers=rows)
    return Placement(str(kept[0]["serverId"]))
