"""Moab, with Torque or another resource manager below: msub, showq, canceljob, mjobctl."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from xml.etree.ElementTree import Element

from portcall.launchers._batch import moment, span, unique, whole
from portcall.launchers._qsub import IDS, Qsub
from portcall.launchers._xml import Unreadable, parse
from portcall.launchers.base import Found
from portcall.launchers.torque import DELETED, resources
from portcall.model import job as states
from portcall.model.job import Job
from portcall.model.launch import Host
from portcall.model.shown import printable
from portcall.model.start import Invocation, Output, StartOrder

# Two lists, one command: what waits and runs, and what has ended. Nothing of anybody's is in it.
_QUESTION = "showq --xml && showq -c --xml"
_END = "</Data>"
_REMOVED = ("CNCLD", "REMOVED", "CANCELLED")


class Moab(Qsub):
    """A job may have an id of Moab's and one of the resource manager's; it is found by either."""

    name = "moab"
    title = "Moab"
    help = "a job of Moab"
    needs = ("MOABHOMEDIR", "MOABSERVER", "MOABPORT", "PBS_DEFAULT")
    states = {  # noqa: RUF012
        "Idle": states.QUEUED, "Deferred": states.QUEUED, "Migrated": states.QUEUED, "Staging": states.STARTING,
        "Staged": states.STARTING, "Hold": states.HELD, "UserHold": states.HELD, "SystemHold": states.HELD,
        "BatchHold": states.HELD, "Suspended": states.HELD, "Starting": states.STARTING, "Running": states.RUNNING,
        "Canceling": states.ENDING, "Completed": states.DONE, "Removed": states.CANCELLED,
        "Vacated": states.CANCELLED, "NotQueued": states.UNKNOWN, "Lost": states.UNKNOWN,
    }  # fmt: skip

    gone = re.compile(r"unknown job|cannot locate job|invalid job|Unknown Job|cannot find job", re.IGNORECASE)

    def invocation(self, order: StartOrder, host: Host) -> Invocation:
        return self.submission_of("msub", resources(order), order, host)

    def query(self, ids: Sequence[str], names: Sequence[str]) -> Invocation:
        return self.question("/bin/sh", "-c", _QUESTION)

    def found(self, output: Output) -> list[Found]:
        parts = output.stdout.split(_END)
        if output.code != 0 or len(parts) < 2 or parts.pop().strip():
            raise self.silent(output)
        try:
            lists = [parse(part[part.find("<Data") :] + _END) for part in parts]
        except Unreadable:
            raise self.silent(output) from None
        if {"active", "completed"} - {queue.get("option") for one in lists for queue in one.iter("queue")}:
            raise self.silent(output)  # one of the two is missing, and with it jobs that are there
        return unique(found for one in lists for queue in one.iter("queue") for found in self._jobs(queue))

    def _jobs(self, queue: Element) -> Iterator[Found]:
        option = queue.get("option", "")
        for index, element in enumerate(queue.iter("job")):
            job, name, user = self._job(element, option), element.get("JobName", ""), element.get("User", "")
            if option == "eligible":  # Moab lists them by priority
                job = replace(job, place=index + 1)
            for number in dict.fromkeys((element.get("JobID", ""), element.get("DRMJID", ""))):
                if IDS.fullmatch(number):
                    yield Found(replace(job, id=number), name, user)
                    name = ""  # by its name it is one job

    def _job(self, element: Element, option: str) -> Job:
        said, code = element.get("State", ""), element.get("CompletionCode", "")
        state, exit_code = self.state(said), whole(code)
        if state == states.DONE:
            failed = states.CANCELLED if exit_code == DELETED else states.FAILED
            state = states.CANCELLED if code.upper() in _REMOVED else failed if exit_code else states.DONE
        started, limit = moment(element.get("StartTime", "")), moment(element.get("ReqAWDuration", ""))
        reason = element.get("BlockReason") or ("blocked" if option == "blocked" else "")
        runs, host = state == states.RUNNING, printable(element.get("MasterHost", ""))
        return Job(
            self.name, "", state, printable(said), printable(reason), printable(element.get("Class", "")),
            started=started, ends_at=started + limit if runs and started and limit else None,
            hosts=[host] if host else [], exit_code=exit_code if state in states.OVER else None,
            submitted=moment(element.get("SubmissionTime", "")),
        )  # fmt: skip

    def cancel(self, job: Job) -> Invocation:
        return self.command("canceljob", *self.known([job.id]))

    def extend(self, job: Job, until: float) -> Invocation | None:
        """Moab lets administrators do that; others get its refusal to read."""
        if job.started is None or not self.known([job.id]):
            return None
        return self.command("mjobctl", "-m", f"reqawduration={span(until - job.started)}", job.id)


IMPLEMENTATION = Moab
