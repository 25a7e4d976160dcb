"""Grid Engine: Son of, Open, Univa and Altair; qsub, qstat, qdel."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from xml.etree.ElementTree import Element

from portcall.launchers._batch import Batch, duration, mebibytes, unique
from portcall.launchers._xml import Unreadable, parse, value
from portcall.launchers.base import Found
from portcall.model import job as states
from portcall.model.job import Job
from portcall.model.launch import Host
from portcall.model.option import COMMON, WORD, Option
from portcall.model.shown import printable
from portcall.model.start import Invocation, Output, StartOrder

# One command: the list has places and times, the details have reasons. Ids are arguments, not text of the shell.
_QUESTION = 'qstat -u "*" -r -xml -s prsz && if [ -n "$1" ]; then qstat -xml -j "$1"; fi'
_BEGIN = "<?xml"
_TASK = re.compile(r"<(/?)JATASK:[^<>]{0,40}>")  # no name in XML, but 8.1.9's, once its qmaster was started again
_STAMP = re.compile(r"^\s*[0-9/]+ [0-9:]+ \[[0-9:]+\]:\s*(?:error:\s*)?")
_SITE = (
    Option("pe", "parallel environment for more than one core (smp)", WORD, form=False),
    Option("memory_resource", "resource that memory is asked for as, by slot (mem_free)", WORD, form=False),
    Option("gpu_resource", "resource that GPUs are asked for as, by slot (gpu)", WORD, form=False),
)


class GridEngine(Batch):
    """What an error state (``E``) says is the reason; it waits for somebody to clear it."""

    name = "gridengine"
    title = "Grid Engine"
    help = "a job of Grid Engine"
    needs = ("SGE_ROOT", "SGE_CELL", "SGE_CLUSTER_NAME", "SGE_QMASTER_PORT", "SGE_EXECD_PORT")
    options = (*COMMON, *_SITE)
    submitted = re.compile(r"^\s*(?:Your job )?([0-9]+)(?:\s*$| \(\".*\"\) has been submitted)", re.MULTILINE)
    ids = re.compile(r"[0-9]{1,19}")
    gone = re.compile(r'denied: job "[^"]*" does not exist|is already in deletion', re.IGNORECASE)
    away = re.compile(
        r"commlib error|unable to (?:contact|send message to|receive message from) qmaster|got send error"
        r"|answer list from qmaster|connection refused",
        re.IGNORECASE,
    )
    states = {  # noqa: RUF012
        **dict.fromkeys(("qw", "Rqw", "Rq"), states.QUEUED),
        **dict.fromkeys(("hqw", "hRqw", "hRwq", "Eqw", "Ehqw", "ERqw", "EhRqw"), states.HELD),
        **dict.fromkeys(("t", "Rt", "ht", "hRt"), states.STARTING),
        **dict.fromkeys(("r", "Rr", "hr", "hRr"), states.RUNNING),
        **dict.fromkeys(("s", "ts", "S", "tS", "T", "tT", "Rs", "Rts", "RS", "RtS", "RT", "RtT"), states.HELD),
        **dict.fromkeys(("dr", "dt", "dRr", "dRt", "ds", "dS", "dT", "dRs", "dRS", "dRT", "dqw"), states.ENDING),
        "z": states.DONE,
    }

    def invocation(self, order: StartOrder, host: Host) -> Invocation:
        given, asked = order.options, []
        words = ["qsub", "-terse", "-C", "", "-S", "/bin/sh", "-r", "n", "-m", "n", "-j", "y", "-o", "/dev/null"]
        slots = given.get("cores") or 1
        if given.get("queue"):
            words += ["-q", given["queue"]]
        if slots > 1:
            words += ["-pe", given.get("pe") or "smp", str(slots)]
        if given.get("time"):
            asked += [f"h_rt={given['time']}"]
        if given.get("memory"):
            size = mebibytes(math.ceil(given["memory"] / slots))
            asked += [f"{given.get('memory_resource') or 'mem_free'}={size}M"]
        if given.get("gpus"):
            asked += [f"{given.get('gpu_resource') or 'gpu'}={math.ceil(given['gpus'] / slots)}"]
        if asked:
            words += ["-l", ",".join(asked)]
        if given.get("account"):
            words += ["-P", given["account"]]
        return self.submission(words, order, host)

    def query(self, ids: Sequence[str], names: Sequence[str]) -> Invocation:
        return self.question("/bin/sh", "-c", _QUESTION, "sh", ",".join(self.known(ids)))

    def found(self, output: Output) -> list[Found]:
        _before, *parts = output.stdout.split(_BEGIN)
        if output.code != 0 or not parts:
            raise self.silent(output)
        try:
            listed = parse(_BEGIN + parts[0])
        except Unreadable:
            raise self.silent(output) from None
        if listed.tag != "job_info":
            raise self.silent(output)
        reasons = {number: why for part in parts[1:] for number, why in _reasons(_BEGIN + part)}
        return unique(self._jobs(listed, reasons))

    def _jobs(self, listed: Element, reasons: Mapping[str, str]) -> Iterator[Found]:
        waiting = 0
        for element in listed.iter("job_list"):
            said, number = value(element, "state"), value(element, "JB_job_number")
            if not self.ids.fullmatch(number):
                continue
            state = self.state(said)
            waiting += state == states.QUEUED
            why = reasons.get(number) or (reasons.get("") if state == states.QUEUED else "")
            queue, _, host = value(element, "queue_name").partition("@")
            started = _time(value(element, "JAT_start_time"))
            limit = duration(
                next((one.text or "" for one in element.iter("hard_request") if one.get("name") == "h_rt"), "")
            )
            yield Found(Job(
                self.name, number, state, printable(said), why if why and state in (states.QUEUED, states.HELD) else "",
                printable(queue), waiting if state == states.QUEUED else None,  # listed by priority
                started=started, ends_at=started + limit if state == states.RUNNING and started and limit else None,
                hosts=[printable(host)] if host else [], submitted=_time(value(element, "JB_submission_time")),
            ), value(element, "full_job_name") or value(element, "JB_name"), value(element, "JB_owner"))  # fmt: skip

    def cancel(self, job: Job) -> Invocation:
        return self.command("qdel", *self.known([job.id]))


def _limit(element: Element) -> float | None:
    asked = [one.text or "" for one in element.iter("hard_request") if one.get("name") == "h_rt"]
    return duration(asked[0].strip()) if asked else None


def _reasons(text: str) -> Iterator[tuple[str, str]]:
    """By job; that of none in particular is everybody's, unless they have one of their own. What stopped a job with an
    error comes last, and counts. Details that cannot be read are none: how a job stands is in the list."""
    try:
        details = parse(_TASK.sub(r"<\1JATASK>", text))
    except Unreadable:
        return
    for element in details.iterfind("messages/element/SME_global_message_list/element"):
        yield "", printable(value(element, "MES_message"))
    for element in details.iterfind("messages/element/SME_message_list/element"):
        for number in element.iterfind("MES_job_number_list//ULNG_value"):
            yield (number.text or "").strip(), printable(value(element, "MES_message"))
    for job in details.iterfind("djob_info/element"):
        for message in job.iter("QIM_message"):
            yield value(job, "JB_job_number"), printable(_STAMP.sub("", message.text or ""))


def _time(text: str) -> float | None:
    """``2026-11-20T12:13:55``, in UTC; newer ones have milliseconds."""
    try:
        return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC).timestamp()
    except (ValueError, OverflowError):
        return None


IMPLEMENTATION = GridEngine
