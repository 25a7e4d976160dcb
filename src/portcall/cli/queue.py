"""Sessions that wait in a queue: in words, and followed until they run."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import click

from portcall.cli import output
from portcall.errors import StartFailed
from portcall.model import job as states
from portcall.model import lifecycle
from portcall.model.session import Session

if TYPE_CHECKING:
    from portcall.client.api import Client

_EVERY = 2.0  # seconds; the server asks the scheduler, we ask the server


def words(one: Session) -> str:
    """The job of a session, on one line; empty where it has none."""
    job = one.job
    if job is None:
        return ""
    name = f"{job.launcher} {job.id}".rstrip()
    if one.state != lifecycle.PENDING:
        left = f", until {output.moment(job.ends_at)}" if job.ends_at and one.state in lifecycle.LIVE else ""
        return f"{name} {job.state}{left}"
    told = [f"{name} {job.state}"]
    if job.place is not None:
        told.append(f"place {job.place}")
    if job.reason:
        told.append(job.reason)
    if job.starts_to:
        told.append(f"starts by {output.moment(job.starts_to)}")
    if job.state == states.UNKNOWN and job.seen:
        told.append(f"not heard of since {output.moment(job.seen)}")
    return ", ".join(told)


def follow(client: Client, session_id: str) -> Session:
    """The session once it runs, however long that takes; what changes meanwhile is told on standard error.

    StartFailed where it ended instead. An interrupt leaves it in the queue.
    """
    pause, told = threading.Event(), ""
    while True:
        session = client.session(session_id)
        if session.state in lifecycle.CONNECTABLE:
            return session
        if session.state == lifecycle.ENDED:
            raise StartFailed(session.reason or "It ended before it ran.", log=session.message or "")
        now = output.neutral(words(session))
        if now != told:
            told = now
            click.echo(f"portcall: {session.state}: {now}", err=True)
        pause.wait(_EVERY)
