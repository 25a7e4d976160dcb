"""Start Immediately: the link starts the session itself, on the server that was chosen."""

from __future__ import annotations

from portcall.errors import StartFailed
from portcall.launchers.base import Launcher
from portcall.model.launch import Host
from portcall.model.shown import shown
from portcall.model.start import Invocation, Outcome, Output, Started, StartOrder


class Direct(Launcher):
    name = "direct"
    title = "Start Immediately"
    help = "on the server that was chosen, through the user's link"
    schedules = False

    def invocation(self, order: StartOrder, host: Host) -> Invocation:
        return Invocation()

    def outcome(self, order: StartOrder, output: Output) -> Outcome:
        if output.code != 0:
            raise StartFailed(shown(output) or f"the link answered {output.code}")
        return Started(order.id)


IMPLEMENTATION = Direct
