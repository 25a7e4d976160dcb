"""A session's screen seen from inside, by X programs of its user and nothing of ours: size, pixels, windows, text."""

from __future__ import annotations

import io
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from portcall.model.session import Session
from tests.features.people import Person
from tests.features.waiting import until

# xterm writes its screen to a file at Control-F12: what it shows, as it has understood it
PRINTING = (
    "xterm -fa Monospace -fs 14 -geometry 80x20+0+0 -xrm 'XTerm*printerCommand: cat >{file}.new; mv {file}.new {file}'"
    " -xrm 'XTerm*VT100.Translations: #override Ctrl<Key>F12: print()'"
)


class Box(NamedTuple):
    x: int
    y: int
    width: int
    height: int


class Screen:
    """The display of a session that runs."""

    def __init__(self, person: Person, session: Session) -> None:
        self.person, self.session = person, session

    @property
    def environment(self) -> Mapping[str, str]:
        authority = str(self.person.place(self.session.id) / "Xauthority")
        return {"DISPLAY": self.session.display or "", "XAUTHORITY": authority}

    def run(self, *command: str) -> str:
        """What an X program of the user prints there; it must succeed."""
        done = self.person.run(*command, environment=self.environment)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    @property
    def size(self) -> tuple[int, int]:
        width, height = self.run("xdotool", "getdisplaygeometry").split()
        return int(width), int(height)

    def picture(self) -> Image.Image:
        """The whole screen."""
        with self.person.popen("import", "-window", "root", "png:-", environment=self.environment) as process:
            assert process.stdout is not None
            data = process.stdout.buffer.read()
        return Image.open(io.BytesIO(data)).convert("RGB")

    def pixel(self, x: int, y: int) -> tuple[int, ...]:
        return tuple(self.picture().getpixel((x, y)))  # type: ignore[arg-type]

    def windows(self, name: str) -> list[str]:
        """Ids of the windows that can be seen, by class or title."""
        command = ("xdotool", "search", "--onlyvisible", "--any", "--name", "--class", name)
        return self.person.run(*command, environment=self.environment).stdout.split()

    def wait_for_window(self, name: str) -> str:
        return until(lambda: self.windows(name), f"a window {name} on {self.session.display}")[0]

    def box(self, name: str) -> Box:
        """Where the window of that name is, without its title bar (which xdotool counts twice)."""
        said = self.run("xwininfo", "-id", self.wait_for_window(name))
        sides = ("Absolute upper-left X", "Absolute upper-left Y", "Width", "Height")
        return Box(*(int(found[1]) for side in sides if (found := re.search(rf"{side}: +(-?\d+)", said))))

    def close(self, name: str) -> None:
        """The window of that name goes."""
        self.run("xdotool", "windowclose", self.wait_for_window(name))

    def clipboard(self) -> str:
        return self.person.run("xclip", "-o", "-selection", "clipboard", environment=self.environment).stdout

    def set_clipboard(self, text: str) -> None:
        """xclip stays, to give it to whoever asks."""
        with self.person.popen(
            "xclip", "-i", "-selection", "clipboard", environment=self.environment, stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as process:  # fmt: skip
            process.communicate(text, 30)


class Typed:
    """A terminal in a session that notes what is typed into it: ``command`` is the session's."""

    def __init__(self, person: Person, name: str) -> None:
        self.file = person.home / f"typed-{name}"
        self.shown = person.home / f"shown-{name}"
        note = f"stty raw echo; touch {self.file}.ready; exec cat | tee -a {self.file} >/dev/null"
        script = person.home / f"terminal-{name}"
        script.write_text(f"exec {PRINTING.format(file=self.shown)} -u8 -e sh -c '{note}'\n")
        self.command = f"sh {script}"

    def wait(self) -> None:
        until(lambda: Path(f"{self.file}.ready").exists(), "the terminal listens")

    @property
    def text(self) -> str:
        return self.file.read_bytes().decode(errors="replace") if self.file.exists() else ""

    def expect(self, text: str, within: float = 15.0) -> None:
        until(lambda: text in self.text, f"{text!r} was typed (there is {self.text!r})", within)

    def screen(self, screen: Screen) -> str:
        """What the terminal shows, written by itself."""
        self.shown.unlink(missing_ok=True)
        screen.run("xdotool", "key", "ctrl+F12")
        return until(lambda: self.shown.exists() and self.shown.read_text(errors="replace"), "the screen was written")
