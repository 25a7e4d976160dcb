"""Torque by itself, or with Maui: qsub, qstat, qdel, qalter."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import unescape

from portcall.launchers._batch import duration, mebibytes, moment, span, unique, whole
from portcall.launchers._qsub import IDS, Qsub
from portcall.launchers._xml import Unreadable, parse, pieces, value
from portcall.launchers.base import Found
from portcall.launchers.pbs import hosts, owner
from portcall.model import job as states
from portcall.model.job import Job
from portcall.model.launch import Host
from portcall.model.shown import printable
from portcall.model.start import Invocation, Output, StartOrder

_NAMED = r"<Job_Name>([^<]*)</Job_Name>\s*<Job_Owner>([^<]+)</Job_Owner>"
_ONE_BY_ONE = 50  # qstat asks for each id by itself; more jobs than that are asked for with all others, at once
DELETED = 271  # 256 and SIGTERM: qdel


class Torque(Qsub):
    name = "torque"
    title = "Torque"
    help = "a job of Torque"
    needs = ("PBS_DEFAULT", "PBS_SERVER_HOME", "TORQUEHOME")
    states = {  # noqa: RUF012
        "Q": states.QUEUED, "W": states.QUEUED, "T": states.QUEUED, "H": states.HELD, "R": states.RUNNING,
        "S": states.HELD, "E": states.ENDING, "C": states.DONE,
    }  # fmt: skip

    def invocation(self, order: StartOrder, host: Host) -> Invocation:
        return self.submission_of("qsub", resources(order), order, host)

    def query(self, ids: Sequence[str], names: Sequence[str]) -> Invocation:
        known = self.known(ids)
        return self.question("qstat", "-x", *(() if names or len(known) > _ONE_BY_ONE else known))

    def found(self, output: Output) -> list[Found]:
        self.answered(output)
        text = output.stdout.strip()
        if text and not text.endswith(("</Data>", "<Data/>")):  # nothing at all is what some versions say for no jobs
            raise self.silent(output)
        return unique(one for one in map(self._job, pieces(text, "Job")) if one is not None)

    def _job(self, piece: str) -> Found | None:
        try:
            job = parse(piece)
        except Unreadable:  # values are not always escaped
            return self._unreadable(piece)
        number = value(job, "Job_Id")
        if not IDS.fullmatch(number):
            return None
        said, exit_code = value(job, "job_state"), whole(value(job, "exit_status"))
        state = self.state(said)
        if state == states.DONE:
            state = _end(exit_code)
        started, limit = moment(value(job, "start_time")), duration(value(job, "Resource_List/walltime"))
        runs = state == states.RUNNING
        return Found(Job(
            self.name, number, state, printable(said), "" if runs else printable(value(job, "comment")),
            printable(value(job, "queue")), started=started,
            ends_at=started + limit if runs and started and limit else None, hosts=hosts(value(job, "exec_host")),
            exit_code=exit_code if state in states.OVER else None, submitted=moment(value(job, "ctime")),
        ), value(job, "Job_Name"), owner(value(job, "Job_Owner")))  # fmt: skip

    def _unreadable(self, piece: str) -> Found | None:
        """Without its owner it is nobody's by its name: somebody may have called it like another's on purpose."""
        match = re.match(r"<Job>\s*<Job_Id>([^<]*)</Job_Id>(?:\s*" + _NAMED + ")?", piece)
        if match is None or not IDS.fullmatch(match.group(1)):
            return None
        number, name, user = (unescape(part or "") for part in match.groups())
        return Found(Job(self.name, number, states.UNKNOWN), name, owner(user))

    def extend(self, job: Job, until: float) -> Invocation | None:
        """Torque lets managers and operators give a job that runs more time; others get its refusal to read."""
        if job.started is None or not self.known([job.id]):
            return None
        return self.command("qalter", "-l", f"walltime={span(until - job.started)}", job.id)


def resources(order: StartOrder) -> list[str]:
    """The words of qsub, and of Moab's msub, for what an order asks for."""
    given, words = order.options, []
    if given.get("cores") or given.get("gpus"):
        gpus = f":gpus={given['gpus']}" if given.get("gpus") else ""
        words += ["-l", f"nodes=1:ppn={given.get('cores') or 1}{gpus}"]
    if given.get("memory"):
        words += ["-l", f"mem={mebibytes(given['memory'])}mb"]
    if given.get("time"):
        words += ["-l", f"walltime={span(given['time'])}"]
    return words


def _end(exit_code: int | None) -> str:
    if exit_code is None or exit_code == DELETED:
        return states.CANCELLED
    return states.DONE if exit_code == 0 else states.FAILED


IMPLEMENTATION = Torque
