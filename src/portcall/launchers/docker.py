"""Docker: a session that is a container, as docker.tpl has it; both end together, and nothing is left."""

from __future__ import annotations

import dataclasses
import json
import posixpath
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from portcall.errors import InvalidValue, SchedulerSilent, StartFailed
from portcall.launchers import _container
from portcall.launchers.base import Found, Scheduler
from portcall.model import codec, job
from portcall.model.job import DONE, FAILED, Job
from portcall.model.launch import Host, weblink_environment
from portcall.model.option import (
    CORES,
    EXTRA,
    GPUS,
    MEMORY_OF_ALL,
    REFERENCE,
    TEXT,
    TIME,
    Option,
    read,
)
from portcall.model.shown import printable
from portcall.model.start import ORDER_VARIABLE, Invocation, Outcome, Output, Scheduled, StartOrder, start_object

TEMPLATE = "docker.tpl"
LABEL = "portcall.session"
TOP, SESSION_FILE = "/opt/portcall", "/opt/portcall-session.pyz"  # in the container
_RUNTIME = "/usr/lib/portcall/container-runtime"  # on the host, where nobody says otherwise
_PROGRAM = (
    f"{TOP}/bin/python3", "-I", "-S", "-E", "-c",
    f"import sys; sys.path.insert(0, {SESSION_FILE!r}); from portcall.sessiond.contained import main; sys.exit(main())",
)  # fmt: skip
_PART = 30_000  # characters of one variable; the system takes 128 KiB
_RUNS_WITHIN = 120.0  # seconds; an engine that is busy with many takes its time
_ID = re.compile(r"[0-9a-f]{12,64}\Z")
_FORMAT = "{{.ID}}\t{{.Names}}\t{{.State}}\t{{.Status}}\t{{.CreatedAt}}\t{{.Labels}}"
_CREATED = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?:\.\d+)? ([+-]\d{4})")
_TIME = re.compile(r"portcall\.time[=:](\d{1,9})\b")  # docker writes a=b,c=d, podman map[a:b c:d]
_TIMED_OUT, _KILLED = 124, 137
_REMEMBERS = 10.0  # seconds; engines that cannot look back may wait for what is to come
_MANUAL = re.compile(r"(Run|See) 'docker run --help'")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}\Z")
_ODD, _LONGEST = re.compile(r"[^ -~]"), 200
_EXITED = re.compile(r"Exited \((-?\d{1,3})\)")

# docker's words (Docker Engine API, ContainerSummary.State), and those that podman has beside them
STATES = {
    "created": job.STARTING, "configured": job.STARTING, "initialized": job.STARTING, "restarting": job.STARTING,
    "running": job.RUNNING, "paused": job.HELD, "stopping": job.ENDING, "removing": job.ENDING, "exited": job.DONE,
    "stopped": job.DONE, "dead": job.FAILED,
}  # fmt: skip

IMAGE = Option("image", "the image; one of images", REFERENCE)
IMAGES = Option("images", "images that may be chosen beside the one that is set, as a list", TEXT, form=False)
NETWORK = Option("network", "the container's network, as the engine names it; empty: the engine's default", form=False)
PULL = Option("pull", "never, missing or always", form=False, choices=("never", "missing", "always"))
RUNTIME = Option("runtime", "the directory that scripts/make-runtime made", REFERENCE, form=False)
RUN_AS = Option(
    "run_as", "service (the server's own user, in the group docker) or user (their own podman)", form=False,
    choices=("service", "user"),
)  # fmt: skip


