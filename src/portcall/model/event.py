"""Events: facts that happened."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Optional


@dataclass(frozen=True)
class Event:
    """``kind`` is one of KINDS. ``login`` is whose it is (None: everybody's who may see ``kind``)."""

    kind: str
    id: str
    login: Optional[str] = None
    document: Dict[str, Any] = field(default_factory=dict)


SESSION = "session"  # a session was made or changed; the document is the session
SESSION_GONE = "session-gone"  # its record was purged
TRACE = "trace"  # a step of a start was written
LOGIN = "login"  # a login was made
LOGIN_GONE = "login-gone"  # a login ended or was revoked
SERVER = "server"  # a server's record changed
CONFIGURATION = "configuration"  # administrators' documents of one kind changed
KINDS = (SESSION, SESSION_GONE, TRACE, LOGIN, LOGIN_GONE, SERVER, CONFIGURATION)
