"""TigerVNC's Xvnc, on a unix socket of the session's own directory and nowhere else."""

from __future__ import annotations

import os

from portcall.displays.base import PROGRAMS, Display, DisplayPlan, program

_PATH = "/usr/local/bin:/usr/bin:/bin:/opt/TigerVNC/bin"
# made when the user side is installed (keymap.py); not there in the sources, nor where all is one file
KEYMAP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "keymap")
_CLIPBOARD = {
    "both": (1, 1),
    "to-session": (1, 0),
    "from-session": (0, 1),
    "off": (0, 0),
}  # clipboard mode: what the session accepts, what it sends


class Xvnc(Display):
    """No TCP port, neither RFB's nor X's; no password, since the directory is the user's alone; X needs the cookie."""

    name = "xvnc"

    def argv(self, plan: DisplayPlan) -> list[str]:
        accept, send = _CLIPBOARD.get(plan.clipboard, _CLIPBOARD["off"])
        argv = [
            program("Xvnc", _PATH) or "Xvnc",
            *([f":{plan.number}"] if plan.number is not None else []),
            "-auth", plan.authority_path,
            "-geometry", plan.geometry,
            "-depth", "24",
            "-dpi", "96",
            "-desktop", plan.name or "Portcall",
            "-rfbunixpath", plan.socket_path,
            "-rfbunixmode", "0600",
            "-rfbport", "-1",
            "-SecurityTypes", "None",
            "-nolisten", "tcp",
            "-displayfd", str(plan.display_fd),
            "-noreset",  # a reset, when the last program has left, would lose the keyboard layout
            "-AlwaysShared",
            "-AcceptSetDesktopSize=1",
            "-RawKeyboard=0",  # keysyms decide, not the client's scancodes: every character has one
            "-UseBlacklist=0",  # it would lock out ourselves: all connections come from the one socket
            f"-AcceptCutText={accept}", f"-SetPrimary={accept}",
            f"-SendCutText={send}", f"-SendPrimary={send}",
            "-MaxCutText", "4194304",
            "-MaxIdleTime=0", "-MaxConnectionTime=0", "-MaxDisconnectionTime=0", "-IdleTimeout=0",
            "-s", "0",
        ]  # fmt: skip
        if os.path.isdir(KEYMAP) and not os.environ.get(PROGRAMS):  # its xkbcomp has half as much to do
            argv += ["-xkbdir", KEYMAP]
        if not plan.open_gl:
            argv += ["-extension", "GLX"]
        return argv

    def missing(self) -> str:
        if not program("Xvnc", _PATH):
            return "Xvnc is not installed: install TigerVNC's server (Debian: tigervnc-standalone-server)"
        if not program("xkbcomp", "/usr/bin"):
            return "xkbcomp is not installed, which Xvnc needs (Debian: x11-xkb-utils and xkb-data)"
        return ""


IMPLEMENTATION = Xvnc
