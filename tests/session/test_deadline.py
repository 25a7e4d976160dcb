"""The end of a job's time, as those who look at its session are told of it."""

from __future__ import annotations

from typing import Any

from portcall.model.job import DONE, RUNNING, Job
from portcall.model.profile import Profile
from portcall.model.session import Session
from portcall.session.connect import Connection
from portcall.session.deadline import Deadline
from portcall.testing.time import VirtualClock


class Viewer:
    """``said`` is what it was told. ``session`` is looked at with an end so many seconds from now."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.deadline = Deadline(self.clock, lambda _: Profile("default", warn_before=120))
        self.said: list[Any] = []
        self.connection = Connection(
            "v", "s", "ann", "jti", "", 0.0, 0.0, close=lambda code, why: None, say=self.said.append
        )

    def session(self, left: float | None, **members: Any) -> Session:
        ends = None if left is None else self.clock.now() + left
        job = Job("slurm", "7", members.pop("of_job", RUNNING), ends_at=ends)
        return Session("s", "here", "ann", "ann", "xterm", **{"state": "running", "job": job, **members})

    def looks(self, left: float | None, **members: Any) -> list[Any]:
        """What it is told now."""
        self.said.clear()
        self.deadline.look(self.connection, self.session(left, **members))
        return self.said


def test_an_end_that_is_near_is_told_once_with_its_time() -> None:
    viewer = Viewer()
    assert viewer.looks(121) == []
    at = viewer.clock.now() + 119
    assert viewer.looks(119) == [{"type": "warning", "kind": "job", "at": at, "extendable": True}]
    assert viewer.looks(119) == []


def test_more_time_takes_the_warning_back() -> None:
    viewer = Viewer()
    viewer.looks(60)
    assert viewer.looks(3600) == [{"type": "warning-over"}]
    assert viewer.looks(3600) == []


def test_a_refusal_is_told_in_the_schedulers_words() -> None:
    viewer = Viewer()
    viewer.looks(60)
    viewer.deadline.refuse(viewer.session(60), "Access denied")
    (message,) = viewer.looks(60)
    assert (message["extendable"], message["detail"]) == (False, "Access denied")
    viewer.looks(3600)  # an administrator gave it more time
    (message,) = viewer.looks(60)
    assert (message["extendable"], "detail" in message) == (True, False)


def test_what_has_no_end_or_has_ended_is_not_warned_of() -> None:
    viewer = Viewer()
    assert viewer.looks(None) == []
    assert viewer.looks(60, of_job=DONE) == []
    assert viewer.looks(60, state="ending") == []
    assert viewer.looks(60, job=None) == []


def test_who_is_gone_is_forgotten() -> None:
    viewer = Viewer()
    viewer.looks(60)
    viewer.deadline.keep(set())
    assert len(viewer.looks(60)) == 1
