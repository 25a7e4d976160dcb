"""Custom: a script of the site's own, named by ``LAUNCHER_SCRIPT`` in ``fastx.env``, as sites have written them."""

from __future__ import annotations

from portcall.errors import StartFailed
from portcall.launchers.base import Launcher
from portcall.model import script
from portcall.model.launch import Host
from portcall.model.shown import shown
from portcall.model.start import Invocation, Outcome, Output, Scheduled, Started, StartOrder

_WORDS = {
    **dict.fromkeys(("", "0", "false", "no", "off"), False),
    **dict.fromkeys(("1", "true", "yes", "on"), True),
}
_LEAST = 60.0  # seconds that a script has, whatever a display may take


class Custom(Launcher):
    """The script gets the whole start on stdin (``model/script``), so that nothing of it is in an argv.

    It runs as the user; with ``LAUNCH_AS_CURRENT_USER`` as the server's own user.
    """

    name = "custom"
    title = "Custom"
    help = "a script of your own: LAUNCHER_SCRIPT in fastx.env"

    def invocation(self, order: StartOrder, host: Host) -> Invocation:
        return Invocation(
            (_program(host), *arguments(host.settings.get("LAUNCHER_ARGS", ""))),
            script.script_stdin(script.script_input(order, host)), script.script_environment(order, host),
            as_service(host), max(_LEAST, order.start_timeout),
        )  # fmt: skip

    def outcome(self, order: StartOrder, output: Output) -> Outcome:
        hint = (
            "LAUNCHER_SCRIPT must name a script on this server with a first line such as #!/usr/bin/python3, that who "
            "runs it may read and run: chmod 755 FILE, and the folders above it open to them."
        )
        error = script.failed(output, "The launcher script", hint, f"start_timeout, and {_LEAST:g} s at least")
        if error is not None:
            raise error
        answer = script.answer(output)
        if answer is not None and "result" in answer:
            return Started(order.id)
        return Scheduled(order.id, shown(output))


def arguments(text: str) -> tuple[str, ...]:
    """Comma separated; blanks around one are not part of it."""
    return tuple(one.strip() for one in text.split(",") if one.strip())


def as_service(host: Host) -> bool:
    text = host.settings.get("LAUNCH_AS_CURRENT_USER", "")
    if text.strip().lower() not in _WORDS:
        raise StartFailed(f"LAUNCH_AS_CURRENT_USER={text} in {_file(host)}: write true or false.")
    return _WORDS[text.strip().lower()]


def _program(host: Host) -> str:
    program = host.settings.get("LAUNCHER_SCRIPT", "").strip()
    if not program:
        raise StartFailed(
            f"The custom launcher has no script. Write LAUNCHER_SCRIPT=/path/to/script into {_file(host)} (or the "
            f"server's environment); an example is {host.root_dir}/install/config/job-scheduler.d/basic.py."
        )
    if not program.startswith("/"):
        raise StartFailed(f"LAUNCHER_SCRIPT={program} in {_file(host)}: write the whole path, from / on.")
    if "\0" in program:
        raise StartFailed(f"LAUNCHER_SCRIPT in {_file(host)}: a path has no NUL characters.")
    return program


def _file(host: Host) -> str:
    return f"{host.config_dir}/fastx.env"


IMPLEMENTATION = Custom
