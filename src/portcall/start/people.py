"""The person who asks, as administrators' functions see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from portcall.model.user import Login

_CLAIMS = ("sub", "iss", "iat", "exp", "aud", "jti")  # never the token


@dataclass(frozen=True)
class Person:
    """``sessions`` are the documents of those of the login name."""

    login: Login
    groups: tuple[str, ...] = ()
    sessions: tuple[dict[str, Any], ...] = ()

    @property
    def is_admin(self) -> bool:
        return self.login.level == "admin"

    @property
    def is_manager(self) -> bool:
        return self.login.level in ("manager", "admin")

    def document(self) -> dict[str, Any]:
        """The login object: claims, ``login``, ``serverId``, ``sessions``, and ``fastx/daemon`` for a link's."""
        document: dict[str, Any] = {name: getattr(self.login, name) for name in _CLAIMS}
        document["login"] = self.login.sub
        document["serverId"] = self.login.iss
        document["sessions"] = [{**session} for session in self.sessions]
        if self.login.link:
            document["fastx/daemon"] = True
        return document

    def standing(self) -> dict[str, Any]:
        """``userGroups``, ``isAdmin``, ``isManager``."""
        return {"userGroups": list(self.groups), "isAdmin": self.is_admin, "isManager": self.is_manager}
