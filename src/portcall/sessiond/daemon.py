"""The session daemon: brings one session up, watches over it, and ends it so that nothing is left.

Everything happens in callbacks of one poll loop. What was done is in the record before the next thing is done, so a
daemon that takes over (``resume``) knows where to go on.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Callable

from portcall.errors import CommandNotRun, NoWindow, PortcallError
from portcall.model import codec, lifecycle
from portcall.model.start import ROOTLESS, SCRIPTS
from portcall.sessiond import log, processes
from portcall.sessiond.answers import Answers
from portcall.sessiond.bringup import BringUp
from portcall.sessiond.context import Context
from portcall.sessiond.display import DisplayProcess, remove_socket
from portcall.sessiond.ending import Ending
from portcall.sessiond.resources import Resources
from portcall.sessiond.telling import Telling
from portcall.wire import messages

if TYPE_CHECKING:
    from portcall.sessiond.scripts import Scripts

_OWN_GRACE = 2.0  # seconds of TERM for what a command leaves behind
_WINDOW_GRACE = 1.0  # between the last window and the end: some programs close one and then open the next
_NO_WINDOW = 30.0  # a rootless command that has gone may still open a window for so long, from a process it left
_AT_ONCE = 1.0  # a shell that cannot find the command says so within this time
_REST = 60.0  # between looks at the log's size when nobody watches
_FIRST = 5.0  # until the first look: by then it is up, and whoever lists it is shown something
_SHORTEST = 0.5  # between looks at what is used
_LOG_END = 65_536
_MOST_ATTEMPTS = 3  # daemons that may try to bring the same start up
_NOT_RUN = (126, 127)  # a shell's exit codes for a command that it cannot execute, or find


class SessionDaemon:
    """``notify`` is told what ``Telling`` tells those who wait for the start. ``display`` may have been begun."""

    def __init__(
        self, context: Context, notify: Callable[[str, dict[str, Any]], Any], display: DisplayProcess | None = None
    ) -> None:
        self.context = context
        self._resources = Resources(context)
        answers = Answers(
            context, self._resources, self.end, self._watched, self._changed, lambda: self._bringup.proceed(),
            self._viewers,
        )  # fmt: skip
        self._telling = Telling(context, notify, answers.message, self._leave, self._refused)
        self._bringup = BringUp(
            context, display or DisplayProcess(context), self._telling, self._failed, self._display_gone,
            self._command_ended, self._windows, self._runs,
        )  # fmt: skip
        self._ending: Ending | None = None
        self._scripts: Scripts | None = None
        self._command_code: tuple[int | None] | None = None
        self._last_window = context.loop.after(0, lambda: None)
        self._rest = context.loop.after(_REST, self._look)
        self._every = _REST
        self._words = ""

    def start(self) -> None:
        """The record was written by whoever forked us, and again with the display's process. Our own socket comes
        with the command: screens come first."""
        self._load_scripts()
        self._bringup.begin()
        self._telling.dial()

    def start_warm(self) -> None:
        """A display for an order that may come; ``start_ordered`` follows when the record holds one."""
        self._bringup.warm()

    def start_ordered(self) -> None:
        self._load_scripts()
        if self._opened():
            self._telling.dial()
            self._bringup.ordered()

    def resume(self) -> None:
        """Go on where the record says. What it does not say is found by its mark, or done again."""
        record = self.context.record
        if record.ended is not None:
            self._ending = Ending(self.context, lambda: None)  # nothing is left to be done but to tell
            self._telling.over(codec.from_document(messages.SessionEnded, record.ended))
            return
        record.adoptions += 1
        self._load_scripts()
        if not self._opened():
            return
        if record.ending is not None:
            self.end(record.ending, 1.0)
        elif record.phase != "running" and record.adoptions >= _MOST_ATTEMPTS:
            self._failed("its process died several times while it started")
        elif record.number is None:
            self._bringup.again_from_display()
        elif not processes.alive(record.processes.get("display")):
            self._finish("the display ended", record.phase != "running")
        elif record.phase != "running":
            self._bringup.again_from_command()
        else:
            self._bringup.go_on()
        self._telling.dial()

    def _load_scripts(self) -> None:
        """Now: when they are run, what is on the disk may be another version's."""
        if any(self.context.script(event) for event in SCRIPTS):
            from portcall.sessiond.scripts import Scripts  # most sessions have none

            self._scripts = Scripts(self.context)

    def _opened(self) -> bool:
        try:
            self.context.save()
            self._telling.open()
        except PortcallError as error:
            self._failed(error.detail, error.code)
            return False
        return True

    # --- while it runs

    def _runs(self) -> None:
        if self._scripts is not None:
            self._scripts.started()

    def _viewers(self, count: int) -> None:
        if self._scripts is not None:
            self._scripts.viewers(count)

    def _changed(self, changes: dict[str, Any], params_before: dict[str, Any]) -> None:
        self._telling.changed(changes)
        if self._scripts is not None:
            self._scripts.params(params_before)

    def _watched(self, every: float) -> None:
        """How closely the server wants to know; that it asks says that it has admitted the session."""
        self._every = max(_SHORTEST, every) if every > 0 else _REST
        self._rest.cancel()
        first = min(self._every, _FIRST) if not self.context.record.session.memory else self._every
        self._rest = self.context.loop.after(first, self._look)
        if self.context.record.phase == "running":  # else what it uses counts from its start, and others wait for it
            self._resources.look()
        self._telling.notify("accepted", {})

    def _look(self) -> None:
        """Bounds the logs, and reports what is used where that has changed."""
        for name in ("log", "display.log"):
            log.bound(self.context.place / name)
        before, changes = self.context.record.session, self._resources.look()
        cpu, memory = changes["cpuPercentage"], changes["memory"]
        if abs(cpu - before.cpu_percentage) >= 0.5 or abs(memory - before.memory) >= 1024 * 1024:
            self.context.record.change(cpu_percentage=cpu, memory=memory)
            self._telling.changed(changes)
        self._rest = self.context.loop.after(self._every, self._look)

    def _windows(self, count: int) -> None:
        """How many windows a rootless session has now."""
        record = self.context.record
        self._last_window.cancel()
        if count and not record.rootless_windows:
            record.rootless_windows = True
            _attempt(self.context.save)
            if self._command_code:  # it forked, and ended before it counted as started
                self._bringup.command_started()
        elif not count and record.rootless_windows:
            self._last_window = self.context.loop.after(_WINDOW_GRACE, self._no_window)

    def _no_window(self) -> None:
        self._finish("its last window was closed", False, self._command_code[0] if self._command_code else None)

    def _display_gone(self, code: int | None) -> None:
        up = self.context.record.phase == "running"
        self._finish("the display ended" if up else f"the display did not come up ({_words(code)})", not up)

    def _command_ended(self, code: int | None) -> None:
        """A desktop ends with its command; a rootless session does where no window will come of it."""
        record, context = self.context.record, self.context
        if self._ending is not None:
            return
        self._command_code = (code,)
        starting = record.phase != "running"
        if starting and not self._bringup.command.logged_in:
            self._finish(f"the login shell ended before the command was run ({_words(code)})", True, code)
        elif code in _NOT_RUN and (starting or context.clock.monotonic() - self._bringup.command_at < _AT_ONCE):
            self._finish("the command cannot be run", True, code, cause=CommandNotRun.code)
        elif record.session.window_mode != ROOTLESS:
            if starting and (code == 0 or context.stdio is not None):
                self._bringup.command_started()
            self._finish(f"the command ended ({_words(code)})", record.phase != "running", code)
        elif not record.rootless_windows:
            self._wait_for_window(_NO_WINDOW, 0.05)

    def _wait_for_window(self, left: float, wait: float) -> None:
        """What a command has left in the background may open one yet; where it left nobody, none can come."""
        record = self.context.record
        if self._ending is not None or record.rootless_windows:
            return
        others = self._scripts.pids() if self._scripts is not None else set()
        if left <= 0 or not Ending(self.context, lambda: None).targets() - others:
            code = self._command_code[0] if self._command_code else None
            reason = f"the command ended without having opened a window ({_words(code)})"
            self._finish(reason, record.phase != "running", code, cause=NoWindow.code)
            return
        self.context.loop.after(wait, lambda: self._wait_for_window(left - wait, min(1.0, wait * 2)))

    # --- the end

    def end(self, reason: str, grace: float) -> None:
        """Asked to; a second time may shorten the grace."""
        if self._ending is not None:
            self._ending.hurry(grace)
        else:
            self._finish(reason, False, None, grace)

    def _refused(self, reason: str) -> None:
        """By the server, for good."""
        self._finish(reason, not self.context.record.session.server_id)

    def _failed(self, reason: str, cause: str = "") -> None:
        """The start is over; what was begun is undone."""
        self._finish(reason, self.context.record.phase != "running", cause=cause)

    def _finish(
        self, reason: str, failed: bool, code: int | None = None, grace: float = _OWN_GRACE, cause: str = ""
    ) -> None:
        if self._ending is not None:
            return
        record, place = self.context.record, self.context.place
        record.ending = reason
        if failed and "command" not in record.processes:  # now: with its end the display fills its log
            self._words = log.last_lines(place / "display.log")
        if self.context.claimed:
            _attempt(self.context.save)
        self._bringup.stop()
        self._last_window.cancel()
        ending = self._ending = Ending(self.context, lambda: self._over(reason, failed, code, cause))
        if self._scripts is not None:
            self._scripts.terminate(lambda: ending.begin(grace))
        else:
            ending.begin(grace)

    def _over(self, reason: str, failed: bool, code: int | None, cause: str) -> None:
        record, place = self.context.record, self.context.place
        remove_socket(record.number)
        if not self.context.claimed:
            self._telling.leave(True)
            return
        told = self._words or log.tail(place / "log", _LOG_END)[0]
        ended = messages.SessionEnded(record.session.id, reason, failed, code, told, cause)
        record.ended = codec.to_document(ended)
        record.change(state=lifecycle.ENDED, ended=self.context.clock.now(), reason=reason, exit_code=code)
        _attempt(self.context.save)
        self._telling.over(ended)

    def _leave(self, told: bool) -> None:
        """With nothing left behind; where no server heard of the end, record and log stay for a link to deliver."""
        if told:
            self.context.place.remove()
        else:
            self.context.place.reduce(("session.json", "log"))
        os.close(self.context.place.lock)
        self.context.loop.stop()


def _words(code: int | None) -> str:
    if code is None:
        return "exit code unknown"
    return f"exit code {code}" if code >= 0 else f"signal {-code}"


def _attempt(action: Callable[[], Any]) -> None:
    """A full disk must not stop what comes after."""
    try:
        action()
    except PortcallError:
        return
