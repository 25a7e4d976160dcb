"""A rootless session's window manager, and the count of its windows."""

from __future__ import annotations

import os
from functools import partial
from typing import Any, Callable

from portcall.displays.base import program
from portcall.errors import NoWindowManager
from portcall.sessiond import log, xauthority
from portcall.sessiond.context import Context
from portcall.sessiond.spawn import on_exit, spawn
from portcall.sessiond.xclient import XClient

_CHECK, _LIST, _FRAME = "_NET_SUPPORTING_WM_CHECK", "_NET_CLIENT_LIST", "_NET_FRAME_EXTENTS"
_MOST_RESTARTS = 5
_FIRST_LOOK, _LONGEST_LOOK = 0.02, 2.0  # seconds between looks for a window manager that lives

# Title bars and the usual ways to move and close; no menus, one desktop, nothing that starts programs.
_CONFIGURATION = """<?xml version="1.0" encoding="UTF-8"?>
<openbox_config xmlns="http://openbox.org/3.4/rc">
<focus><focusNew>yes</focusNew><followMouse>no</followMouse></focus>
<placement><policy>Smart</policy><center>yes</center></placement>
<theme><name>Clearlooks</name><titleLayout>NLIMC</titleLayout><animateIconify>no</animateIconify></theme>
<desktops><number>1</number><popupTime>0</popupTime></desktops>
<keyboard>
<keybind key="A-F4"><action name="Close"/></keybind>
<keybind key="A-Tab"><action name="NextWindow"><finalactions><action name="Focus"/><action name="Raise"/>
<action name="Unshade"/></finalactions></action></keybind>
</keyboard>
<mouse><dragThreshold>4</dragThreshold>
<context name="Titlebar Top Right Bottom Left TLCorner TRCorner BRCorner BLCorner">
<mousebind button="Left" action="Press"><action name="Focus"/><action name="Raise"/><action name="Unshade"/></mousebind>
</context>
<context name="Titlebar">
<mousebind button="Left" action="Drag"><action name="Move"/></mousebind>
<mousebind button="Left" action="DoubleClick"><action name="ToggleMaximize"/></mousebind>
</context>
<context name="Top">
<mousebind button="Left" action="Drag"><action name="Resize"><edge>top</edge></action></mousebind>
</context>
<context name="Left">
<mousebind button="Left" action="Drag"><action name="Resize"><edge>left</edge></action></mousebind>
</context>
<context name="Right">
<mousebind button="Left" action="Drag"><action name="Resize"><edge>right</edge></action></mousebind>
</context>
<context name="Bottom">
<mousebind button="Left" action="Drag"><action name="Resize"><edge>bottom</edge></action></mousebind>
</context>
<context name="TLCorner TRCorner BRCorner BLCorner Frame">
<mousebind button="A-Right" action="Drag"><action name="Resize"/></mousebind>
<mousebind button="A-Left" action="Drag"><action name="Move"/></mousebind>
</context>
<context name="TLCorner TRCorner BRCorner BLCorner">
<mousebind button="Left" action="Drag"><action name="Resize"/></mousebind>
</context>
<context name="Client">
<mousebind button="Left" action="Press"><action name="Focus"/><action name="Raise"/></mousebind>
<mousebind button="Middle" action="Press"><action name="Focus"/><action name="Raise"/></mousebind>
<mousebind button="Right" action="Press"><action name="Focus"/><action name="Raise"/></mousebind>
</context>
<context name="Close"><mousebind button="Left" action="Click"><action name="Close"/></mousebind></context>
<context name="Maximize"><mousebind button="Left" action="Click"><action name="ToggleMaximize"/></mousebind></context>
<context name="Iconify"><mousebind button="Left" action="Click"><action name="ToggleShade"/></mousebind></context>
</mouse>
<applications/>
</openbox_config>
"""


