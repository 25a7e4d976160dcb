"""What a launcher refuses, told from what the session itself failed by."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from portcall.errors import LaunchFailed, StartFailed


@contextlib.contextmanager
def as_launch_failed() -> Iterator[None]:
    """A launcher says StartFailed of whatever it cannot do; the same words, and the code that says whose they are."""
    try:
        yield
    except StartFailed as error:
        if type(error) is not StartFailed:
            raise
        raise LaunchFailed(error.detail, **error.extra) from error
