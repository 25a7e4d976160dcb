"""A job: what a scheduler or a container engine knows of a session that it is to bring up, or has brought up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import List, Optional

QUEUED, HELD, STARTING, RUNNING, ENDING = "queued", "held", "starting", "running", "ending"
DONE, FAILED, CANCELLED, UNKNOWN = "done", "failed", "cancelled", "unknown"
STATES = (QUEUED, HELD, STARTING, RUNNING, ENDING, DONE, FAILED, CANCELLED, UNKNOWN)
OVER = frozenset({DONE, FAILED, CANCELLED})


@dataclass(frozen=True)
class Job:
    """``launcher`` names whose job it is. Times are seconds since 1970; ``said`` is the scheduler's own word for the
    state, ``place`` the place in the queue (1 is next), ``starts_from`` and ``starts_to`` the interval in which it is
    expected to start, ``started`` when it began to run, ``ends_at`` the end of its time, ``seen`` when the scheduler
    was last heard about it. ``log`` is the file, as its user sees it, that its output goes to.
    """

    launcher: str
    id: str = ""
    state: str = UNKNOWN
    said: str = ""
    reason: str = ""
    queue: str = ""
    place: Optional[int] = None
    starts_from: Optional[float] = None
    starts_to: Optional[float] = None
    ends_at: Optional[float] = None
    hosts: List[str] = field(default_factory=list)
    exit_code: Optional[int] = None
    submitted: Optional[float] = None
    seen: Optional[float] = None
    log: str = ""
    started: Optional[float] = None