class Docker(Scheduler):
    """``engine`` is the program, and the word for it in templates."""

    name = engine = "docker"
    title = "Docker"
    help = "a container for each session, of an image with nothing but X programs"
    options = (IMAGE, IMAGES, CORES, MEMORY_OF_ALL, GPUS, TIME, NETWORK, PULL, RUNTIME, RUN_AS, EXTRA)
    needs: tuple[str, ...] = ("DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY")
    templates: tuple[str, ...] = (TEMPLATE,)
    back_only = "--until=0s"  # of events: none that are to come
    sees_all = True  # all that it asks about are its own; a person's podman would know nothing of them

    def invocation(self, order: StartOrder, host: Host) -> Invocation:
        as_user = _choice(order, RUN_AS) == "user"
        name = next((one for one in self.templates if one in host.templates), "")
        if not name:
            raise InvalidValue(f"there is no {TEMPLATE} in launcher-templates", field="launcher")
        filled = _container.fill(host.templates[name], name, self._values(order, host, as_user))
        _check_image(filled, order, host, self.name)
        log = posixpath.join(host.account.home, self.log_file(order.id))
        variables = {"PORTCALL_LOG": log, **_order(order, host, filled.environment), **weblink_environment(host)}
        fixed = ["--detach", "--rm", f"--name={self.job_name(order.id)}", f"--label={LABEL}={order.id}"]
        if order.options.get("time"):
            fixed.append(f"--label=portcall.time={order.options['time']}")
        # by name alone: the values are read from the environment of the command, and seen by nobody
        named = [f"--env={variable}" for variable in variables]
        argv = (self.engine, "run", *filled.options, *fixed, *named, filled.image, *filled.command)
        return Invocation(argv, "", {**self.site, **variables}, not as_user, _RUNS_WITHIN)

    def outcome(self, order: StartOrder, output: Output) -> Outcome:
        if output.code == _TIMED_OUT:
            raise SchedulerSilent(f"{self.title} did not answer in time")
        if output.code != 0:
            lines = printable(f"{output.stderr}\n{output.stdout}", lines=True).split("\n")
            said = "\n".join(line for line in lines if line and not _MANUAL.match(line))
            raise StartFailed(self._explained(said, order) or _code(self.engine, output.code), log=said)
        lines = output.stdout.split()
        found = lines[-1] if lines and _ID.match(lines[-1]) else ""
        if order.options.get("run_as") == "user":  # the service cannot see what is the user's own
            return Scheduled(order.id)
        text = f"Started as {self.title} container {found[:12]}." if found else ""
        return Scheduled(order.id, text, Job(self.name, found[:12], job.STARTING, log=self.log_file(order.id)))

    def query(self, ids: Sequence[str], names: Sequence[str]) -> Invocation:
        argv = (self.engine, "ps", "--all", f"--filter=label={LABEL}", f"--format={_FORMAT}")
        return Invocation(argv, "", dict(self.site), as_service=True)

    def found(self, output: Output) -> list[Found]:
        if output.code != 0:
            raise SchedulerSilent(f"{self.title}: {output.stderr.strip() or f'exit code {output.code}'}")
        rows = [line.split("\t") for line in output.stdout.split("\n")]
        return [self._found(row) for row in rows if len(row) == 6 and _ID.match(row[0]) and _NAME.match(row[1])]

    def cancel(self, job: Job) -> Invocation:
        return self._as_service("rm", "--force", "--", job.id)

    def cancelled(self, output: Output) -> bool:
        return output.code == 0 or "no such container" in output.stderr.lower()

    def became(self, job: Job) -> Invocation | None:
        """It is removed as soon as it has ended; the engine remembers for a while how that was."""
        if not _ID.match(job.id) or job.submitted is None:
            return None
        since = f"--since={int(job.submitted) - 1}"
        only = f"--filter=container={job.id}"
        return dataclasses.replace(
            self._as_service("events", since, self.back_only, only, "--format={{json .}}"), timeout=_REMEMBERS
        )

    def ended(self, job: Job, output: Output) -> Job:
        events = list(_events(output.stdout))
        codes = [code for what, code in events if what in ("die", "died") and code is not None]
        if output.code != 0 or not codes:
            return job
        happened, state = {what for what, _ in events}, FAILED if codes[-1] else DONE
        why = ""
        if "oom" in happened:
            why = "it was out of memory"
        elif codes[-1] == _KILLED and not happened & {"kill", "stop"}:
            why = "it was killed, and not by its engine: perhaps it was out of memory"
        return dataclasses.replace(job, state=state, exit_code=codes[-1], reason=why)

    def tidy(self) -> Invocation:
        """What ended while nobody was there to remove it: engines that were killed leave it."""
        return self._as_service("container", "prune", "--force", f"--filter=label={LABEL}", "--filter=until=10m")

    def _as_service(self, *arguments: str) -> Invocation:
        return Invocation((self.engine, *arguments), "", dict(self.site), as_service=True)

    def _found(self, fields: list[str]) -> Found:
        found, name, state, status, created, labels = fields
        began = _moment(created)
        lasts = _TIME.search(labels)
        ends = began + int(lasts.group(1)) if began is not None and lasts else None
        exited = _EXITED.match(status)
        code = int(exited.group(1)) if exited else None
        known = STATES.get(_state(state), job.UNKNOWN)
        if known == job.DONE and code not in (0, None):
            known = job.FAILED
        said = " ".join(_ODD.sub(" ", status).split())[:_LONGEST]
        return Found(Job(self.name, found[:12], known, said, started=began, ends_at=ends, exit_code=code), name)

    def _values(self, order: StartOrder, host: Host, as_user: bool) -> dict[str, Any]:
        account, options = host.account, order.options
        return {
            "engine": self.engine, "rootless": as_user, "user": account.name, "uid": account.uid, "gid": account.gid,
            "groups": [group for group in host.group_ids if group != account.gid], "home": _path(account.home),
            "shell": account.shell, "session": order.id, "job_name": self.job_name(order.id), "name": order.name,
            "command": order.command, "geometry": order.geometry, "window_mode": order.window_mode,
            "profile": order.profile, "keyboard_layout": order.keyboard_layout, "params": order.params,
            "login": order.login, "image": _image(order, host), "network": options.get("network", ""),
            "pull": _choice(order, PULL), "cores": options.get("cores"),
            "memory": options.get("memory"), "gpus": options.get("gpus"), "time": options.get("time"),
            "extra": options.get("extra", []), "tmp": host.tmp_dir, "root_dir": host.root_dir,
            "var_dir": host.var_dir, "config_dir": host.config_dir, "local_dir": host.local_dir,
            "server_dir": posixpath.dirname(host.socket_file), "runtime": runtime(order),
            "identity": host.identity and _path(host.identity),
            "session_file": host.session_file, "program": list(_PROGRAM),
        }  # fmt: skip

    def _explained(self, said: str, order: StartOrder) -> str:
        """What engines say, with what is to be done."""
        image = str(order.options.get("image") or "that was asked for")
        for pattern, advice in _ADVICE:
            if re.search(pattern, said, re.IGNORECASE):
                return f"{advice.format(image=image, engine=self.engine)}\n{said}"
        return said


