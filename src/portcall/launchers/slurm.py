"""Slurm: the session comes up in a batch job, submitted by sbatch as its user."""

from __future__ import annotations

import math
import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from portcall.errors import SchedulerSilent, StartFailed
from portcall.launchers._batch import Batch, mebibytes, moment
from portcall.launchers.base import Found
from portcall.model import job as states
from portcall.model.job import Job
from portcall.model.launch import Host
from portcall.model.shown import printable
from portcall.model.start import Invocation, Outcome, Output, Scheduled, StartOrder

# squeue's words, and whether the job is over for a reason that is not the session's own.
_STATES = {
    "PENDING": states.QUEUED, "REQUEUED": states.QUEUED, "REQUEUE_FED": states.QUEUED,
    "REQUEUE_HOLD": states.HELD, "RESV_DEL_HOLD": states.HELD, "SPECIAL_EXIT": states.HELD,
    "SUSPENDED": states.HELD, "STOPPED": states.HELD,
    "CONFIGURING": states.STARTING, "POWER_UP_NODE": states.STARTING,
    "RUNNING": states.RUNNING, "RESIZING": states.RUNNING, "SIGNALING": states.RUNNING,
    "COMPLETING": states.ENDING, "STAGE_OUT": states.ENDING,
    "COMPLETED": states.DONE, "CANCELLED": states.CANCELLED, "REVOKED": states.CANCELLED,
    "FAILED": states.FAILED, "TIMEOUT": states.FAILED, "OUT_OF_MEMORY": states.FAILED, "NODE_FAIL": states.FAILED,
    "BOOT_FAIL": states.FAILED, "DEADLINE": states.FAILED, "PREEMPTED": states.FAILED,
}  # fmt: skip
_WHY = {
    "TIMEOUT": "its time limit was reached", "OUT_OF_MEMORY": "it was out of memory", "NODE_FAIL": "its node failed",
    "BOOT_FAIL": "its node did not boot", "DEADLINE": "its deadline was reached",
    "PREEMPTED": "another job took its place",
}  # fmt: skip
_HELD = ("JobHeldUser", "JobHeldAdmin", "JobHoldMaxRequeue")
_ROW = (
    "JobID", "UserName", "State", "exit_code", "PriorityLong", "StartTime", "EndTime", "EligibleTime", "Partition",
    "NodeList", "Reason",
)  # fmt: skip
_UNKNOWN_JOB = "Invalid job id specified"
# Words after which nobody knows whether the job was taken: it often was.
_SILENT = re.compile(
    r"timed out|Unable to contact|connect failure|Zero Bytes|Connection (?:refused|reset)|authentication plugin|"
    r"not responding|No controller|Transport endpoint",
    re.IGNORECASE,
)
_UNCONFIGURED = re.compile(r"configuration source|DNS SRV|dns_srv", re.IGNORECASE)
_NO_CONFIGURATION = (
    "Slurm finds no slurm.conf here: set SLURM_CONF in fastx.env, or put the file where Slurm looks for it."
)
_TIMED_OUT, _LAUNCH_FAILED = 124, 53
_KEEP_LOGS = 30  # days
# Its output goes where its user finds it, or nowhere where no folder can be made. Old ones are removed.
_SUBMIT = (
    'folder=$1 log=$2; shift 2; umask 077; mkdir -p -- "$folder" 2>/dev/null; [ -w "$folder" ] || log=/dev/null; '
    f'find "$folder" -maxdepth 1 -name "*.log" -mtime +{_KEEP_LOGS} -delete 2>/dev/null; '
    'exec sbatch --output="$log" "$@"'
)


