"""Documents in an SQLite file beside the server: the default, nothing to set up.

Calls are made on the event loop: with a write-ahead log a write is some tens of microseconds, less than a thread's
round trip. A full disk is StoreUnavailable; the file stays whole.
"""

from __future__ import annotations

import json
import os
import sqlite3
from typing import Any, TypeAlias

from portcall.clock import Clock
from portcall.errors import RevisionConflict, StoreUnavailable
from portcall.stores._local import LocalStore
from portcall.stores.base import Entry

_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
  bucket TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, revision INTEGER NOT NULL, expires REAL,
  PRIMARY KEY (bucket, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sequence (one INTEGER PRIMARY KEY CHECK (one = 1), revision INTEGER NOT NULL);
INSERT OR IGNORE INTO sequence VALUES (1, 0);
"""
_LIVE = "(expires IS NULL OR expires > ?)"


_Rows: TypeAlias = list[Any]


class Sqlite(LocalStore):
    """One process opens the file; a second one is refused while the first lives (SQLite's own exclusive lock)."""

    def __init__(self, clock: Clock, path: str) -> None:
        super().__init__(clock)
        self._path = path
        self._connection: sqlite3.Connection | None = None

    async def open(self) -> None:
        try:
            # 0600 before SQLite makes its -wal and -shm beside it with the same mode
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._connection = sqlite3.connect(self._path, isolation_level=None, timeout=2)
            self._connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.executescript(_SCHEMA)
            now = self._clock.now()
            self._connection.execute("DELETE FROM documents WHERE expires <= ?", (now,))
            timed = self._connection.execute("SELECT bucket, key, revision, expires FROM documents WHERE expires > 0")
            for bucket, key, revision, expires in timed.fetchall():
                self._expire_later(bucket, key, revision, expires - now)
        except (sqlite3.Error, OSError) as error:
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
                raise StoreUnavailable(f"{self._path}: a server that runs already has it open") from error
            raise StoreUnavailable(f"{self._path}: {error}") from error

    async def close(self) -> None:
        self._stop_timers()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    async def get(self, bucket: str, key: str) -> Entry | None:
        rows = self._query(
            f"SELECT key, value, revision FROM documents WHERE bucket = ? AND key = ? AND {_LIVE}",  # noqa: S608
            (bucket, key, self._clock.now()),
        )
        return Entry(bucket, key, json.loads(rows[0][1]), rows[0][2]) if rows else None

    async def list(self, bucket: str) -> list[Entry]:
        rows = self._query(
            f"SELECT key, value, revision FROM documents WHERE bucket = ? AND {_LIVE} ORDER BY key",  # noqa: S608
            (bucket, self._clock.now()),
        )
        return [Entry(bucket, key, json.loads(value), revision) for key, value, revision in rows]

    async def put(
        self, bucket: str, key: str, value: dict[str, Any], revision: int | None = None, ttl: float | None = None
    ) -> int:
        text = json.dumps(value, separators=(",", ":"))
        expires = None if ttl is None else self._clock.now() + ttl
        new = self._write(
            bucket, key, revision,
            "INSERT OR REPLACE INTO documents (bucket, key, value, revision, expires) VALUES (?, ?, ?, ?, ?)",
            lambda number: (bucket, key, text, number, expires),
        )  # fmt: skip
        seen = json.loads(text) if self._watched(bucket) else None  # what nobody watches is not read again
        self._changed(Entry(bucket, key, seen, new), ttl)
        return new

    async def delete(self, bucket: str, key: str, revision: int | None = None) -> None:
        if revision is None and await self.get(bucket, key) is None:
            return
        self._delete(bucket, key, revision)

    def _delete(self, bucket: str, key: str, revision: int | None) -> None:
        new = self._write(
            bucket, key, revision, "DELETE FROM documents WHERE bucket = ? AND key = ?", lambda _: (bucket, key)
        )
        self._changed(Entry(bucket, key, None, new))

    def _expire(self, bucket: str, key: str, revision: int) -> None:
        rows = self._query("SELECT revision FROM documents WHERE bucket = ? AND key = ?", (bucket, key))
        if rows and rows[0][0] == revision:
            self._delete(bucket, key, None)

    def _query(self, statement: str, values: tuple[Any, ...]) -> _Rows:
        try:
            return self._opened().execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise StoreUnavailable(f"{self._path}: {error}") from error

    def _write(self, bucket: str, key: str, expected: int | None, statement: str, values: Any) -> int:
        connection = self._opened()
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                if expected is not None:
                    rows = connection.execute(
                        f"SELECT revision FROM documents WHERE bucket = ? AND key = ? AND {_LIVE}",  # noqa: S608
                        (bucket, key, self._clock.now()),
                    ).fetchall()
                    if (rows[0][0] if rows else 0) != expected:
                        raise RevisionConflict(f"{bucket}/{key} is not at revision {expected}")
                new = connection.execute("UPDATE sequence SET revision = revision + 1 RETURNING revision").fetchone()[0]
                connection.execute(statement, values(new))
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise StoreUnavailable(f"{self._path}: {error}") from error
        return int(new)

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            raise StoreUnavailable("the store is closed")
        return self._connection


IMPLEMENTATION = Sqlite
