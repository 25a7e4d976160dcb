"""The session daemon: brings one session up, watches over it, reports, and ends it so that nothing is left.

Everything happens in callbacks of one poll loop, in the order of the start: display spawned, connectable, alive; keyboard
layout; window manager; command; running. What was done is in the record before the next step, so a daemon that takes
over (``resume``) knows where to go on.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import shutil
from typing import Any, Callable, TypeVar

from portcall.errors import PortcallError, StartFailed
from portcall.model import codec, lifecycle
from portcall.model.start import ROOTLESS
from portcall.sessiond import log, processes
from portcall.sessiond.answers import Answers, Control
from portcall.sessiond.command import CommandProcess, open_gl
from portcall.sessiond.context import Context
from portcall.sessiond.display import DisplayProcess, remove_socket
from portcall.sessiond.ending import Ending, kill_marked
from portcall.sessiond.keys import SpareKeys
from portcall.sessiond.resources import Resources
from portcall.sessiond.rootless import Rootless
from portcall.sessiond.spawn import on_exit, spawn
from portcall.sessiond.uplink import Uplink
from portcall.wire import messages

_OWN_GRACE = 2.0  # seconds of TERM for what a command leaves behind
_WINDOW_GRACE = 1.0  # between the last window and the end: some programs close one and then open the next
_NO_WINDOW = 30.0  # a rootless command that has gone may still open a window for so long, from a process it left
_AT_ONCE = 1.0  # a shell that cannot find the command says so within this time
_REST = 60.0  # between looks at the log's size when nobody watches
_DELIVERY = 5.0  # to tell the server about the end, before the record is left for a link to deliver
_LOG_END = 65_536
_MOST_ATTEMPTS = 3  # daemons that may try to bring the same start up

F = TypeVar("F", bound=Callable[..., Any])


def _guarded(method: F) -> F:
    """A step of the start that raises fails the start."""

    @functools.wraps(method)
    def call(self: SessionDaemon, *args: Any) -> Any:
        try:
            return method(self, *args)
        except PortcallError as error:
            return self.fail(error.detail)
        except OSError as error:
            return self.fail(f"{error.filename or 'the system'}: {error.strerror}")

    return call  # type: ignore[return-value]


class SessionDaemon:
    """``notify`` hears of ``running``, ``ended``, ``welcome``, ``accepted``, ``offline`` and ``warm``: for whoever waits for the start."""

    def __init__(self, context: Context, notify: Callable[[str, dict[str, Any]], Any]) -> None:
        self.context, self._notify = context, notify
        record, loop = context.record, context.loop
        self._resources = Resources(context)
        self._answers = Answers(context, self._resources, self.end, self._watched, self._tell)
        self._uplink = Uplink(loop, record.sockets, self.hello, self._answers.message, self._uplink_state, self._connected)
        self._control: Control | None = None
        self._display = DisplayProcess(context, self._display_connected, self._display_alive, self._display_gone)
        self._command = CommandProcess(context, self._command_started, self._command_ended)
        self._keys = SpareKeys(context)
        self._rootless = Rootless(context, self._managed, self._windows)
        self._ending: Ending | None = None
        self._ended: messages.SessionEnded | None = None
        self._early = -1
        self._steps: list[messages.SessionReport] = []
        self._step_at = context.clock.monotonic()
        self._command_at = 0.0
        self._command_over: tuple[int | None] | None = None
        self._last_window = context.loop.after(0, lambda: None)
        self._rest = context.loop.after(_REST, self._look)
        self._every = 0.0
        self._window_count = 0
        self._delivered = False
        self._words = ""

    # --- the start

    @_guarded
    def start(self) -> None:
        self.open_control()
        self._begin()
        self._uplink.dial()

    @_guarded
    def start_warm(self) -> None:
        """Only the display, for an order that may come."""
        self._display.spawn()

    @_guarded
    def take_order(self) -> None:
        """The display is warm; the record holds the order now."""
        self.open_control()
        self._watch_start()
        self._uplink.dial()
        if self.context.record.number is not None:
            self._alive()

    def open_control(self) -> None:
        try:
            self._control = Control(self.context, self.hello, self._answers.message)
        except OSError as error:
            raise StartFailed(f"{self.context.place / 'control'}: {error.strerror}") from error

    def _begin(self) -> None:
        self._watch_start()
        self._display.spawn()
        self._step("display-spawned")

    def _watch_start(self) -> None:
        self._step_at = self.context.clock.monotonic()
        self.context.loop.after(self.context.record.order.start_timeout, self._late)

    def _display_connected(self, descriptor: int) -> None:
        if self._ending is not None or self._delivered:
            os.close(descriptor)
            return
        self._early = descriptor
        self._step("display-connectable")
        self._send_early()

    def _send_early(self) -> None:
        """The first viewer's way to the display; its greeting waits in it."""
        if self._early >= 0 and self.claimed and self._uplink.connection is not None:
            descriptor, self._early = self._early, -1
            self._uplink.send(messages.DisplayOpened(self.context.record.session.id), [descriptor])

    @property
    def claimed(self) -> bool:
        """Whether there is an order yet; a warm display has none."""
        return bool(self.context.record.session.id)

    @_guarded
    def _display_alive(self, number: int) -> None:
        if self._ending is not None:
            return
        record = self.context.record
        record.number = number
        record.change(display=f":{number}", open_gl=open_gl(self.context))
        self.context.save()
        if self.claimed:
            self._alive()
        else:
            self._notify("warm", {})

    def _alive(self) -> None:
        self._step("display-alive")
        order = self.context.record.order
        if order.keyboard_layout in ("", "us"):
            self._after_keyboard()
            return
        program = shutil.which("setxkbmap", path="/usr/local/bin:/usr/bin:/bin")
        if program is None:
            raise StartFailed(f"the keyboard layout {order.keyboard_layout} needs setxkbmap, which is not installed")
        layout, _, variant = order.keyboard_layout.partition("-")
        argv = [program, "-layout", layout, *(["-variant", variant] if variant else [])]
        output = log.open_append(self.context.place / "display.log")
        try:
            pid = spawn(argv, self.context.environment(), output)
        finally:
            os.close(output)
        self.context.loop.child(pid, self._keyboard_set)

    @_guarded
    def _keyboard_set(self, code: int) -> None:
        if self._ending is not None:
            return
        if code != 0:
            layout = self.context.record.order.keyboard_layout
            raise StartFailed(f"the display does not know the keyboard layout {layout}")
        self._step("keyboard-set")
        self._after_keyboard()

    def _after_keyboard(self) -> None:
        self.context.touch_keyboard()
        self._keys.start()
        if self.context.record.session.window_mode == ROOTLESS:
            self._rootless.start()
        else:
            self._command.start()

    @_guarded
    def _managed(self) -> None:
        if self._ending is None and "command" not in self.context.record.processes:
            self._step("window-manager")
            self._command.start()

    @_guarded
    def _command_started(self) -> None:
        if self._ending is not None or self.context.record.phase == "running":
            return
        record = self.context.record
        record.phase = "running"
        self._command_at = self.context.clock.monotonic()
        record.change(started=self.context.clock.now(), state=lifecycle.RUNNING)
        self.context.save()
        session = record.session
        changes = {"display": session.display, "started": session.started, "openGl": session.open_gl}
        self._step("command-started", changes, "running")
        if self._early >= 0 and self._uplink.connection is None:
            os.close(self._early)  # the server will ask when it is there
            self._early = -1
        self._notify("running", {"session": codec.to_document(session)})

    def _late(self) -> None:
        record = self.context.record
        if record.phase == "running" or self._ending is not None:
            return
        if "command" in record.processes and not self._command.logged_in:
            what = f"the login scripts of {os.path.basename(self.context.account.shell)} did not finish"
        elif record.number is None:
            what = "the display did not come up"
        else:
            what = "the window manager did not come up" if "command" not in record.processes else "the command did not start"
        self.fail(f"{what} within {record.order.start_timeout:g} seconds")

    # --- taking over from a daemon that died

    @_guarded
    def resume(self) -> None:
        """Go on where the record says. What it does not say is found by the mark, or done again from the last step."""
        record = self.context.record
        if record.ended is not None:
            self._ended = messages.SessionEnded(**record.ended)
            self._deliver()
            return
        record.adoptions += 1
        self.context.save()
        self.open_control()
        display_lives = processes.alive(record.processes.get("display"))
        if record.ending is not None:
            self.end(record.ending, 1.0)
        elif record.phase != "running" and record.adoptions >= _MOST_ATTEMPTS:
            self.fail("its process died several times while it started")
        elif record.number is None:
            self._again_from_display()
        elif not display_lives:
            self._finish("the display ended", record.phase != "running")
        elif record.phase != "running":
            self._again_from_command()
        else:
            self._go_on()
        self._uplink.dial()

    def _again_from_display(self) -> None:
        """The pipe with its number died with the daemon: a new display."""
        record = self.context.record
        spawned = record.processes.get("display")
        kill_marked(record.marks, [spawned.pid] if spawned is not None and processes.alive(spawned) else [])
        record.processes = {"daemon": processes.process(os.getpid())}
        self.context.place.reduce(("log", "session.json", "control"))
        self._begin()

    def _again_from_command(self) -> None:
        record = self.context.record
        self._adopt_display()
        table = processes.own()
        kept = {record.processes["display"].pid}
        strays = processes.marked(table, record.marks) - kept - processes.descendants(table, kept)
        processes.end_at_once(strays)
        record.processes.pop("command", None)
        record.processes.pop("manager", None)
        self._watch_start()
        self._alive()

    def _go_on(self) -> None:
        self._adopt_display()
        if self.context.record.session.window_mode == ROOTLESS:
            self._rootless.resume()
        self._keys.start()
        self._command.resume()

    def _adopt_display(self) -> None:
        on_exit(self.context.loop, self.context.record.processes["display"], False, self._display_gone)

    # --- while it runs

    def hello(self) -> messages.SessionHello:
        record = self.context.record
        document = codec.to_document(record.session)
        return messages.SessionHello(messages.VERSION, os.getpid(), document, record.phase, record.order.signature)

    def _connected(self) -> None:
        for report in self._steps:
            self._uplink.send(report)
        self._steps = []
        self._send_early()

    def _uplink_state(self, welcomed: bool) -> None:
        if welcomed:
            self._belong()
            self._notify("welcome", {})
            if self._ended is not None:
                self._hand_over()
        elif self._ended is not None and self._delivered:
            self._leave(True)
        else:
            self._notify("offline", {})

    def _belong(self) -> None:
        """To the server that welcomed it, and from now on to no other."""
        record, uplink = self.context.record, self._uplink
        if record.session.server_id != uplink.server_id or record.sockets != [uplink.socket_path]:
            record.change(server_id=uplink.server_id)
            record.sockets = [uplink.socket_path]
            uplink.sockets = record.sockets
            if self._ending is None:
                _attempt(self.context.save)

    def _step(self, step: str, changes: dict[str, Any] | None = None, phase: str = "") -> None:
        now = self.context.clock.monotonic()
        report = messages.SessionReport(self.context.record.session.id, changes or {}, phase, step, now - self._step_at)
        self._step_at = now
        if not self.claimed:
            return
        if not self._uplink.send(report):
            self._steps.append(report)

    def _tell(self, changes: dict[str, Any]) -> None:
        report = messages.SessionReport(self.context.record.session.id, changes)
        self._uplink.send(report)

    def _watched(self, every: float) -> None:
        self._every = max(0.0, every)
        self._rest.cancel()
        self._rest = self.context.loop.after(max(0.5, every) if every else _REST, self._look)
        if every:
            self._resources.look()
        self._notify("accepted", {})  # a server watches what it has admitted

    def _look(self) -> None:
        """Bounds the logs; and, only where somebody watches or much has changed, reports what is used."""
        for name in ("log", "display.log"):
            log.bound(self.context.place / name)
        before = self.context.record.session
        changes = self._resources.look()
        cpu, memory = changes["cpuPercentage"], changes["memory"]
        if abs(cpu - before.cpu_percentage) >= 0.5 or abs(memory - before.memory) >= 1024 * 1024:
            self.context.record.change(cpu_percentage=cpu, memory=memory)
            self._tell(changes)
        self._rest = self.context.loop.after(max(0.5, self._every) if self._every else _REST, self._look)

    def _windows(self, count: int) -> None:
        """The number of windows of a rootless session."""
        record = self.context.record
        self._window_count = count
        self._last_window.cancel()
        if count and not record.rootless_windows:
            record.rootless_windows = True
            self.context.save()
            if self._command_over:  # it forked and ended before it counted as started
                self._command_started()
        elif not count and record.rootless_windows:
            self._last_window = self.context.loop.after(_WINDOW_GRACE, self._no_window)

    def _no_window(self) -> None:
        code = self._command_over[0] if self._command_over else None
        self._finish("its last window was closed", False, code)

    def _command_ended(self, code: int | None) -> None:
        if self._ending is not None or self._ended is not None:
            return
        record = self.context.record
        self._command_over = (code,)
        early = record.phase != "running" or self.context.clock.monotonic() - self._command_at < _AT_ONCE
        if not self._command.logged_in and record.phase != "running":
            self._finish(f"the login shell ended before the command was run ({_told(code)})", True, code)
        elif early and code in (126, 127):
            self._finish("the command cannot be run", True, code)
        elif record.session.window_mode != ROOTLESS:
            if record.phase != "running" and (code == 0 or self.context.stdio is not None):
                self._command_started()
            self._finish(f"the command ended ({_told(code)})", record.phase != "running", code)
        elif not record.rootless_windows:
            self._wait_for_window(_NO_WINDOW, 0.05)

    def _wait_for_window(self, left: float, wait: float) -> None:
        """A command that forked may open a window yet; one that left nobody cannot."""
        record = self.context.record
        if self._ending is not None or record.rootless_windows:
            return
        code = self._command_over[0] if self._command_over else None
        if left <= 0 or not Ending(self.context, lambda: None).targets():
            reason = f"the command ended without having opened a window ({_told(code)})"
            self._finish(reason, record.phase != "running", code)
            return
        self.context.loop.after(wait, lambda: self._wait_for_window(left - wait, min(1.0, wait * 2)))

    def _display_gone(self, code: int | None) -> None:
        if self._ending is not None or self._ended is not None:
            return
        up = self.context.record.phase == "running"
        self._finish("the display ended" if up else f"the display did not come up ({_told(code)})", not up)

    # --- the end

    def fail(self, reason: str) -> None:
        """The start is over; what was begun is undone."""
        if self.context.record.phase == "running":
            self._finish(reason, False)
        else:
            self._finish(reason, True)

    def end(self, reason: str, grace: float) -> None:
        """Asked to."""
        if self._ending is not None:
            self._ending.hurry(grace)
        elif self._ended is None:
            self._finish(reason, False, None, grace)

    def _finish(self, reason: str, failed: bool, code: int | None = None, grace: float = _OWN_GRACE) -> None:
        if self._ending is not None or self._ended is not None:
            return
        record, place = self.context.record, self.context.place
        record.ending = reason
        if failed and "command" not in record.processes:  # now, before the end of the display fills its log
            self._words = log.last_lines(place / "display.log")
        if self.claimed:
            _attempt(self.context.save)
        self._rootless.stop()
        self._keys.stop()
        self._last_window.cancel()

        def over() -> None:
            self._over(reason, failed, code)

        self._ending = Ending(self.context, over)
        self._ending.begin(grace)

    def _over(self, reason: str, failed: bool, code: int | None) -> None:
        record, place = self.context.record, self.context.place
        remove_socket(record.number)
        if self._early >= 0:
            os.close(self._early)
            self._early = -1
        if not self.claimed:
            self._leave(True)
            return
        told = self._words or log.tail(place / "log", _LOG_END)[0]
        self._ended = messages.SessionEnded(record.session.id, reason, failed, code, told)
        record.ended = dataclasses.asdict(self._ended)
        record.change(state=lifecycle.ENDED, ended=self.context.clock.now(), reason=reason, exit_code=code)
        _attempt(self.context.save)
        if self._control is not None:
            self._control.send(self._ended)
        self._notify("ended", {**record.ended})
        self._deliver()

    def _deliver(self) -> None:
        """Tell the server; where there is none, leave record and log for a link to tell it later."""
        self.context.loop.after(_DELIVERY, lambda: self._leave(False))
        if self._uplink.welcomed:
            self._hand_over()
        else:
            self._uplink.dial()

    def _hand_over(self) -> None:
        if self._ended is not None and self._uplink.connection is not None and not self._delivered:
            self._delivered = True
            self._uplink.send(self._ended)
            if self._uplink.connection is not None:
                self._uplink.connection.finish()

    def _leave(self, told: bool) -> None:
        self._uplink.close()
        if self._control is not None:
            self._control.close()
        if told:
            self.context.place.remove()
        else:
            self.context.place.reduce(("session.json", "log"))
        self.context.loop.stop()


def _told(code: int | None) -> str:
    if code is None:
        return "exit code unknown"
    return f"exit code {code}" if code >= 0 else f"signal {-code}"


def _attempt(action: Callable[[], Any]) -> None:
    """At the end a full disk must not stop the cleaning up."""
    try:
        action()
    except PortcallError:
        return
