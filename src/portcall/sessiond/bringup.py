"""The start of a session: display, keyboard, window manager, command, one after the other."""

from __future__ import annotations

import functools
import os
from typing import Any, Callable, TypeVar

from portcall.displays.base import program
from portcall.errors import NotInTime, PortcallError, StartFailed
from portcall.model import lifecycle
from portcall.model.start import ROOTLESS
from portcall.sessiond import log, processes
from portcall.sessiond.command import CommandProcess, open_gl
from portcall.sessiond.context import Context
from portcall.sessiond.display import DisplayProcess
from portcall.sessiond.ending import kill_all, kill_marked
from portcall.sessiond.keys import SpareKeys
from portcall.sessiond.loop import Timer
from portcall.sessiond.rootless import Rootless
from portcall.sessiond.spawn import on_exit, spawn
from portcall.sessiond.telling import Telling

F = TypeVar("F", bound=Callable[..., Any])


def _step(method: F) -> F:
    """A step that raises fails the start; once the session is ending none is taken."""

    @functools.wraps(method)
    def call(self: BringUp, *args: Any) -> Any:
        if self.over:
            return None
        try:
            return method(self, *args)
        except PortcallError as error:
            return self.on_failed(error.detail, error.code)
        except OSError as error:
            return self.on_failed(f"{error.filename or 'the system'}: {error.strerror}")

    return call  # type: ignore[return-value]


_POINTER = (24, 24)  # a lone program without a window manager has its window there, and so the keyboard


