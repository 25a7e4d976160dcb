"""The contract of a launcher: it builds a command and reads what it printed; it never runs anything."""

from __future__ import annotations

from abc import ABC, abstractmethod

from portcall.model.start import Invocation, Outcome, Output, StartOrder


class Launcher(ABC):
    """Both methods are pure: the same input gives the same output, and nothing is touched.

    Running as the right user, time limits and killing are done elsewhere, for all launchers alike.
    """

    name: str
    title: str

    @abstractmethod
    def invocation(self, order: StartOrder) -> Invocation:
        """What is to be run for this order. An empty ``argv`` lets the link start the session itself."""

    @abstractmethod
    def outcome(self, order: StartOrder, output: Output) -> Outcome:
        """What the output means; raises StartFailed with the user's text where it means failure."""
