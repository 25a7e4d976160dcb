"""Keeps keys free for characters that no key of the layout has, so that every character that is typed arrives.

Xvnc puts such a character on a key without symbols, and never takes it away again; after some two dozen different ones
(a minute of Chinese) none is left and what comes then is lost. Here the oldest are taken away in time.
"""

from __future__ import annotations

from portcall.errors import PortcallError
from portcall.sessiond import xauthority
from portcall.sessiond.context import Context
from portcall.sessiond.xclient import XClient

_WHOLE_MAP = 32  # so many keys at once: not a character was added, another layout was set
_PATIENCE = 1.0


class SpareKeys:
    """Of the keys that the layout leaves free, half at least have no symbols.

    Which those are is in the record: a daemon that takes over could not tell them from others.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._client: XClient | None = None
        self._used: list[int] = []  # spare keys that have a symbol now, the oldest first
        self._stopped = False

    def start(self) -> None:
        number = self._context.record.number
        if self._stopped or number is None:
            return
        try:
            cookie = xauthority.cookie(self._context.place / "Xauthority")
        except OSError:
            return
        self._client = XClient(self._context.loop, number, cookie, self._ready, self._lost, on_keys=self._changed)

    def stop(self) -> None:
        self._stopped = True
        if self._client is not None:
            self._client.close()

    def _lost(self) -> None:
        self._context.loop.after(_PATIENCE, self.start)

    def _ready(self) -> None:
        self._read_all(known=bool(self._context.record.spare_keys))

    def _read_all(self, known: bool) -> None:
        """``known``: the record says which keys are spare; else those without symbols now."""
        if self._client is None:
            return
        first, last = self._client.keys

        def read(symbols: list[bool]) -> None:
            record = self._context.record
            if not known:
                record.spare_keys = [first + index for index, has in enumerate(symbols) if not has]
                try:
                    self._context.save()
                except PortcallError:
                    return  # a full disk; it matters only to a daemon that takes over
            self._used = [key for key in record.spare_keys if symbols[key - first]]
            self._keep_free()

        self._client.read_keys(first, last - first + 1, read)

    def _changed(self, first: int, count: int) -> None:
        if self._client is None:
            return
        if count >= _WHOLE_MAP:
            self._read_all(known=False)
            return

        def read(symbols: list[bool]) -> None:
            for key, has in zip(range(first, first + count), symbols):
                if key in self._used:
                    self._used.remove(key)
                if has and key in self._context.record.spare_keys:
                    self._used.append(key)
            self._keep_free()

        self._client.read_keys(first, count, read)

    def _keep_free(self) -> None:
        spare = len(self._context.record.spare_keys)
        if self._client is None or len(self._used) <= spare // 2:
            return
        oldest = sorted(self._used[: max(1, spare // 4)])
        self._used = self._used[len(oldest) :]
        while oldest:  # neighbours in one request: every program reads the map again after each
            run = [key for index, key in enumerate(oldest) if key == oldest[0] + index]
            self._client.clear_keys(run[0], len(run))
            oldest = oldest[len(run) :]