class Rootless:
    """``on_managed`` once the window manager manages (a window that comes before stays unmapped for long);
    ``on_windows`` gets the number of windows now and after each change."""

    def __init__(self, context: Context, on_managed: Callable[[], Any], on_windows: Callable[[int], Any]) -> None:
        self._context, self._on_managed, self._on_windows = context, on_managed, on_windows
        self._client: XClient | None = None
        self._check = self._list = self._frame = 0
        self._restarts = 0
        self._wait = _FIRST_LOOK
        self._managed = self._stopped = False

    def start(self) -> None:
        """NoWindowManager where there is no window manager."""
        name = str(self._context.limit("window_manager", "openbox"))
        argv = self._argv(name)
        variables = self._context.environment()
        # it would make directories in the home
        variables.update(
            dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"), self._context.place.path)
        )
        output = log.open_append(self._context.place / "display.log")
        try:
            pid = spawn(argv, variables, output)
        except OSError as error:
            raise NoWindowManager(f"the window manager {name} cannot be started: {error.strerror}") from error
        finally:
            os.close(output)
        process = self._context.note("manager", pid)
        on_exit(self._context.loop, process, True, self._ended)
        if self._client is None:
            self._connect()

    def resume(self) -> None:
        """Go on with the window manager that runs."""
        process = self._context.record.processes.get("manager")
        if process is not None:
            on_exit(self._context.loop, process, False, self._ended)
        self._connect()

    def stop(self) -> None:
        self._stopped = True
        if self._client is not None:
            self._client.close()

    def _argv(self, name: str) -> list[str]:
        found = program(name)
        if found is None:
            raise NoWindowManager(f"the window manager {name} is not installed, which rootless sessions need")
        if name != "openbox":
            return [found]
        path = self._context.place / "openbox.xml"
        with open(path, "w") as file:
            file.write(_CONFIGURATION)
        return [found, "--sm-disable", "--config-file", path]

    def _ended(self, _code: int | None) -> None:
        if not self._stopped and self._restarts < _MOST_RESTARTS:
            self._restarts += 1
            self.start()

    def _connect(self) -> None:
        if self._stopped or self._context.record.number is None:
            return
        cookie = xauthority.cookie(self._context.place / "Xauthority")
        number = self._context.record.number
        self._client = XClient(
            self._context.loop, number, cookie, self._ready, self._lost, self._changed, on_size=self._resized
        )

    def _lost(self) -> None:
        self._context.loop.after(0.2, self._connect)

    def _ready(self) -> None:
        if self._client is not None:
            self._client.watch_root()
            self._client.atom(_LIST, self._got_list)
            self._client.atom(_CHECK, self._got_check)
            self._client.atom(_FRAME, self._got_frame)

    def _got_frame(self, atom: int) -> None:
        self._frame = atom

    def _got_list(self, atom: int) -> None:
        self._list = atom

    def _got_check(self, atom: int) -> None:
        self._check = atom
        self._changed(self._list if self._managed else self._check)

    def _changed(self, atom: int) -> None:
        """Until a window manager lives, the windows listed are those of one that was killed."""
        if self._client is None or self._stopped:
            return
        if atom and atom == self._list and self._managed:
            self._client.values(atom, self._counted)
        elif atom and atom == self._check and not self._managed:
            self._client.vouched(atom, self._checked)

    def _counted(self, windows: tuple[int, ...]) -> None:
        if not self._stopped:
            self._on_windows(len(windows))

    def _resized(self, width: int, height: int) -> None:
        """Window managers leave windows where a screen has become smaller and nobody can reach them."""
        client = self._client
        if client is None or self._stopped or not self._managed or not self._frame:
            return

        def each(windows: tuple[int, ...]) -> None:
            for window in windows:
                client.values(self._frame, partial(framed, window), window)

        def framed(window: int, sides: tuple[int, ...]) -> None:
            left, right, top, bottom = sides if len(sides) == 4 else (0, 0, 0, 0)

            def boxed(x: int, y: int, wide: int, high: int) -> None:
                at = x - left, y - top
                inside = _inside(at[0], left + wide + right, width), _inside(at[1], top + high + bottom, height)
                if inside != at:
                    client.move(window, *inside)

            client.box(window, boxed)

        client.values(self._list, each)

    def _checked(self, lives: bool) -> None:
        if self._managed or self._stopped:
            return
        if lives:
            self._managed = True
            self._on_managed()
            self._changed(self._list)
        else:  # none is there yet, or it has told the root window before its own
            self._context.loop.after(self._wait, lambda: self._changed(self._check))
            self._wait = min(_LONGEST_LOOK, self._wait * 2)


def _inside(at: int, length: int, room: int) -> int:
    """Where a window begins that is to be seen whole, or from its beginning on."""
    return max(0, min(at, room - length))
