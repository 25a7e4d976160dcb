"""Tells that a file has appeared in a directory, as soon as it has, without a look now and then."""

from __future__ import annotations

import ctypes
import os
from typing import Any, Callable

from portcall.sessiond.loop import READ, Loop

_CREATED = 0x100  # IN_CREATE, linux/inotify.h; its flags for non-blocking and close-on-exec are those of open()
_LIBC = ctypes.CDLL(None)
_init, _add = (getattr(_LIBC, name, None) for name in ("inotify_init1", "inotify_add_watch"))  # once, before any fork


class Appearing:
    """``call`` each time that a file called ``name`` is made in ``folder``, until ``close``.

    ``works`` is False where the kernel has no more of these for this user, or for everybody: then look yourself.
    """

    def __init__(self, loop: Loop, folder: str, name: str, call: Callable[[], Any]) -> None:
        self._loop, self._name, self._call = loop, name.encode() + b"\0", call
        self._descriptor: int = _init(os.O_NONBLOCK | os.O_CLOEXEC) if _init is not None and _add is not None else -1
        self.works = self._descriptor >= 0 and _add(self._descriptor, folder.encode(), _CREATED) >= 0  # type: ignore[misc]
        if self.works:
            loop.watch(self._descriptor, READ, self._read)
        else:
            self.close()

    def close(self) -> None:
        """The kernel takes some ten milliseconds for it, in which it sleeps."""
        if self._descriptor >= 0:
            self._loop.forget(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def _read(self, _events: int) -> None:
        try:
            seen = os.read(self._descriptor, 4096)
        except BlockingIOError:
            return
        if self._name in seen:
            self._call()
