"""A session: an X display with its command."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Optional

from portcall.model import lifecycle
from portcall.model.job import Job


@dataclass(frozen=True)
class Session:
    """One document, written by the server that the session runs on. Times are seconds since 1970, memory is bytes.

    ``login`` is who it belongs to, ``user`` the Linux account it runs as. ``params`` are written by users: nothing
    here is decided by them. ``cause`` is the code of the error (``errors.py``) that it is over by, where it has
    one, and ``terminated`` where that was asked for; ``reason`` says it in words. ``origin`` is ``pipeline`` (a
    signed order) or ``hand`` (typed at a shell). ``looked_by`` is who else, a manager, last looked at its screen:
    for its user to see.
    """

    id: str
    server_id: str
    login: str
    user: str
    command: str
    state: str = lifecycle.PENDING
    hostname: str = ""
    display: Optional[str] = None
    geometry: str = ""
    window_mode: str = "desktop"
    name: str = ""
    params: Dict[str, Any] = field(default_factory=dict)
    profile: str = "default"
    keyboard_layout: str = "us"
    created: float = 0.0
    started: Optional[float] = None
    ended: Optional[float] = None
    last_connect: Optional[float] = None
    last_disconnect: Optional[float] = None
    clients: int = 0
    launcher: str = "direct"
    job: Optional[Job] = None
    cpu_percentage: float = 0.0
    memory: int = 0
    bytes_out: int = 0
    open_gl: str = ""
    origin: str = "pipeline"
    reason: Optional[str] = None
    cause: Optional[str] = None
    exit_code: Optional[int] = None
    message: Optional[str] = None
    ends_at: Optional[float] = None
    looked_by: Optional[str] = None
    looked_at: Optional[float] = None
    unknown: Dict[str, Any] = field(default_factory=dict)
