"""The contract of a display: an X server that shows itself on a unix socket."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import List, Optional

PROGRAMS = "PORTCALL_PROGRAMS"  # a directory of ours with X programs, in containers; it comes first


def program(name: str, path: str = "/usr/local/bin:/usr/bin:/bin") -> Optional[str]:
    """Where a program that a session needs is on this host."""
    ours = os.environ.get(PROGRAMS)
    for folder in (f"{ours}:{path}" if ours else path).split(":"):  # shutil.which loads more than all displays
        found = f"{folder}/{name}"
        if os.path.isfile(found) and os.access(found, os.X_OK):
            return found
    return None


@dataclass(frozen=True)
class DisplayPlan:
    """What to start. ``display_fd`` is the write end of a pipe on which the number and a newline mean *alive*; without
    ``number`` the X server takes the first that is free.

    All paths are inside the session's own directory, which is 0700.
    """

    geometry: str
    socket_path: str
    authority_path: str
    display_fd: int
    name: str
    keyboard_layout: str = "us"
    open_gl: bool = True
    clipboard: str = "both"
    number: Optional[int] = None


class Display(ABC):
    """Pure: builds commands, runs nothing."""

    name: str

    @abstractmethod
    def argv(self, plan: DisplayPlan) -> List[str]:
        """The X server: on ``socket_path`` (0600) and nowhere else, no TCP port, with the X authority given."""

    @abstractmethod
    def missing(self) -> str:
        """What an administrator must install when it cannot run here, as a sentence; empty when all is there."""
