"""What PBS Professional and Torque have in common: the words of qsub, and what qstat says of jobs that are gone."""

from __future__ import annotations

import re

from portcall.errors import SchedulerSilent
from portcall.launchers._batch import Batch
from portcall.model.job import Job
from portcall.model.launch import Host
from portcall.model.start import Invocation, Output, StartOrder

# a site's banner may stand anywhere around it; the id is a line of its own
SUBMITTED = re.compile(r"^\s*((?:Moab\.)?[0-9]+(?:\[\])?(?:\.[A-Za-z0-9][A-Za-z0-9.-]*)?)\s*$", re.MULTILINE)
IDS = re.compile(r"(?:Moab\.)?[0-9]+(?:\[\])?(?:\.[A-Za-z0-9][A-Za-z0-9.-]*)?")
_ANOTHERS = re.compile(r"gridengine|sge_?root|qmaster|\bSGE\b|\bGE [0-9]", re.IGNORECASE)


class Qsub(Batch):
    """``-C ''``: no line of the job is an option. The output goes nowhere: the job writes its own log, as it runs."""

    submitted = SUBMITTED
    ids = IDS
    gone = re.compile(r"Unknown Job|Job has finished|Job Id Error|state of job|invalid state for job", re.IGNORECASE)
    away = re.compile(
        r"cannot connect|could not connect|unable to contact|connection (?:refused|reset|timed out)|timed? ?out"
        r"|no route to host|communication (?:failure|error)|lost connection|end of file|munge|trqauthd|pbs_iff",
        re.IGNORECASE,
    )

    def submission_of(self, program: str, words: list[str], order: StartOrder, host: Host) -> Invocation:
        given = order.options
        if given.get("queue"):
            words += ["-q", given["queue"]]
        if given.get("account"):
            words += ["-A", given["account"]]
        fixed = [program, "-C", "", "-S", "/bin/sh", "-r", "n", "-m", "n", "-j", "oe", "-o", "/dev/null"]
        return self.submission([*fixed, *words], order, host)

    def cancel(self, job: Job) -> Invocation:
        return self.command("qdel", *self.known([job.id]))

    def silent(self, output: Output) -> SchedulerSilent:
        """Another scheduler has programs of the same names."""
        said = super().silent(output)
        if _ANOTHERS.search(output.stderr + output.stdout):
            anothers = f"{self.title} is not here, the qstat of this server is Grid Engine's"
            return SchedulerSilent(f"{anothers}: {said.detail}")
        return said

    def answered(self, output: Output) -> None:
        """SchedulerSilent, unless all that it had to complain about is jobs that are gone."""
        said = [line for line in output.stderr.splitlines() if line.strip()]
        if output.code != 0 and not (said and all(map(self.gone.search, said))):
            raise self.silent(output)
