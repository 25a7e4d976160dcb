"""A host of its own, as far as the network goes: a namespace that reaches ours over one pair of devices, which a test
can cut."""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.features.people import Person

_NUMBERS = itertools.count(os.getpid() % 50 * 4)


class Apart:
    """``here`` is our address on the wire between, ``there`` its own. ``cut`` and ``mend`` the wire. ``around`` is put
    before the commands that are run there."""

    def __init__(self) -> None:
        self.around: tuple[str, ...] = ()
        number = next(_NUMBERS) % 250
        self.name = f"pct{os.getpid()}n{number}"
        self._device = f"pct{os.getpid() % 100000}v{number}"[:15]
        self.here, self.there = f"10.211.{number}.1", f"10.211.{number}.2"

    def open(self) -> Apart:
        _ip("netns", "add", self.name)
        _ip("link", "add", self._device, "type", "veth", "peer", "name", "wire", "netns", self.name)
        _ip("addr", "add", f"{self.here}/30", "dev", self._device)
        _ip("link", "set", self._device, "up")
        for line in (f"addr add {self.there}/30 dev wire", "link set wire up", "link set lo up"):
            _ip("-n", self.name, *line.split())
        return self

    def close(self) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):
            _ip("link", "del", self._device)
        _ip("netns", "del", self.name)

    def cut(self) -> None:
        _ip("link", "set", self._device, "down")

    def mend(self) -> None:
        _ip("link", "set", self._device, "up")

    def command(self, person: Person, *command: str | Path) -> list[str]:
        """``command`` as that person on this host, for our root to run."""
        groups = ",".join(str(group) for group in os.getgrouplist(person.name, person.gid))
        return [
            "nsenter", f"--net=/run/netns/{self.name}", *self.around, "setpriv", f"--reuid={person.uid}",
            f"--regid={person.gid}", f"--groups={groups}", "--", *(str(part) for part in command),
        ]  # fmt: skip

    def run(
        self, person: Person, *command: str | Path, environment: Mapping[str, str] | None = None, text: str = "",
        within: float = 60.0,
    ) -> subprocess.CompletedProcess[str]:  # fmt: skip
        return subprocess.run(
            self.command(person, *command), input=text, capture_output=True, text=True, check=False, timeout=within,
            cwd="/", env=person.environment | dict(environment or {}),
        )  # fmt: skip


class Here(Apart):
    """This host itself: what runs here reaches us over loopback."""

    def run(
        self, person: Person, *command: str | Path, environment: Mapping[str, str] | None = None, text: str = "",
        within: float = 60.0,
    ) -> subprocess.CompletedProcess[str]:  # fmt: skip
        return person.run(*command, environment=environment, text=text, within=within)


ALONE = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")  # sees no other process of the host


@contextlib.contextmanager
def apart() -> Iterator[Apart]:
    place = Apart().open()
    try:
        yield place
    finally:
        place.close()


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)
