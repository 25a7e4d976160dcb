"""People: the Linux account, and the login of a person on a server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional


@dataclass(frozen=True)
class Account:
    """A Linux account as the host's name service gives it."""

    name: str
    uid: int
    gid: int
    home: str
    shell: str
    groups: List[str] = field(default_factory=list)


@dataclass(frozen=True)
class Login:
    """A person logged in on a server; the names of the first six are those of JWT (RFC 7519 4.1).

    ``aud`` is ``web`` (a browser's cookie), ``api`` (a token of the CLI or of a script) or ``link`` (a link daemon's).
    The token itself is never kept, only these claims. ``name`` labels an API token.
    """

    sub: str
    iss: str
    iat: float
    exp: float
    aud: str
    jti: str
    method: str = ""
    level: str = "full"
    address: str = ""
    name: str = ""
    last_seen: Optional[float] = None
    unknown: Dict[str, Any] = field(default_factory=dict)

    @property
    def link(self) -> bool:
        return self.aud == "link"

    def within(self, groups: List[str]) -> Optional[List[str]]:
        """These groups of its user, for what is some groups' alone; None: an administrator, whom none keeps out."""
        return None if self.level == "admin" else groups