class Slurm(Batch):
    name = "slurm"
    title = "Slurm"
    help = "in a batch job of Slurm's, when it is its turn"
    needs = ("SLURM_CONF",)
    submitted = re.compile(r"^([0-9]{1,10})(?:;\S*)?$", re.MULTILINE)
    ids = re.compile(r"[0-9]{1,10}")
    states = _STATES

    def invocation(self, order: StartOrder, host: Host) -> Invocation:
        log = posixpath.join(host.account.home, self.log_file(order.id))
        arguments = [
            "--parsable", f"--chdir={host.account.home}", "--nodes=1", "--ntasks=1", "--open-mode=append",
            "--no-requeue",  # a second start of the same session would be another one
            "--export=ALL",  # of what we give here, which is little; anything else lets slurmd run login scripts first
            *_wanted(order.options), *map(str, order.options.get("extra") or ()),
            *self.named(self.job_name(order.id)),
        ]  # fmt: skip
        argv = ("/bin/sh", "-c", _SUBMIT, "sbatch", posixpath.dirname(log), log, *arguments)
        # the environment goes on into the job: not the locale and time zone of what a program reads
        return Invocation(argv, self.script(order, host), dict(self.site))

    def named(self, name: str) -> Sequence[str]:
        return (f"--job-name={name}",)

    def outcome(self, order: StartOrder, output: Output) -> Outcome:
        said = printable("\n".join(part.strip() for part in (output.stderr, output.stdout) if part.strip()), lines=True)
        if output.code == _TIMED_OUT or (output.code != 0 and _SILENT.search(said)):
            raise SchedulerSilent(said or "sbatch did not answer in time")
        if output.code != 0 and _UNCONFIGURED.search(said):
            raise StartFailed(f"{_NO_CONFIGURATION}\n{said}", log=said)
        if output.code != 0:
            raise StartFailed(said or f"sbatch ended with exit code {output.code}.", log=said)
        found = self.submitted.findall(output.stdout)
        job = Job(self.name, found[-1] if found else "", states.QUEUED, log=self.log_file(order.id))
        return Scheduled(order.id, said if said != job.id else f"Submitted as Slurm job {job.id}.", job)

    def query(self, ids: Sequence[str], names: Sequence[str]) -> Invocation:
        """By ids all jobs are listed: the place in the queue comes with it, and squeue would load them all anyway. No
        name is, since people choose names, line ends included."""
        fields = [*_ROW, "Name"] if names else _ROW
        wanted = ("--name=" + ",".join(names),) if names else ()
        argv = ("squeue", "--all", "--noheader", "--states=all", "--Format", ",".join(f"{one}:|" for one in fields))
        made = self.command(*argv, *wanted, timeout=30.0)
        return replace(made, environment={**made.environment, "SLURM_TIME_FORMAT": "%s"}, as_service=True)

    def found(self, output: Output) -> list[Found]:
        if output.code != 0 and _UNCONFIGURED.search(output.stderr) and not _SILENT.search(output.stderr):
            raise SchedulerSilent(_NO_CONFIGURATION)
        if output.code != 0:
            if _UNKNOWN_JOB in output.stderr:
                return []
            raise self.silent(output)
        if output.stdout and not output.stdout.endswith("\n"):
            raise SchedulerSilent("squeue's answer was cut off")
        rows = [row for line in output.stdout.split("\n") if (row := _row(line)) is not None]
        places = _places(rows)
        return [self._found(row, places.get(row["JobID"])) for row in rows]

    def _found(self, row: Mapping[str, str], place: int | None) -> Found:
        said, why = row["State"], row["Reason"]
        state = self.state(said)
        if state == states.QUEUED and why in _HELD:
            state = states.HELD
        code = None
        if state in states.OVER:
            why, code = _WHY.get(said, ""), _exit_code(row["exit_code"])
            if row["Reason"] == "JobLaunchFailure" and code == 128 + _LAUNCH_FAILED:
                why, code = "it could not be started on its node (is its user's home there?)", None
        waiting, runs = state in (states.QUEUED, states.HELD), state in (states.RUNNING, states.ENDING)
        expected = moment(row["StartTime"]) if waiting else None
        return Found(
            Job(
                self.name, row["JobID"], state, printable(said), "" if why == "None" else printable(why),
                queue=printable(row["Partition"]), place=place, starts_to=expected,
                starts_from=moment(row["EligibleTime"]) if expected else None,
                started=moment(row["StartTime"]) if runs else None, ends_at=moment(row["EndTime"]) if runs else None,
                hosts=_hosts(row["NodeList"]), exit_code=code,
            ),
            row.get("Name", ""), row["UserName"],
        )  # fmt: skip

    def cancel(self, job: Job) -> Invocation:
        return self.command("scancel", "--quiet", *self.known([job.id]), timeout=30.0)

    def extend(self, job: Job, until: float) -> Invocation | None:
        if job.ends_at is None:
            return None
        minutes = max(1, math.ceil((until - job.ends_at) / 60))
        wanted = [f"JobId={one}" for one in self.known([job.id])]
        return self.command("scontrol", "update", *wanted, f"TimeLimit=+{minutes}", timeout=30.0)


_ARGUMENTS: dict[str, Callable[[Any], str]] = {
    "queue": lambda value: f"--partition={value}",
    "time": lambda value: f"--time={value // 60}:{value % 60:02}",
    "cores": lambda value: f"--cpus-per-task={value}",
    "memory": lambda value: f"--mem={mebibytes(value)}M",
    "gpus": lambda value: f"--gres=gpu:{value}",
    "account": lambda value: f"--account={value}",
}


def _wanted(options: Mapping[str, Any]) -> list[str]:
    return [made(options[name]) for name, made in _ARGUMENTS.items() if options.get(name)]


def _row(line: str) -> dict[str, str] | None:
    """None for a line that is none of squeue's: warnings, and what nobody has thought of."""
    values = [value.strip() for value in line.split("|")]
    names = (*_ROW, "Name")
    if len(values) <= len(_ROW) or not re.fullmatch(r"\d+(?:[_+]\S+)?", values[0]):
        return None
    return dict(zip(names, values, strict=False))


def _places(rows: list[dict[str, str]]) -> dict[str, int]:
    """Job → how many wait for the same partition with it or before it, by priority, then by age."""
    waiting = [row for row in rows if _STATES.get(row["State"]) == states.QUEUED and row["Reason"] not in _HELD]
    waiting.sort(key=lambda row: (-_number(row["PriorityLong"]), _number(re.split(r"[_+]", row["JobID"])[0])))
    counts: dict[str, int] = {}
    places = {}
    for row in waiting:
        partitions = row["Partition"].split(",")
        places[row["JobID"]] = 1 + max(counts.get(partition, 0) for partition in partitions)
        for partition in partitions:
            counts[partition] = counts.get(partition, 0) + 1
    return places


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _exit_code(text: str) -> int | None:
    """Of wait(2), as a number or as CODE:SIGNAL."""
    code, colon, number = text.partition(":")
    if colon:
        return (128 + int(number) if number not in ("", "0") else int(code)) if code.isdigit() else None
    if not text.isdigit():
        return None
    status = int(text)
    return 128 + (status & 0x7F) if status & 0x7F else (status >> 8) & 0xFF


def _hosts(text: str) -> list[str]:
    """Names of nodes; a range such as ``n[1-3]`` stays as it is: a session has one node."""
    if text in ("", "None", "(null)", "None assigned"):
        return []
    return [text] if "[" in text else text.split(",")


IMPLEMENTATION = Slurm
