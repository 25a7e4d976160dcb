"""The life of a session: one table, state × signal.

A pair that is not in the table is an illegal step. ``pending``: known, its display not yet alive. ``running``: alive.
``suspended``: alive, all viewers have left. ``ending``: asked to end. ``ended``: over. ``lost``: not heard from though
it should be. There is no ``if`` about states anywhere else; code asks ``after``, ``may`` or the sets below.
"""

from __future__ import annotations

from typing import Dict

from portcall.errors import Conflict

PENDING, RUNNING, SUSPENDED = "pending", "running", "suspended"
ENDING, ENDED, LOST = "ending", "ended", "lost"

READY = "ready"  # its display is alive and its command was started
VIEWED = "viewed"  # a viewer came
LEFT = "left"  # the last viewer left
ASKED = "asked"  # somebody asked it to end
OVER = "over"  # it says, or we saw, that it is over
SILENT = "silent"  # it should be heard from, and is not
HEARD = "heard"  # it is heard from (again)

TABLE: Dict[str, Dict[str, str]] = {
    PENDING: {READY: RUNNING, ASKED: ENDING, OVER: ENDED, HEARD: PENDING, SILENT: PENDING},
    RUNNING: {
        READY: RUNNING, VIEWED: RUNNING, LEFT: SUSPENDED, ASKED: ENDING, OVER: ENDED, SILENT: LOST, HEARD: RUNNING,
    },
    SUSPENDED: {
        READY: SUSPENDED, VIEWED: RUNNING, LEFT: SUSPENDED, ASKED: ENDING, OVER: ENDED, SILENT: LOST, HEARD: SUSPENDED,
    },
    ENDING: {READY: ENDING, VIEWED: ENDING, LEFT: ENDING, ASKED: ENDING, OVER: ENDED, SILENT: LOST, HEARD: ENDING},
    # a session reported as failed or gone that calls in after all is there after all
    ENDED: {LEFT: ENDED, ASKED: ENDED, OVER: ENDED, SILENT: ENDED, HEARD: PENDING},
    LOST: {READY: RUNNING, HEARD: SUSPENDED, LEFT: LOST, ASKED: ENDING, OVER: ENDED, SILENT: LOST},
}  # fmt: skip

STATES = tuple(TABLE)
LIVE = frozenset({PENDING, RUNNING, SUSPENDED, ENDING, LOST})  # holds a seat
CONNECTABLE = frozenset({RUNNING, SUSPENDED})


def may(state: str, signal: str) -> bool:
    return signal in TABLE[state]


def after(state: str, signal: str) -> str:
    """The state after ``signal``; Conflict where the table has no such step."""
    try:
        return TABLE[state][signal]
    except KeyError:
        raise Conflict(f"a session that is {state} cannot be {signal}", state=state) from None
