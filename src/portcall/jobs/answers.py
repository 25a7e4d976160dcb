"""What a site's scripts say of jobs, read with patience: what cannot be understood is unknown, never an error."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from portcall.errors import SchedulerSilent
from portcall.launchers.base import Found
from portcall.model.job import STATES, UNKNOWN, Job
from portcall.model.shown import printable
from portcall.model.start import Output

_LONGEST = 1024  # characters of any text
_LATEST = 1e11  # seconds since 1970


def jobs(output: Output, launcher: str) -> list[Found]:
    """Of ``{"jobs": [{"id", "name", "state", …}]}``, or of the array alone. SchedulerSilent where it is neither."""
    if output.code != 0:
        said = printable(output.stderr.strip() or output.stdout.strip(), lines=True)[-_LONGEST:]
        raise SchedulerSilent(said or f"The status of {launcher} ended with exit code {output.code}.")
    try:
        document = json.loads(output.stdout)
    except (ValueError, RecursionError) as error:
        raise SchedulerSilent(f"The status of {launcher} is not JSON.") from error
    listed = document.get("jobs") if isinstance(document, dict) else document
    if not isinstance(listed, list):
        raise SchedulerSilent(f'The status of {launcher} has no list of jobs: {{"jobs": [{{"id": "1", …}}]}}.')
    found = []
    for item in listed:
        known, name = job(item, launcher), text(item.get("name")) if isinstance(item, dict) else ""
        if known is not None and (known.id or name):
            found.append(Found(known, name, text(item.get("user")) if isinstance(item, dict) else ""))
    return found


def job(said: Any, launcher: str) -> Job | None:
    """A text or number is the id alone."""
    if not isinstance(said, dict):
        identity = text(said)
        return Job(launcher, identity) if identity else None
    word = text(said.get("state"))
    state = word.lower() if word.lower() in STATES else UNKNOWN
    return Job(
        launcher, text(said.get("id")), state, text(said.get("said")) or word, text(said.get("reason")),
        queue=text(said.get("queue")), place=_whole(said, "place", 0), starts_from=_moment(said, "startsFrom"),
        starts_to=_moment(said, "startsTo"), ends_at=_moment(said, "endsAt"), hosts=_texts(said.get("hosts")),
        exit_code=_whole(said, "exitCode", -255), log=text(said.get("log"), 4096),
    )  # fmt: skip


def text(value: Any, longest: int = _LONGEST) -> str:
    """One line, of what is a text or a number."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ""
    try:
        shown = str(value)
        shown.encode()
    except ValueError:  # half of a surrogate pair, or a number of more digits than Python writes
        return ""
    return printable(shown, lines=True).replace("\n", " ")[:longest].strip()


def _texts(value: Any) -> list[str]:
    return [one for one in map(text, value) if one][:256] if isinstance(value, list) else []


def _whole(said: Mapping[str, Any], name: str, least: int) -> int | None:
    value = said.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and least <= value < 1 << 31 else None


def _moment(said: Mapping[str, Any], name: str) -> float | None:
    value = said.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < _LATEST:
        return None
    return float(value) if math.isfinite(value) else None
