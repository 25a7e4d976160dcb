"""Options of launchers: what may be asked of a scheduler, in one vocabulary for all of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Sequence, Tuple

from portcall.errors import InvalidValue

TEXT, WORD, COUNT, DURATION, MEMORY = "text", "word", "count", "duration", "memory"
REFERENCE = "reference"  # as images and files are named: a word that may have slashes
_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:@+-]{0,127}\Z")
_REFERENCE = re.compile(r"[A-Za-z0-9_/][A-Za-z0-9_./:@+-]{0,511}\Z")
_DURATION = re.compile(r"(?:(?:(\d{1,4})-)?(\d{1,4}):)?(\d{1,4}):(\d{2})\Z|(\d{1,7})\Z", re.ASCII)
_MEMORY = re.compile(r"(\d{1,9})(?:\.(\d{1,3}))?\s*([kmgt]?)i?b?\Z", re.IGNORECASE | re.ASCII)
_UNITS = {"": 1 << 20, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}  # without a unit it is MiB, as in Slurm


@dataclass(frozen=True)
class Option:
    """``kind`` text (a list), word, reference, count, duration (seconds) or memory (bytes).

    ``form``: people may give it. ``choices``: nothing else will do.
    """

    name: str
    help: str
    kind: str = WORD
    form: bool = True
    choices: Tuple[str, ...] = ()


# What every scheduler is asked in the same words; a form's input of this name sets it.
QUEUE = Option("queue", "queue or partition")
TIME = Option("time", "how long it may run: MINUTES, H:MM:SS or D-H:MM:SS", DURATION)
CORES = Option("cores", "processor cores", COUNT)
MEMORY_OF_ALL = Option("memory", "memory in all, such as 4G; without a unit MiB", MEMORY)
GPUS = Option("gpus", "GPUs", COUNT)
ACCOUNT = Option("account", "account or project that pays")
EXTRA = Option(
    "extra", "more arguments of the submission command, as a list; the administrator's alone", TEXT, form=False
)
COMMON = (QUEUE, TIME, CORES, MEMORY_OF_ALL, GPUS, ACCOUNT, EXTRA)


def read(option: Option, value: Any) -> Any:
    """The value as a launcher gets it: text, whole number, seconds or bytes. InvalidValue says what is allowed."""
    if option.kind == TEXT:
        if isinstance(value, (list, tuple)) and all(isinstance(item, str) and "\0" not in item for item in value):
            return list(value)
        raise InvalidValue(f"{option.name}: a list of texts is needed", field=option.name)
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise InvalidValue(f"{option.name}: a text or a number is needed", field=option.name)
    text = str(int(value) if isinstance(value, float) and value.is_integer() else value).strip()
    if option.choices and text not in option.choices:
        raise InvalidValue(f"{option.name}: one of {', '.join(option.choices)}, not {text!r}", field=option.name)
    return {WORD: _word, REFERENCE: _reference, COUNT: _count, DURATION: _duration, MEMORY: _memory}[option.kind](
        option.name, text
    )


def written(option: Option, value: Any) -> str:
    """A value that was read, for a person: with its unit."""
    units = {
        DURATION: ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")),
        MEMORY: ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")),
    }  # fmt: skip
    for size, unit in units.get(option.kind, ()):
        if value >= size and value % size == 0:
            count = value // size
            return f"{count} {unit}{'s' if option.kind == DURATION and count != 1 else ''}"
    return str(value)


def read_all(options: Sequence[Option], values: Mapping[str, Any]) -> Dict[str, Any]:
    """Those of ``values`` that are options and not empty; InvalidValue for a name that is none."""
    known = {option.name: option for option in options}
    for name in values:
        if name not in known:
            raise InvalidValue(f"there is no option {name!r}; there are: {', '.join(known) or 'none'}", field=name)
    return {name: read(known[name], value) for name, value in values.items() if value not in ("", None, [])}


def _word(name: str, text: str) -> str:
    if not _WORD.match(text):
        raise InvalidValue(f"{name}: letters, digits and _.:@+- only, not {text!r}", field=name)
    return text


def _reference(name: str, text: str) -> str:
    if not _REFERENCE.match(text):
        raise InvalidValue(f"{name}: letters, digits and _./:@+- only, not {text!r}", field=name)
    return text


def _count(name: str, text: str) -> int:
    if not re.match(r"[0-9]{1,6}\Z", text):
        raise InvalidValue(f"{name}: a whole number is needed, not {text!r}", field=name)
    return int(text)


def _duration(name: str, text: str) -> int:
    match = _DURATION.match(text)
    if not match:
        raise InvalidValue(f"{name}: write MINUTES, H:MM:SS or D-H:MM:SS, not {text!r}", field=name)
    days, hours, minutes, seconds, alone = match.groups()
    if alone is not None:
        return int(alone) * 60
    return ((int(days or 0) * 24 + int(hours or 0)) * 60 + int(minutes)) * 60 + int(seconds)


def _memory(name: str, text: str) -> int:
    match = _MEMORY.match(text)
    if not match:
        raise InvalidValue(f"{name}: write such as 4G or 4096M, not {text!r}", field=name)
    whole, part, unit = match.groups()
    return int(float(f"{whole}.{part or 0}") * _UNITS[unit.lower()])