def _events(text: str) -> Iterator[tuple[str, int | None]]:
    """What happened, in the engines' words, and the exit code where there is one."""
    for line in text.splitlines():
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if not isinstance(event, dict):
            continue
        what = event.get("Status") or event.get("Action") or event.get("status")
        actor = event.get("Actor")
        attributes = actor.get("Attributes") if isinstance(actor, dict) else None
        code = event.get("ContainerExitCode", attributes.get("exitCode") if isinstance(attributes, dict) else None)
        known = isinstance(code, (int, str)) and not isinstance(code, bool) and re.fullmatch(r"-?[0-9]{1,3}", str(code))
        yield (what if isinstance(what, str) else ""), int(code) if known and code is not None else None


_ADVICE = (
    (r"no such image|image not known|unable to find image|did not resolve to an alias|manifest unknown",
     "The image {image} is not on this server: an administrator gets it with {engine} pull or {engine} build."),
    (rf'bind source path does not exist|statfs \S+ no such file|exec: "?{TOP}',
     "Something that is to be mounted is not there; what a session needs in a container is made by "
     "scripts/make-runtime."),
    (r"permission denied while trying to connect|dial unix .*permission denied",
     "The server's own user may not use {engine}: it must be in the group docker."),
    (r"^(docker|podman): (no such file|there is no such program)",
     "There is no {engine} on this server: an administrator installs it, or names its folder in PATH of fastx.env."),
    (r"cannot connect to the docker daemon", "Docker does not run on this server."),
)  # fmt: skip


def _moment(text: str) -> float | None:
    """Seconds since 1970; None for what is no time."""
    match = _CREATED.match(text)
    try:
        return datetime.strptime(" ".join(match.groups()), "%Y-%m-%d %H:%M:%S %z").timestamp() if match else None
    except (ValueError, OverflowError):
        return None


def _path(path: str) -> str:
    """As a part of --mount, where a comma would begin another part."""
    if not path.startswith("/") or any(character in path for character in ',"\n'):
        raise InvalidValue(f"{path!r} cannot be mounted", field="launcher")
    return path


def _state(said: str) -> str:
    """One word; podman before version 5 gives the status in its place, such as ``Up 3 seconds (Paused)``."""
    word = said.strip().lower()
    if word.startswith("up"):
        return "paused" if "(paused)" in word else "running"
    return word.partition(" ")[0]


def runtime(order: StartOrder) -> str:
    return str(order.options.get("runtime") or _RUNTIME)


def _choice(order: StartOrder, option: Option) -> str:
    """The first is the default."""
    return str(read(option, order.options.get(option.name) or option.choices[0]))


def _image(order: StartOrder, host: Host) -> str:
    return str(order.options.get("image") or host.options.get("image") or "")


def _check_image(filled: _container.Filled, order: StartOrder, host: Host, name: str) -> None:
    """Whoever chose it (form, bookmark, schedule function, an expression of the template): it must be one that the
    administrator has named, in the options or in the template itself."""
    image = filled.image
    allowed = [host.options.get("image"), *(host.options.get("images") or [])]
    chosen = _image(order, host)
    if chosen and chosen not in allowed:
        raise InvalidValue(
            f"image: {chosen} is none of those allowed: {', '.join(filter(None, allowed))}", field="image"
        )
    if not image:
        raise InvalidValue(f"no image is set: launcher_options.{name}.set.image", field="image")
    if image not in (*allowed, filled.written):
        raise InvalidValue(f"image: {image!r}, as the template makes it, is none of those allowed", field="image")
    if image.startswith("-"):
        raise InvalidValue(f"image: {image!r} is not an image", field="image")


def _order(order: StartOrder, host: Host, environment: dict[str, str]) -> dict[str, str]:
    """What ``sessiond.contained`` reads; a long order comes in parts."""
    account = dataclasses.replace(host.account, groups=[])
    made = {
        "PORTCALL_ACCOUNT": codec.dumps(account),
        "PORTCALL_RUNTIME_DIR": posixpath.dirname(host.socket_file),
    }
    if environment:
        made["PORTCALL_ENVIRONMENT"] = json.dumps(environment)
    if order.options.get("time"):
        made["PORTCALL_TIME"] = str(order.options["time"])
    text = codec.dumps(start_object(order))
    parts = [text[at : at + _PART] for at in range(0, len(text), _PART)]
    made.update((f"{ORDER_VARIABLE}_{number}" if number else ORDER_VARIABLE, part) for number, part in enumerate(parts))
    return made


def _code(engine: str, code: int) -> str:
    return f"{engine} ended with exit code {code}."


IMPLEMENTATION = Docker
