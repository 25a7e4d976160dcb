"""A site's own launcher: a file, or a directory of scripts, below ``launchers`` of the configuration directory.

``start`` is needed. With ``status`` it is a scheduler: its sessions' jobs are asked about, and ``cancel`` and ``log``
are used. A directory has a script for each; one file is given the action as its first argument. What goes in and comes
out is in docs/howto/launchers.md.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from portcall.errors import InvalidValue, SchedulerSilent
from portcall.jobs import answers
from portcall.launchers.base import Found, Launcher, Scheduler
from portcall.model import codec, script
from portcall.model.job import Job
from portcall.model.launch import Host
from portcall.model.option import COMMON, COUNT, DURATION, MEMORY, REFERENCE, TEXT, WORD, Option
from portcall.model.shown import printable, shown
from portcall.model.start import Invocation, Outcome, Output, Scheduled, Started, StartOrder

ACTIONS = ("start", "status", "log", "cancel")
_TIMED_OUT = 124  # as timeout(1) has it
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
_BY_NAME = {option.name: option for option in COMMON}
_KINDS = (TEXT, WORD, REFERENCE, COUNT, DURATION, MEMORY)


@dataclass(frozen=True)
class Description:
    """``launcher.toml`` of the directory, or ``NAME.toml`` beside the file. ``commands``: action → how it is run."""

    name: str
    commands: Mapping[str, tuple[str, ...]]
    title: str = ""
    help: str = ""
    as_service: bool = False
    poll: float = 10.0
    timeout: float = 60.0
    options: tuple[Option, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    file: str = "launcher.toml"


class Scripts(Launcher):
    """It has ``start`` alone: what comes of it is known when the session calls in."""

    def __init__(self, description: Description) -> None:
        self._described = description
        self.name = description.name
        self.title = description.title or description.name
        self.help = description.help or "a launcher of this site's own"
        self.options = description.options

    def invocation(self, order: StartOrder, host: Host) -> Invocation:
        document = {**script.script_input(order, host), **self._more(order, host)}
        environment = {**self._described.environment, **script.script_environment(order, host)}
        return self._run("start", document, environment, self._described.as_service)

    def outcome(self, order: StartOrder, output: Output) -> Outcome:
        hint = "It must be executable by whom it runs as: chmod 755 FILE, and all folders above it open to them."
        if (error := script.failed(output, f"The launcher {self.name}", hint, self._limit)) is not None:
            raise error
        answer = script.answer(output)
        if answer is not None and "result" in answer:
            return Started(order.id)
        text = shown(output)
        if answer is not None and ("job" in answer or "message" in answer):
            text = "\n".join(
                part
                for part in (answers.text(answer.get("message")), printable(output.stderr.strip(), lines=True))
                if part
            )
        return Scheduled(order.id, text, self._job(order, answer or {}))

    @property
    def _limit(self) -> str:
        return f"timeout, in its {self._described.file}"

    def _more(self, order: StartOrder, host: Host) -> dict[str, Any]:
        return {}

    def _job(self, order: StartOrder, answer: Mapping[str, Any]) -> Job | None:
        return None

    def _run(self, action: str, document: Any, environment: Mapping[str, str], as_service: bool) -> Invocation:
        return Invocation(
            self._described.commands[action], script.script_stdin(document), dict(environment), as_service,
            self._described.timeout,
        )  # fmt: skip


class ScheduledScripts(Scripts, Scheduler):
    """It has ``status``, too."""

    def __init__(self, description: Description) -> None:
        super().__init__(description)
        self.poll = description.poll

    def outcome(self, order: StartOrder, output: Output) -> Outcome:
        """SchedulerSilent where it was not back in time: there may be a job, which is looked for by its name."""
        if output.code == _TIMED_OUT:
            raise SchedulerSilent(script.late(output, self._limit) or f"{self.title} did not answer in time.")
        return super().outcome(order, output)

    def query(self, ids: Sequence[str], names: Sequence[str]) -> Invocation:
        return self._run("status", {"ids": list(ids), "names": list(names)}, self._described.environment, True)

    def found(self, output: Output) -> list[Found]:
        return answers.jobs(output, self.name)

    def cancel(self, job: Job) -> Invocation:
        if "cancel" not in self._described.commands:
            raise InvalidValue(f"The launcher {self.name} has no script to cancel a job: add one called cancel.")
        return self._of(job, "cancel")

    def log(self, job: Job) -> Invocation | None:
        return self._of(job, "log") if "log" in self._described.commands else super().log(job)

    def _of(self, job: Job, action: str) -> Invocation:
        document = {"job": codec.to_document(job)}
        return self._run(action, document, self._described.environment, self._described.as_service)

    def _more(self, order: StartOrder, host: Host) -> dict[str, Any]:
        return {"jobName": self.job_name(order.id), "jobScript": self.script(order, host)}

    def _job(self, order: StartOrder, answer: Mapping[str, Any]) -> Job | None:
        """Without an id it is found by its name. Where it is not said, its output is where ``jobScript`` puts it."""
        said = answers.job(answer.get("job"), self.name) or Job(self.name)
        return said if said.log else replace(said, log=self.log_file(order.id))


def find(directory: Path, name: str, environment: Mapping[str, str]) -> Launcher | None:
    """The launcher of that name below ``directory``; None where there is none, InvalidValue where it cannot be."""
    place = directory / name
    if not _NAME.match(name) or not place.exists():
        return None
    commands: dict[str, tuple[str, ...]]
    if place.is_dir():
        commands = {action: (str(place / action),) for action in ACTIONS if (place / action).is_file()}
        told = place / "launcher.toml"
    else:
        commands = {action: (str(place), action) for action in ACTIONS}
        told = directory / f"{name}.toml"
    description = _describe(name, commands, told, environment)
    if "start" not in description.commands:
        raise InvalidValue(f"{place}: there is no script called start", field="launcher")
    return ScheduledScripts(description) if "status" in description.commands else Scripts(description)


def names(directory: Path) -> list[str]:
    try:
        found = sorted(directory.iterdir())
    except OSError:
        return []
    return [path.name for path in found if _NAME.match(path.name)]


def _describe(
    name: str, commands: Mapping[str, tuple[str, ...]], path: Path, environment: Mapping[str, str]
) -> Description:
    try:
        told = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return Description(name, commands, environment=environment, file=path.name)
    except (OSError, ValueError) as error:
        raise InvalidValue(f"{path}: {error}", field="launcher") from error
    members: dict[str, Any] = {}
    for key, value in told.items():
        if key == "options" and isinstance(value, list):
            members[key] = tuple(_option(one, path) for one in value)
        elif key == "actions" and isinstance(value, list):
            commands = {action: command for action, command in commands.items() if action in value}
        elif isinstance(value, {"title": str, "help": str, "as_service": bool}.get(key, ())):
            members[key] = value
        elif key in ("poll", "timeout") and isinstance(value, (int, float)) and 1 <= value <= 3600:
            members[key] = float(value)
        else:
            raise InvalidValue(
                f"{path}: {key} = {value!r}: there are title and help (texts), as_service (true or false), poll and "
                "timeout (1 to 3600 seconds), actions and options (lists)", field="launcher",
            )  # fmt: skip
    return Description(name, commands, environment=environment, file=path.name, **members)


def _option(said: Any, path: Path) -> Option:
    if isinstance(said, str) and said in _BY_NAME:
        return _BY_NAME[said]
    if isinstance(said, dict) and isinstance(said.get("name"), str) and said.get("kind", WORD) in _KINDS:
        return Option(said["name"], str(said.get("help", "")), said.get("kind", WORD), said.get("form", True) is True)
    raise InvalidValue(
        f"{path}: options: {said!r}: one of {', '.join(_BY_NAME)}, or {{name, help, kind, form}} with the kind "
        f"{', '.join(_KINDS)}", field="launcher",
    )  # fmt: skip
