"""Makes the keymap that displays begin with, as this host has it: pc105, us, written out.

An X server has xkbcomp compile its keymap at each start. What the host gives for it are pieces of large files, and
reading those takes longer than the rest. ``make`` puts the pieces into a directory for ``-xkbdir`` (xkeyboard-config's
layout); all that is not in it, such as other layouts, xkbcomp finds where it always does.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

_DATA = Path("/usr/share/X11/xkb")  # where xkbcomp looks
_NAME = "portcall"
_DEFAULT = """xkb_keymap "default" {
    xkb_keycodes { include "evdev+aliases(qwerty)" };
    xkb_types { include "complete" };
    xkb_compatibility { include "complete" };
    xkb_symbols { include "pc+us+inet(evdev)" };
    xkb_geometry { include "pc(pc105)" };
};
"""  # what the X server asks for where nobody asks for anything
_FOLDERS = {
    "xkb_keycodes": "keycodes", "xkb_types": "types", "xkb_compatibility": "compat", "xkb_symbols": "symbols",
    "xkb_geometry": "geometry",
}  # fmt: skip
_PIECE = re.compile(r'^(xkb_\w+) "[^"]*" (\{.*?^\};)', re.DOTALL | re.MULTILINE)
_RULES = f"""! model = keycodes
  * = {_NAME}
! layout = symbols
  * = {_NAME}
! model = types
  * = {_NAME}
! model = compat
  * = {_NAME}
! model = geometry
  * = {_NAME}
"""
_LONGEST = 20.0  # seconds


def make(folder: Path) -> bool:
    """Whether it could be made: without it X servers start as they always do."""
    try:
        pieces = dict(_PIECE.findall(_flat()))
    except (OSError, subprocess.SubprocessError):
        return False
    if set(pieces) != set(_FOLDERS):
        return False
    files = {f"{_FOLDERS[kind]}/{_NAME}": f'default {kind} "{_NAME}" {_short(text)}' for kind, text in pieces.items()}
    for name, text in {**files, "rules/evdev": _RULES}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
        (folder / name).chmod(0o644)
    return True


def state() -> str:
    """Differs when the host's data does."""
    return repr([_changed(_DATA / name) for name in ("rules/evdev", "symbols/us", "symbols/pc", "symbols/inet")])


def _flat() -> str:
    """The whole keymap as one text without includes."""
    with tempfile.TemporaryDirectory() as place:
        text, compiled, flat = (f"{place}/{name}" for name in ("text.xkb", "map.xkm", "flat.xkb"))
        Path(text).write_text(_DEFAULT)
        for argv in (("-xkm", text, compiled), ("-xkb", compiled, flat)):
            subprocess.run(
                ["xkbcomp", "-w", "0", f"-R{_DATA}", *argv], check=True, stdin=subprocess.DEVNULL,
                capture_output=True, timeout=_LONGEST,
            )  # fmt: skip
        return Path(flat).read_text()


def _short(text: str) -> str:
    return re.sub(r"^ +", "", text, flags=re.MULTILINE) + "\n"


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


if __name__ == "__main__":  # for installing: into this very package
    made = make(Path(__file__).parent / "displays/keymap")
    sys.exit(0 if made else "keymap: xkbcomp cannot make it; displays start without it, a little later")
