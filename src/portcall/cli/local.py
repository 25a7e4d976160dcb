"""Own sessions of this host without a server: what the session daemons say, in the shape of the server's client."""

from __future__ import annotations

import importlib
from typing import Any

from portcall.errors import InvalidValue, NoSuchSession
from portcall.model import codec
from portcall.model.session import Session
from portcall.wire import messages


class Local:
    """The sessions of who calls, on this host; nobody else's can be asked for."""

    def __init__(self) -> None:
        self._daemons: Any = importlib.import_module("portcall.sessiond.local")

    def sessions(self, everybody: bool = False, state: str = "") -> list[Session]:
        found: list[Session] = self._daemons.list()
        return [one for one in found if not state or one.state == state]

    def session(self, session_id: str) -> Session:
        for one in self.sessions():
            if one.id == session_id:
                return one
        raise NoSuchSession(f"There is no session {session_id!r} of yours on this host.")

    def change(self, session_id: str, name: str | None = None, params: dict[str, Any] | None = None) -> Session:
        answer = self._call(session_id, lambda seq: messages.ChangeSession(seq, name, params or {}))
        return codec.from_document(Session, {**codec.to_document(self.session(session_id)), **answer})

    def terminate(self, session_id: str) -> Session:
        self._call(session_id, lambda seq: messages.EndSession(seq, "ended from the command line"))
        return self.session(session_id)

    def log(self, session_id: str, size: int | None = None) -> dict[str, Any]:
        return self._call(
            session_id, lambda seq: messages.ReadLog(seq) if size is None else messages.ReadLog(seq, size)
        )

    def purge(self, session_id: str) -> None:
        raise InvalidValue(f"Only a server purges: {session_id} can be ended with portcall terminate.")

    def _call(self, session_id: str, make: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._daemons.call(session_id, make)
        return answer
