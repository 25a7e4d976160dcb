"""Keeps keys free for characters that no key of the layout has, so that every character that is typed arrives.

Xvnc puts such a character on a key without symbols, and never takes it away again; after some two dozen different ones
(a minute of Chinese) none is left and what comes then is lost. Here the oldest are taken away in time; and keys that
only multimedia keyboards have are free too, since Xvnc puts their symbols anywhere as well when they are pressed.
"""

from __future__ import annotations

import time

from portcall.errors import PortcallError
from portcall.sessiond import xauthority
from portcall.sessiond.context import Context
from portcall.sessiond.xclient import XClient

_WHOLE_MAP = 32  # so many keys at once: not a character was added, a map was set
_PATIENCE = 1.0
_YOUNG = 2.0  # seconds in which a busy program may not yet have read what a key meant
_MULTIMEDIA = range(0x1008FF00, 0x10090000)  # keysyms of X.Org's vendor range


class SpareKeys:
    """Of the spare keys about half have no symbols, all but a few where characters come faster than programs read.

    Which keys are spare is in the record: a daemon that takes over could not tell them from others.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._client: XClient | None = None
        self._used: dict[int, tuple[float, set[int]]] = {}  # since when, which symbols; the oldest first
        self._stopped = False
        self._taking_over = bool(context.record.spare_keys)

    def start(self) -> None:
        number = self._context.record.number
        if self._stopped or number is None:
            return
        try:
            cookie = xauthority.cookie(self._context.place / "Xauthority")
        except OSError:
            return
        self._client = XClient(self._context.loop, number, cookie, self._read_all, self._lost, on_keys=self._changed)

    def stop(self) -> None:
        self._stopped = True
        if self._client is not None:
            self._client.close()

    def _lost(self) -> None:
        self._context.loop.after(_PATIENCE, self.start)

    def _read_all(self) -> None:
        """At the start, and when a program has set a map: which keys are spare."""
        if self._client is None:
            return
        first, last = self._client.keys

        def read(symbols: list[set[int]]) -> None:
            record, now = self._context.record, time.monotonic()
            by_key = {first + index: one for index, one in enumerate(symbols)}
            if self._taking_over:
                self._taking_over = False
                self._used = {key: (now, by_key[key]) for key in record.spare_keys if by_key[key]}
            self._used = {key: (at, one) for key, (at, one) in self._used.items() if by_key[key] == one}
            free = [key for key, one in by_key.items() if not one]
            extra = [key for key, one in by_key.items() if one and all(symbol in _MULTIMEDIA for symbol in one)]
            extra = [key for key in extra if key not in self._used]
            self._clear(extra)
            spare = sorted({*free, *extra, *self._used})
            if spare != record.spare_keys:
                record.spare_keys = spare
                self._save()
            self._keep_free()

        self._client.read_keys(first, last - first + 1, read)

    def _changed(self, first: int, count: int) -> None:
        if self._client is None:
            return
        if count >= _WHOLE_MAP:
            self._read_all()
            return

        def read(symbols: list[set[int]]) -> None:
            now, spare = time.monotonic(), self._context.record.spare_keys
            for key, one in zip(range(first, first + count), symbols):
                before = self._used.pop(key, None)
                if one and key in spare:
                    self._used[key] = before if before and before[1] == one else (now, one)
            self._keep_free()

        self._client.read_keys(first, count, read)

    def _keep_free(self) -> None:
        spare = len(self._context.record.spare_keys)
        if len(self._used) <= spare // 2:
            return
        oldest = sorted(self._used, key=lambda key: self._used[key][0])[: max(1, spare // 4)]
        urgent = len(self._used) >= spare - 4
        now = time.monotonic()
        gone = [key for key in oldest if urgent or now - self._used[key][0] > _YOUNG]
        for key in gone:
            del self._used[key]
        self._clear(gone)

    def _clear(self, keys: list[int]) -> None:
        """Neighbours in one request: every program reads the map again after each."""
        left = sorted(keys)
        while left and self._client is not None:
            run = [key for index, key in enumerate(left) if key == left[0] + index]
            self._client.clear_keys(run[0], len(run))
            left = left[len(run) :]

    def _save(self) -> None:
        try:
            self._context.save()
        except PortcallError:
            return  # a full disk; it matters only to a daemon that takes over
