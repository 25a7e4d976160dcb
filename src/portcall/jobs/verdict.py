"""What a job's state means for its session: purely, from what is known of both."""

from __future__ import annotations

from dataclasses import replace

from portcall.model import job as states
from portcall.model import lifecycle
from portcall.model.job import Job
from portcall.model.session import Session

GRACE = 30.0  # seconds that a session may still call in after its job was over, or not known any more
# what session processes say where they do not know whose doing it was
FROM_OUTSIDE = ("the process that followed it ended", "its session process was told to end")
_NEAR = 60.0  # seconds by which an expected start may change without being news


def called_in(session: Session) -> bool:
    return bool(session.hostname)


def patience(session: Session, job: Job, gone: bool) -> float:
    """How long a session may still call in, from when its job was first seen to be over; one that is gone has been
    looked for as long before."""
    failed = job.state in (states.FAILED, states.CANCELLED) and not called_in(session)
    if gone or failed or session.state == lifecycle.ENDING:
        return 0.0
    return GRACE


def reason(session: Session, job: Job, gone: bool, title: str) -> str:
    """Why a session is over, for its user to read."""
    name = f"The job {job.id}"
    late = "" if called_in(session) else " before its session called in"
    if gone and job.state not in states.OVER:
        return f"{name} is not known to {title} any more, and its session does not answer."
    if job.state == states.CANCELLED:
        return f"{name} was cancelled{late}."
    if job.reason:
        return f"{name} was ended{late}: {job.reason}."
    if job.exit_code is not None:
        return f"{name} ended with exit code {job.exit_code}{_signal(job.exit_code)}{late}."
    return f"{name} ended{late}."


def ended_by_scheduler(session: Session, job: Job) -> bool:
    """Whether it was the scheduler's doing, or somebody's who told it to, and not the session's; or that of whoever
    killed the job's own process, which the session can only say has ended."""
    killed = bool(_signal(job.exit_code)) and session.reason in FROM_OUTSIDE
    return job.state == states.CANCELLED or (job.state == states.FAILED and (bool(job.reason) or killed))


def _signal(code: int | None) -> str:
    """As shells count those that are killed."""
    return f" (killed by signal {code - 128})" if code is not None and 128 < code <= 128 + 64 else ""


def unsettled(session: Session, job: Job) -> bool:
    """Whether one of the two is ahead of the other: the next answer will tell more."""
    if session.state == lifecycle.ENDED:
        return job.state not in states.OVER
    return session.state in lifecycle.CONNECTABLE and job.state in (states.QUEUED, states.HELD, states.STARTING)


def merged(before: Job, now: Job) -> Job:
    """What the scheduler says now, with what only the submission knew."""
    return replace(
        now, launcher=before.launcher, id=before.id or now.id, submitted=before.submitted or now.submitted,
        log=before.log or now.log, seen=before.seen,
    )  # fmt: skip


def news(before: Job, now: Job) -> bool:
    """Whether anybody would want to know: an expected start that moves by seconds is none."""
    if _near(before.starts_from, now.starts_from) and _near(before.starts_to, now.starts_to):
        now = replace(now, starts_from=before.starts_from, starts_to=before.starts_to)
    return replace(now, seen=before.seen) != before


def _near(before: float | None, now: float | None) -> bool:
    if before is None or now is None:
        return before is now
    return abs(before - now) < _NEAR
