"""The contract of a launcher: it builds commands and reads what they printed; it never runs anything."""

from __future__ import annotations

import posixpath
import shlex
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from portcall.model import codec
from portcall.model.job import Job
from portcall.model.launch import Host, weblink_environment
from portcall.model.option import Option
from portcall.model.start import Invocation, Outcome, Output, StartOrder, start_object

_LOG_END = 65_536  # bytes
_LOG_WITHIN = 10.0  # seconds; a pipe of that name is never at its end


class Launcher(ABC):
    """All methods are pure: the same input gives the same output, and nothing is touched.

    Running as the right user, time limits and killing are done elsewhere, for all launchers alike. ``options`` are what
    administrators, bookmarks, the schedule function and, where allowed, forms may set; they come checked in
    ``order.options``. ``needs`` names variables without which its commands do not find their site, ``site`` has those
    that the server's environment or ``fastx.env`` has; who found the launcher gave it that.
    """

    name: str
    title: str
    help: str = ""
    options: tuple[Option, ...] = ()
    needs: tuple[str, ...] = ()
    site: Mapping[str, str] = MappingProxyType({})
    schedules = True  # it runs a command, and the session comes up later, by itself

    def check(self, options: Mapping[str, Any]) -> None:  # noqa: B027  (most can do with any)
        """InvalidValue where no start could be made with these."""

    @abstractmethod
    def invocation(self, order: StartOrder, host: Host) -> Invocation:
        """What is to be run for this order. An empty ``argv`` lets the link start the session itself."""

    @abstractmethod
    def outcome(self, order: StartOrder, output: Output) -> Outcome:
        """What the output means; raises StartFailed with the user's text where it means failure."""


@dataclass(frozen=True)
class Found:
    """What a scheduler says of one job; ``name`` is the job's, as ``job_name`` gave it, ``user`` whose it is, where the
    scheduler says so: a job of another user's is not the one that was asked for."""

    job: Job
    name: str = ""
    user: str = ""


class Scheduler(Launcher):
    """A launcher whose sessions come up later, as jobs that can be asked about and cancelled."""

    poll = 10.0  # seconds between two questions, at least; one question is about all jobs
    users_extend = False  # people may give their own jobs more time; else managers of the scheduler alone
    sees_all = False  # the service is shown every job: whom it belongs to need not be asked for one that is missing

    def job_name(self, session_id: str) -> str:
        """By which a job can be found where its id was never heard. No two sessions have the same."""
        return f"portcall-{session_id}"

    def log_file(self, session_id: str) -> str:
        """Where the job's output goes, below its user's home."""
        return f".local/state/portcall/jobs/{session_id}.log"

    def script(self, order: StartOrder, host: Host) -> str:
        """The job: becomes the session wherever it runs, and lasts as long. Nothing of it is in anybody's argv.

        No line of it begins with what a user typed: schedulers look for options of theirs in the lines of a job. It
        opens its log itself: the folder need not be there, and the log can be read while the job runs.
        """
        log = posixpath.join(host.account.home, self.log_file(order.id))
        folder, log = shlex.quote(posixpath.dirname(log)), shlex.quote(log)
        opened = f"(umask 077; mkdir -p {folder} && : >>{log}) && exec >>{log} 2>&1"
        variables = [f"{name}={shlex.quote(value)}; export {name}" for name, value in weblink_environment(host).items()]
        command = shlex.join([host.python, "-I", "-S", "-E", host.session_file, "start-weblink", "--cli", "--json=0"])
        return "\n".join(["#!/bin/sh", opened, *variables, f"exec {command} <<'END-OF-ORDER'",
                          codec.dumps(start_object(order)), "END-OF-ORDER", ""])  # fmt: skip

    @abstractmethod
    def query(self, ids: Sequence[str], names: Sequence[str]) -> Invocation:
        """One command, of the service user, about all these jobs: by id, or by name where the ids are not known. One of
        the two is empty."""

    @abstractmethod
    def found(self, output: Output) -> list[Found]:
        """The jobs that the output speaks of. A job that it does not speak of is gone, unless SchedulerSilent is
        raised: the scheduler did not answer, and nothing is known. What cannot be read is state unknown."""

    @abstractmethod
    def cancel(self, job: Job) -> Invocation:
        """Cancels the job, as its user."""

    def cancelled(self, output: Output) -> bool:
        """Whether that was done: so it was where the job is gone already."""
        return output.code == 0

    def log(self, job: Job) -> Invocation | None:
        """Prints the end of what the job has printed, as its user; None where nobody knows where that is."""
        return Invocation(("tail", "-c", str(_LOG_END), "--", job.log), timeout=_LOG_WITHIN) if job.log else None

    def became(self, job: Job) -> Invocation | None:
        """Asks, as the service, what became of a job that is not known any more; None where nobody would know."""
        return None

    def ended(self, job: Job, output: Output) -> Job:
        """The job as ``became``'s output has it; as it was where that does not say."""
        return job

    def tidy(self) -> Invocation | None:
        """Removes what ended while no server was there for it; run when a server begins. None where nothing stays."""
        return None

    def extend(self, job: Job, until: float) -> Invocation | None:
        """Lets the job run until then, as its user; None where this scheduler cannot."""
        return None
