"""PBS Professional and OpenPBS, 14 or newer: qsub, qstat, qdel, qalter."""

from __future__ import annotations

import re
from collections.abc import Sequence

from portcall.launchers._batch import clock, duration, mebibytes, span, unique, whole
from portcall.launchers._qsub import IDS, Qsub
from portcall.launchers.base import Found
from portcall.model import job as states
from portcall.model.job import Job
from portcall.model.launch import Host
from portcall.model.shown import printable
from portcall.model.start import Invocation, Output, StartOrder

_BETWEEN = "<|>"  # qstat puts a backslash before it where a value has it
_TERMINATED = 91  # substate of a job that somebody deleted while it ran
_BY_SIGNAL = 256  # an exit status above is that and the signal's number


class Pbs(Qsub):
    """``-F json`` would be read more easily. But with several ids it has been no JSON (openpbs pull request 585), has
    left out all but one job (issue 2672), and is broken by what is in the environment of anybody's job (1255, 2541).
    A job that is missing is one that has ended, so the answer has to be whole: ``-F dsv`` is a line for each job.
    """

    name = "pbs"
    title = "PBS"
    help = "a job of PBS Professional or OpenPBS"
    needs = ("PBS_CONF_FILE", "PBS_EXEC", "PBS_SERVER", "PBS_PRIMARY", "PBS_SECONDARY")
    states = {  # noqa: RUF012
        "Q": states.QUEUED, "W": states.QUEUED, "T": states.QUEUED, "H": states.HELD, "R": states.RUNNING,
        "B": states.RUNNING, "S": states.HELD, "U": states.HELD, "E": states.ENDING, "F": states.DONE,
        "X": states.DONE, "M": states.UNKNOWN,
    }  # fmt: skip

    def invocation(self, order: StartOrder, host: Host) -> Invocation:
        given, words = order.options, []
        chunk = [f"ncpus={given['cores']}"] if given.get("cores") else []
        chunk += [f"mem={mebibytes(given['memory'])}mb"] if given.get("memory") else []
        chunk += [f"ngpus={given['gpus']}"] if given.get("gpus") else []
        if chunk:
            words += ["-l", ":".join(["select=1", *chunk])]
        if given.get("time"):
            words += ["-l", f"walltime={span(given['time'])}"]
        return self.submission_of("qsub", words, order, host)

    def query(self, ids: Sequence[str], names: Sequence[str]) -> Invocation:
        """``-E``: one question to the PBS server, however many jobs; ``-x``: those too that have ended."""
        ask = ("qstat", "-x", "-f", "-E", "-F", "dsv", "-D", _BETWEEN)
        return self.question(*ask, *(() if names else self.known(ids)))

    def found(self, output: Output) -> list[Found]:
        self.answered(output)
        lines = [line for line in output.stdout.splitlines() if line.strip()]
        jobs = [self._job(line) for line in lines if line.startswith("Job Id: ")]
        if lines and (not jobs or not output.stdout.endswith("\n")):  # something else, or cut off
            raise self.silent(output)
        return unique(one for one in jobs if one is not None)

    def _job(self, line: str) -> Found | None:
        first, *rest = re.split(r"(?<!\\)" + re.escape(_BETWEEN), line)
        number = first.removeprefix("Job Id: ").strip()
        if not IDS.fullmatch(number):
            return None
        text: dict[str, str] = {}
        for part in rest:
            key, _, value = part.partition("=")
            text.setdefault(key.strip(), value.strip())
        said, exit_code = text.get("job_state", ""), whole(text.get("Exit_status", ""))
        state = self.state(said)
        if state == states.DONE:
            state = _end(exit_code, whole(text.get("substate", "")))
        started, limit = clock(text.get("stime", "")), duration(text.get("Resource_List.walltime", ""))
        runs, expected = state == states.RUNNING, None
        if state == states.QUEUED:
            expected = clock(text.get("estimated.start_time", ""))
        return Found(Job(
            self.name, number, state, printable(said), "" if runs else printable(text.get("comment", "")),
            printable(text.get("queue", "")),
            starts_from=clock(text.get("etime", "")) if expected else None, starts_to=expected,
            started=started, ends_at=started + limit if runs and started and limit else None,
            hosts=hosts(text.get("exec_host", "")), exit_code=exit_code if state in states.OVER else None,
            submitted=clock(text.get("ctime", "")),
        ), text.get("Job_Name", ""), owner(text.get("Job_Owner", "")))  # fmt: skip

    def extend(self, job: Job, until: float) -> Invocation | None:
        """PBS lets managers and operators give a job that runs more time; others get its refusal to read."""
        if job.started is None or not self.known([job.id]):
            return None
        return self.command("qalter", "-l", f"walltime={span(until - job.started)}", job.id)


def hosts(text: str) -> list[str]:
    """``n1/0*2+n2/1``"""
    names = (part.partition("/")[0].strip() for part in text.split("+"))
    return [printable(name) for name in dict.fromkeys(names) if name not in ("", "--")]


def owner(text: str) -> str:
    """Of ``USER@HOST``; users may have an ``@`` in their name."""
    return text.rpartition("@")[0] or text


def _end(exit_code: int | None, substate: int | None) -> str:
    if substate == _TERMINATED or exit_code is None or exit_code == _BY_SIGNAL + 15:
        return states.CANCELLED  # without an exit status it never ran
    return states.DONE if exit_code == 0 else states.FAILED


IMPLEMENTATION = Pbs
