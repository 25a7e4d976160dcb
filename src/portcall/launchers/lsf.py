"""IBM Spectrum LSF, 10.1 or newer: bsub, bjobs, bkill, bmod."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any

from portcall.launchers._batch import Batch, clock, mebibytes, unique, whole
from portcall.launchers.base import Found
from portcall.model import job as states
from portcall.model.job import Job
from portcall.model.launch import Host
from portcall.model.shown import printable
from portcall.model.start import Invocation, Output, StartOrder

_FIELDS = (
    "jobid stat user job_name queue exec_host submit_time start_time finish_time estimated_start_time pend_reason"
    " exit_code exit_reason"
)
_NONE = 255  # exit code for jobs that are not there, and for much else
_CANCELLED = ("TERM_OWNER", "TERM_ADMIN", "TERM_FORCE_OWNER", "TERM_FORCE_ADMIN", "TERM_REMOVE_HUNG_JOB")


class Lsf(Batch):
    """The service user must be let see everybody's jobs (``SECURE_JOB_INFO_LEVEL``). ``-env none``: the job begins
    with nothing but what LSF sets."""

    name = "lsf"
    title = "LSF"
    help = "a job of IBM Spectrum LSF"
    users_extend = True
    needs = ("LSF_ENVDIR", "LSF_BINDIR", "LSF_SERVERDIR", "LSF_LIBDIR")
    submitted = re.compile(r"Job <([0-9]+)> is submitted")
    ids = re.compile(r"[0-9]{1,19}")
    gone = re.compile(
        r"Job(?: array)? <[^>]*>:? (?:is not found|Job has already finished|No matching job found)"
        r"|No (?:unfinished |matching )?job found"
    )
    away = re.compile(
        r"Cannot connect to LSF|LSF is down|mbatchd|Communication time ?out|not responding", re.IGNORECASE
    )
    states = {  # noqa: RUF012
        "PEND": states.QUEUED, "WAIT": states.QUEUED, "FWD_PEND": states.QUEUED, "PSUSP": states.HELD,
        "PROV": states.STARTING, "RUN": states.RUNNING, "USUSP": states.HELD, "SSUSP": states.HELD,
        "DONE": states.DONE, "EXIT": states.FAILED, "ZOMBI": states.ENDING, "UNKWN": states.UNKNOWN,
    }  # fmt: skip

    def invocation(self, order: StartOrder, host: Host) -> Invocation:
        given, words = order.options, ["bsub", "-env", "none", "-o", "/dev/null"]
        if given.get("queue"):
            words += ["-q", given["queue"]]
        if given.get("time"):
            words += ["-W", str(math.ceil(given["time"] / 60))]
        if given.get("cores"):
            words += ["-n", str(given["cores"]), "-R", "span[hosts=1]"]
        if given.get("memory"):
            size = f"{mebibytes(given['memory'])}MB"
            words += ["-M", size, "-R", f"rusage[mem={size}]"]
        if given.get("gpus"):
            words += ["-gpu", f"num={given['gpus']}"]
        if given.get("account"):
            words += ["-P", given["account"]]
        return self.submission(words, order, host)

    def named(self, name: str) -> Sequence[str]:
        return ("-J", name)

    def query(self, ids: Sequence[str], names: Sequence[str]) -> Invocation:
        ask = ("bjobs", "-a", "-u", "all", "-json", "-o", _FIELDS)
        # ids and names cannot be asked for together; all of ours have this name
        return self.question(*ask, *(("-J", self.job_name("*")) if names else self.known(ids)))

    def found(self, output: Output) -> list[Found]:
        before, begin, rest = output.stdout.partition("{")
        try:
            records = json.JSONDecoder().raw_decode(begin + rest)[0]["RECORDS"] if begin else None
        except (ValueError, KeyError, TypeError, RecursionError):
            raise self.silent(output) from None
        # before the answer it may have said, any number of times, that it cannot connect yet
        said = [line for line in f"{before}\n{output.stderr}".splitlines() if line.strip()]
        none = bool(said) and all(self.gone.search(line) or self.away.search(line) for line in said)
        if output.code not in (0, _NONE) or (output.code != 0 and not none):
            raise self.silent(output)
        if not isinstance(records, list):
            if none and self.gone.search(said[-1]):
                return []
            raise self.silent(output)
        jobs = (self._job(record, output.at) for record in records if isinstance(record, dict))
        return unique(one for one in jobs if one is not None)

    def _job(self, record: dict[str, Any], at: float) -> Found | None:
        text = {key: value.strip() for key, value in record.items() if isinstance(value, str)}
        number = text.get("JOBID", str(record.get("JOBID", "")))
        if not self.ids.fullmatch(number) or text.get("ERROR"):
            return None
        said, why = text.get("STAT", ""), printable(text.get("EXIT_REASON", ""))
        state = self.state(said)
        if state == states.FAILED and why.startswith(_CANCELLED):
            state = states.CANCELLED
        waits = state in (states.QUEUED, states.HELD)
        until = text.get("FINISH_TIME", "")  # "L": by a limit; "E" and "X": by an estimate
        return Found(Job(
            self.name, number, state, printable(said),
            printable(text.get("PEND_REASON", "")).rstrip(";") if waits else why if state in states.OVER else "",
            printable(text.get("QUEUE", "")),
            starts_to=clock(text.get("ESTIMATED_START_TIME", ""), at) if state == states.QUEUED else None,
            started=clock(text.get("START_TIME", ""), at),
            ends_at=clock(until, at) if state == states.RUNNING and until.endswith("L") else None,
            hosts=_hosts(text.get("EXEC_HOST", "")), exit_code=_exit_code(state, text.get("EXIT_CODE", "")),
            submitted=clock(text.get("SUBMIT_TIME", ""), at),
        ), text.get("JOB_NAME", ""), text.get("USER", ""))  # fmt: skip

    def cancel(self, job: Job) -> Invocation:
        return self.command("bkill", *self.known([job.id]))

    def extend(self, job: Job, until: float) -> Invocation | None:
        """Of a job that runs, LSF lets its user do that with ``LSB_MOD_ALL_JOBS=Y`` only; else bmod says so."""
        if job.started is None or not self.known([job.id]):
            return None
        return self.command("bmod", "-W", str(max(1, math.ceil((until - job.started) / 60))), job.id)


def _hosts(text: str) -> list[str]:
    """``4*hostA:hostB``"""
    names = (part.rpartition("*")[2].strip() for part in text.split(":"))
    return [printable(name) for name in dict.fromkeys(names) if name not in ("", "-")]


def _exit_code(state: str, text: str) -> int | None:
    return 0 if state == states.DONE else whole(text) if state in states.OVER else None


IMPLEMENTATION = Lsf
