"""Own sessions of this host without a server: what the session daemons say, in the shape of the server's client."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from portcall.errors import InvalidValue, NoSuchSession
from portcall.model import codec, lifecycle
from portcall.model.session import Session
from portcall.sessiond import local
from portcall.wire import messages


class Local:
    """The sessions of who calls, on this host; nobody else's can be asked for."""

    def sessions(self, everybody: bool = False, state: str = "") -> list[Session]:
        return [one for one in local.list() if not state or one.state == state]

    def session(self, session_id: str) -> Session:
        if (one := local.read(session_id)) is None:
            raise NoSuchSession(f"There is no session {session_id!r} of yours on this host.")
        return one

    def change(self, session_id: str, name: str | None = None, params: dict[str, Any] | None = None) -> Session:
        answer = self._call(session_id, lambda seq: messages.ChangeSession(seq, name, params or {}))
        return codec.from_document(Session, {**codec.to_document(self.session(session_id)), **answer})

    def terminate(self, session_id: str) -> Session:
        before = self.session(session_id)
        self._call(session_id, lambda seq: messages.EndSession(seq, "It was ended from the command line."))
        # it may be gone already
        return local.read(session_id) or replace(before, state=lifecycle.ENDED)

    def log(self, session_id: str, size: int | None = None) -> dict[str, Any]:
        return self._call(session_id, lambda seq: messages.ReadLog(seq, size or messages.ReadLog(seq).size))

    def processes(self, session_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._call(session_id, messages.ListProcesses)["processes"]
        return found

    def purge(self, session_id: str) -> None:
        raise InvalidValue(f"Only a server purges. {session_id} can be ended: portcall terminate {session_id}")

    def _call(self, session_id: str, make: Callable[[int], Any]) -> dict[str, Any]:
        return local.call(session_id, make)
