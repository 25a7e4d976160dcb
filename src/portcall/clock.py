"""The only door to time: whoever needs it is given a clock."""

from __future__ import annotations

import time


class Clock:
    """Wall time for people and documents, monotonic time for durations."""

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()
