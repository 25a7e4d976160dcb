"""The end of a job's time, told in time to those who look at its session."""

from __future__ import annotations

from collections.abc import Callable

from portcall.clock import Clock
from portcall.model import job as states
from portcall.model import lifecycle
from portcall.model.profile import Profile
from portcall.model.session import Session
from portcall.session.connect import Connection


class Deadline:
    """Says each end once to each viewer, and takes it back where the scheduler gave the job more time."""

    def __init__(self, clock: Clock, profile: Callable[[str], Profile]) -> None:
        self._clock = clock
        self._profile = profile
        self._told: dict[str, float] = {}  # connection → the end that it was told of
        self._refused: dict[str, str] = {}  # session → what its scheduler said about more time

    def near(self, session: Session) -> float | None:
        """The end of its job's time, if that is to be told now."""
        job = session.job
        if job is None or job.ends_at is None or job.state in states.OVER or session.state not in lifecycle.CONNECTABLE:
            return None
        left = job.ends_at - self._clock.now()
        return job.ends_at if left <= self._profile(session.profile).warn_before else None

    def look(self, connection: Connection, session: Session) -> None:
        at = self.near(session)
        told = self._told.get(connection.id)
        if at is None:
            self._refused.pop(session.id, None)
            if told is not None:
                self.forget(connection)
                connection.say({"type": "warning-over"})
        elif told != at:
            self._told[connection.id] = at
            refused = self._refused.get(session.id)
            message = {"type": "warning", "kind": "job", "at": at, "extendable": refused is None}
            connection.say({**message, "detail": refused} if refused else message)

    def refuse(self, session: Session, words: str) -> None:
        """More time was asked for, and is not given; every viewer is told once more."""
        self._refused[session.id] = words
        self._told.clear()

    def forget(self, connection: Connection) -> None:
        """It is gone, or was told something else meanwhile."""
        self._told.pop(connection.id, None)

    def keep(self, living: set[str]) -> None:
        """Connections that are not there any more need not be remembered."""
        for gone in self._told.keys() - living:
            del self._told[gone]
