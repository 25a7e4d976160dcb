"""What the launchers of batch systems have in common: submission, and the reading of what people and clocks wrote."""

from __future__ import annotations

import datetime
import math
import posixpath
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from portcall.errors import SchedulerSilent, StartFailed
from portcall.launchers.base import Found, Scheduler
from portcall.model import job as states
from portcall.model.job import Job
from portcall.model.launch import Host
from portcall.model.option import COMMON, Option
from portcall.model.shown import printable, shown
from portcall.model.start import Invocation, Outcome, Output, Scheduled, StartOrder

MIB = 1 << 20
_TIMED_OUT = 124
# What lets the job be this session is in a file of its user's. The job itself, which schedulers keep where others may
# read it (Grid Engine in its spool, LSF in what bjobs -l prints), only names that file, and removes it first of all.
_SUBMIT = (
    "file=$1 job=$2; shift 2; umask 077; folder=${file%/*}; "
    'command -v "$1" >/dev/null || { echo "$1: there is no such program on this server" >&2; exit 127; }; '
    'mkdir -p -- "$folder" && rm -f -- "$file" && cat >"$file" || exit; '
    'find "$folder" -maxdepth 1 -name "*.job" -mtime +100 -delete 2>/dev/null; '  # orders are good for less
    'exec "$@" <<JOB\n$job\nJOB\n'
)
_SAID_OF_FAILURE = 4000
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TIME = re.compile(
    r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\s+)?"
    rf"({'|'.join(_MONTHS)})\s+(\d{{1,2}})\s+(\d{{1,2}}):(\d{{2}})(?::(\d{{2}}))?(?:\s+(\d{{4}}))?\b"
)


class Batch(Scheduler):
    """``submitted`` finds the job's id in what the submission printed, wherever in a site's banner it stands; ``ids``
    is what an id may look like, so that none is ever taken for an option; ``gone`` how a job is spoken of that is not
    there, ``away`` how its commands say that nobody answered them."""

    options: tuple[Option, ...] = COMMON
    submitted: ClassVar[re.Pattern[str]]
    ids: ClassVar[re.Pattern[str]]
    gone: ClassVar[re.Pattern[str]]
    away: ClassVar[re.Pattern[str]]
    states: ClassVar[Mapping[str, str]]

    def command(self, *argv: str, stdin: str = "", timeout: float = 60.0) -> Invocation:
        """In the C locale and in UTC: what these programs print is read by a program."""
        return Invocation(argv, stdin, {**self.site, "LC_ALL": "C", "TZ": "UTC0"}, timeout=timeout)

    def question(self, *argv: str) -> Invocation:
        return replace(self.command(*argv), as_service=True)

    def submission(self, argv: Sequence[str], order: StartOrder, host: Host) -> Invocation:
        """The name comes last: an administrator's ``extra`` does not change by what a job is found again."""
        named = (*argv, *map(str, order.options.get("extra") or ()), *self.named(self.job_name(order.id)))
        file = posixpath.join(host.account.home, self.log_file(order.id).removesuffix(".log") + ".job")
        quoted = shlex.quote(file)
        begin, rest = self.script(order, host).split("\n", 1)
        job = f"{begin}\nexec /bin/sh {quoted}"
        return self.command(
            "/bin/sh", "-c", _SUBMIT, "submit", file, job, *named, stdin=f"{begin}\nrm -f -- {quoted}\n{rest}"
        )

    def named(self, name: str) -> Sequence[str]:
        return ("-N", name)

    def outcome(self, order: StartOrder, output: Output) -> Outcome:
        """SchedulerSilent where nobody knows whether there is a job now: it is looked for by its name."""
        said = shown(output)
        if output.code == _TIMED_OUT or (output.code != 0 and self.away.search(said)):
            raise SchedulerSilent(said or f"{self.title} did not answer in time.")
        if output.code != 0:
            raise StartFailed(
                said[-_SAID_OF_FAILURE:] or f"The submission ended with exit code {output.code}.", log=said
            )
        found = self.submitted.findall(output.stdout)
        if not found:
            raise SchedulerSilent(said or f"{self.title} did not say which job it is.")
        job = Job(self.name, found[-1], states.QUEUED, log=f"~/{self.log_file(order.id)}")
        return Scheduled(order.id, f"Submitted as {self.title} job {job.id}.", job)

    def cancelled(self, output: Output) -> bool:
        return output.code == 0 or bool(self.gone.search(output.stderr + output.stdout))

    def known(self, ids: Iterable[str]) -> list[str]:
        return [one for one in ids if self.ids.fullmatch(one)]

    def state(self, said: str) -> str:
        """Never a guess."""
        return self.states.get(said, states.UNKNOWN)

    def silent(self, output: Output) -> SchedulerSilent:
        return SchedulerSilent(
            printable(output.stderr.strip() or output.stdout.strip())
            or f"{self.title}: its command ended with exit code {output.code}."
        )


def unique(found: Iterable[Found]) -> list[Found]:
    """Each job once. Two that do not agree are not known: one of them may be what somebody wrote into a job."""
    jobs: dict[str, Found] = {}
    for one in found:
        other = jobs.setdefault(one.job.id, one)
        if other.job.state != one.job.state:
            jobs[one.job.id] = replace(other, job=replace(other.job, state=states.UNKNOWN))
    return list(jobs.values())


def whole(text: Any) -> int | None:
    """A whole number, or None for all that is none, or has no sense."""
    text = str(text).strip()
    return int(text) if re.fullmatch(r"-?[0-9]{1,12}", text) else None


def moment(text: Any) -> float | None:
    """Seconds since 1970 as schedulers print them; 0 is their word for never."""
    number = whole(text)
    return float(number) if number is not None and number > 0 else None


def duration(text: str) -> float | None:
    """Seconds of ``[[D:]H:]MM:SS``, or of a number of them."""
    if re.fullmatch(r"[0-9]{1,10}", text):
        return float(text)
    if not re.fullmatch(r"(?:(?:[0-9]{1,5}:)?[0-9]{1,5}:)?[0-9]{1,5}:[0-9]{2}", text):
        return None
    days, hours, minutes, seconds = ([0] * 4 + [int(part) for part in text.split(":")])[-4:]
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def clock(text: str, at: float = 0.0) -> float | None:
    """Seconds since 1970 of a time in UTC such as ``Fri Nov 20 12:34:56 2026``. Without a year it is the one nearest
    to ``at``; without that, nothing is known."""
    match = _TIME.search(text)
    if match is None:
        return None
    month, day, hour, minute, second, year = match.groups()
    if year is None and not at:
        return None
    around = datetime.datetime.fromtimestamp(at, datetime.UTC).year
    years = [int(year)] if year else [around - 1, around, around + 1]
    times = []
    for one in years:
        try:
            when = datetime.datetime(
                one, _MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second or 0), tzinfo=datetime.UTC
            )
        except ValueError:  # 29 February, or no such day at all
            continue
        times.append(when.timestamp())
    return min(times, key=lambda when: abs(when - at), default=None)


def span(seconds: float) -> str:
    """``H:MM:SS``, however many hours."""
    left = max(1, math.ceil(seconds))
    return f"{left // 3600}:{left // 60 % 60:02}:{left % 60:02}"


def mebibytes(size: int) -> int:
    return max(1, -(-size // MIB))