class BringUp:
    """Each step is written down before the next is taken, so that another daemon can go on from there.

    ``on_failed`` gets the reason, in the words of whoever failed, and an error's code; ``on_running`` is the last step.
    Display, window manager, command and keys are made here, and watched here also by a daemon that takes over.
    """

    def __init__(
        self,
        context: Context,
        display: DisplayProcess,
        telling: Telling,
        on_failed: Callable[..., Any],
        on_display_gone: Callable[[int | None], Any],
        on_command_ended: Callable[[int | None], Any],
        on_windows: Callable[[int], Any],
        on_running: Callable[[], Any],
    ) -> None:
        self._context, self._telling = context, telling
        self.on_failed, self._on_display_gone, self._on_running = on_failed, on_display_gone, on_running
        self._display = display
        display.tell(self._display_connected, self._display_alive, on_display_gone)
        self.command = CommandProcess(context, self.command_started, on_command_ended)
        self._keys = SpareKeys(context)
        self._rootless = Rootless(context, self._managed, on_windows)
        self.command_at = 0.0
        self.over = False
        self._told_to_proceed = False
        self._patience: Timer | None = None

    @_step
    def begin(self) -> None:
        self.watch_time()
        self._telling.clock(self._display.since)
        self._display.begun()
        self._telling.step("display-spawned")

    @_step
    def warm(self) -> None:
        """Only the display."""
        self._display.spawn()

    @_step
    def ordered(self) -> None:
        """The display is warm, and now there is an order for it."""
        self.watch_time()
        if self._context.record.number is not None:
            self._alive()

    @_step
    def again_from_display(self) -> None:
        """The pipe that it says its number on died with the daemon before us: a new display."""
        record = self._context.record
        spawned = record.processes.get("display")
        kill_marked(record.marks, [spawned.pid] if spawned is not None and processes.alive(spawned) else [])
        record.processes = {"daemon": processes.process(os.getpid())}
        self._context.place.reduce(("log", "session.json", "control"))
        self.begin()

    @_step
    def again_from_command(self) -> None:
        """The display lives; what came after it is made anew."""
        record = self._context.record
        self._adopt_display()
        table = processes.own()
        kept = {record.processes["display"].pid}
        begun = [one for name in ("command", "manager") if (one := record.processes.pop(name, None))]
        # one that waits for the home is not yet marked: it has executed nothing
        strays = {one.pid for one in begun if processes.alive(one)} | processes.marked(table, record.marks)
        kill_all(strays - kept - processes.descendants(table, kept))
        self.watch_time()
        self._alive()

    @_step
    def go_on(self) -> None:
        """Everything lives."""
        self._adopt_display()
        self._keys.start()
        if self._context.record.session.window_mode == ROOTLESS:
            self._rootless.resume()
        self.command.resume()

    def stop(self) -> None:
        """No further step."""
        self.over = True
        self._rootless.stop()
        self._keys.stop()

    def watch_time(self) -> None:
        self._telling.clock()
        self._context.loop.after(self._context.record.order.start_timeout, self._late)

    def _adopt_display(self) -> None:
        on_exit(self._context.loop, self._context.record.processes["display"], False, self._on_display_gone)

    def _display_connected(self, descriptor: int) -> None:
        if self.over:
            os.close(descriptor)
            return
        self._telling.step("display-connectable")
        self._telling.early(descriptor)

    @_step
    def _display_alive(self, number: int) -> None:
        record = self._context.record
        record.number = number
        record.change(display=f":{number}", open_gl=open_gl(self._context))
        self._context.save()
        if self._context.claimed:
            self._alive()
        else:
            self._telling.notify("warm", {})

    def _alive(self) -> None:
        self._telling.step("display-alive")
        layout = self._context.record.order.keyboard_layout
        if layout in ("", "us"):
            self._after_keyboard()
            return
        setxkbmap = program("setxkbmap")
        if setxkbmap is None:
            raise StartFailed(f"the keyboard layout {layout} needs setxkbmap, which is not installed")
        name, _, variant = layout.partition("-")
        argv = [setxkbmap, "-layout", name, *(["-variant", variant] if variant else [])]
        output = log.open_append(self._context.place / "display.log")
        try:
            pid = spawn(argv, self._context.environment(), output)
        finally:
            os.close(output)
        self._context.loop.child(pid, self._keyboard_set)

    @_step
    def _keyboard_set(self, code: int) -> None:
        if code != 0:
            layout = self._context.record.order.keyboard_layout
            raise StartFailed(f"the display does not know the keyboard layout {layout}")
        self._telling.step("keyboard-set")
        self._after_keyboard()

    def _after_keyboard(self) -> None:
        """Where many start at once, screens come before programs: the server says when, or patience is at its end."""
        patience = self._context.record.order.patience
        if patience > 0 and not self._told_to_proceed:
            self._patience = self._context.loop.after(patience, self._at_last)
        else:
            self._go_ahead()

    @_step
    def proceed(self) -> None:
        """No other display is coming up any more."""
        self._told_to_proceed = True
        if self._patience is not None:
            self._at_last()

    @_step
    def _at_last(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
            self._telling.step("others-first")
            self._go_ahead()

    def _go_ahead(self) -> None:
        self._telling.open()
        rootless = self._context.record.session.window_mode == ROOTLESS
        self._context.touch_keyboard(None if rootless else _POINTER)
        self._keys.start()
        if rootless:
            self._rootless.start()
        else:
            self.command.start()

    @_step
    def _managed(self) -> None:
        if "command" not in self._context.record.processes:
            self._telling.step("window-manager")
            self.command.start()

    @_step
    def command_started(self) -> None:
        record, clock = self._context.record, self._context.clock
        if record.phase == "running":
            return
        record.phase = "running"
        self.command_at = clock.monotonic()
        record.change(started=clock.now(), state=lifecycle.RUNNING)
        self._context.save()
        session = record.session
        changes = {"display": session.display, "started": session.started, "openGl": session.open_gl}
        self._telling.step("command-started", changes, "running")
        self._telling.running()
        self._on_running()

    def _late(self) -> None:
        record = self._context.record
        if record.phase == "running" or self.over:
            return
        if "command" in record.processes:
            what = self.command.late()
        else:
            what = f"the {'display' if record.number is None else 'window manager'} did not come up"
        self.on_failed(f"{what} within {record.order.start_timeout:g} seconds", NotInTime.code)
