"""Template: a command line in place of the start, as the schedule function returned it and the start filled it in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from portcall.errors import InvalidValue, StartFailed
from portcall.launchers.base import Launcher
from portcall.model import codec
from portcall.model.launch import Host
from portcall.model.shown import shown
from portcall.model.start import ORDER_VARIABLE, Invocation, Outcome, Output, Scheduled, StartOrder, start_object


class Template(Launcher):
    """The command gets the order in its environment: a start script anywhere below it becomes this session."""

    name = "template"
    title = "Schedule function"
    help = "the command line that the schedule function returned"

    def check(self, options: Mapping[str, Any]) -> None:
        if not str(options.get("command", "")).strip():
            raise InvalidValue(
                "The launcher template has no command line to run: a schedule function must return it. It cannot be "
                "chosen by a setting, a bookmark or a start.", field="launcher",
            )  # fmt: skip

    def invocation(self, order: StartOrder, host: Host) -> Invocation:
        command = str(order.options.get("command", ""))
        return Invocation(("/bin/sh", "-c", command), environment={ORDER_VARIABLE: codec.dumps(start_object(order))})

    def outcome(self, order: StartOrder, output: Output) -> Outcome:
        said = shown(output)
        if output.code != 0:
            raise StartFailed(said or f"The command ended with exit code {output.code}.", log=said)
        return Scheduled(order.id, said)


IMPLEMENTATION = Template
