"""Starts that happened: sessions, traces and plain starts from JSON lines or a server; jobs in the Standard Workload
Format."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from portcall.errors import InvalidValue
from portcall.simulate.start import HOUR, MEMORY, MIB, Start

SWF = ".swf"
_SWF_FIELDS = 18


def read(path: Path) -> tuple[list[Start], int]:
    """The file's starts in the order of their time, and how many lines could not be used."""
    try:
        text = path.read_text("utf-8", "replace")
    except OSError as error:
        raise InvalidValue(f"{path}: {error.strerror}") from error
    if path.suffix == SWF or text.lstrip().startswith(";"):
        return workload(text.splitlines())
    return of_documents(_documents(path, text))


def _documents(path: Path, text: str) -> list[dict[str, Any]]:
    """JSON lines, or one JSON array, as ``portcall ls --json`` prints it."""
    if text.lstrip().startswith("["):
        try:
            found = json.loads(text)
        except ValueError as error:
            raise InvalidValue(f"{path}: not JSON: {error}") from error
        return [one for one in found if isinstance(one, dict)]
    documents = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            one = json.loads(line)
        except ValueError as error:
            raise InvalidValue(f"{path}:{number}: not JSON: {error}") from error
        if not isinstance(one, dict):
            raise InvalidValue(f"{path}:{number}: an object is needed on each line")
        documents.append(one)
    return documents


def of_documents(documents: Iterable[dict[str, Any]]) -> tuple[list[Start], int]:
    """Sessions (``created`` … ``ended``), traces (``at``, ``steps``), or plain starts (``at``, ``duration``).

    A session and a trace with the same id are one start: the session knows more. What the session of a refused start
    would have been is not known; it counts with what such sessions took on average.
    """
    found: dict[str, tuple[dict[str, Any], bool]] = {}
    unusable = 0
    for number, document in enumerate(documents):
        at = document.get("created") or document.get("at")
        if isinstance(at, bool) or not isinstance(at, int | float):
            unusable += 1
            continue
        start_id = str(document.get("id") or f"start{number}")
        is_trace = "steps" in document
        if is_trace and document.get("outcome") == "form":  # no start yet: it asked for a form
            unusable += 1
        elif not is_trace or start_id not in found:
            found[start_id] = (document, is_trace)
    usual = _usual([_duration(document) for document, _ in found.values()])
    starts = [_start(start_id, document, usual) for start_id, (document, _) in found.items()]
    return sorted(starts, key=lambda start: start.at), unusable


def _start(start_id: str, document: dict[str, Any], usual: float) -> Start:
    login, params, groups = document.get("login"), document.get("params"), document.get("groups")
    return Start(
        start_id, float(document.get("created") or document["at"]), max(1.0, _duration(document) or usual),
        max(MIB, int(document.get("memory") or MEMORY)), str(login or "user0"),
        tuple(map(str, groups)) if isinstance(groups, list) else (),
        params if isinstance(params, dict) else {}, str(document.get("command") or "xterm"),
        float(document.get("cpus") or 0.5),
    )  # fmt: skip


def _duration(document: dict[str, Any]) -> float:
    """Seconds; 0 where they are not known, as of a session that still runs."""
    if document.get("duration"):
        return float(document["duration"])
    began, ended = document.get("started") or document.get("created"), document.get("ended")
    return max(0.0, float(ended) - float(began)) if began and ended else 0.0


def _usual(durations: list[float]) -> float:
    known = sorted(duration for duration in durations if duration > 0)
    return known[len(known) // 2] if known else HOUR


def workload(lines: Iterable[str]) -> tuple[list[Start], int]:
    """The Standard Workload Format: 18 numbers a line, -1 for what is not known; comments begin with a semicolon.

    Used are submit time, run time (else the one asked for), processors, memory in KB for each of them, user, group,
    queue. Jobs that never ran are left out.
    """
    starts: list[Start] = []
    unusable = 0
    for line in lines:
        words = line.split()
        if not words or words[0].startswith(";"):
            continue
        try:
            row = [float(word) for word in words[:_SWF_FIELDS]]
        except ValueError:
            row = []
        if len(row) < _SWF_FIELDS:
            unusable += 1
            continue
        duration = row[3] if row[3] > 0 else row[8]
        if duration <= 0 or row[1] < 0:
            unusable += 1
            continue
        processors = max(1.0, row[4] if row[4] > 0 else row[7])
        kilobytes = row[9] if row[9] > 0 else row[6]
        memory = int(kilobytes * 1024 * processors) if kilobytes > 0 else MEMORY
        params = {"queue": f"{row[14]:.0f}"} if row[14] >= 0 else {}
        starts.append(Start(
            f"job{row[0]:.0f}", row[1], duration, memory, f"user{row[11]:.0f}", (f"group{row[12]:.0f}",), params,
            cpus=processors,
        ))  # fmt: skip
    return sorted(starts, key=lambda start: start.at), unusable
