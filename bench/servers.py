"""Made-up servers for measurements of decisions: records of 1 KB of JSON, and their steady change."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from portcall.clock import Clock
from portcall.cluster.placed import Placed
from portcall.model.roster import Roster

GIB = 1024**3
EVERY = 30.0  # seconds in which every record changes once


def record(number: int, chance: random.Random) -> dict[str, Any]:
    """A server's record of about 1 KB."""
    made: dict[str, Any] = {
        "serverId": f"node{number:05}", "hostname": f"node{number:05}.cluster.example.org",
        "urls": [f"https://node{number:05}.cluster.example.org:3300"], "sessions": chance.randrange(40),
        "pending": chance.randrange(3), "uniqueSessionUsers": 7, "logins": 9, "uniqueLogins": 8,
        "loggedInUsers": [f"user{chance.randrange(5000)}" for _ in range(8)], "uptime": 86400.0 + number,
        "cpu": round(chance.random() * 100, 1), "loadavg": [round(chance.random() * 8, 2) for _ in range(3)],
        "cpus": 64, "totalmem": 256 * GIB, "freemem": chance.randrange(256) * GIB, "version": "0.1.0",
        "staticData": {
            "gpu": number % 2 == 0, "group": f"group{number % 4}", "rack": f"r{number % 50}", "users": ["alice", "bob"],
        },
        "metrics": {"licences": chance.randrange(100), "heavy": chance.randrange(10), "temperature": 41.5},
        "external": False, "reservations": False, "reserved": False, "loginsEnabled": True, "startsEnabled": True,
        "draining": False, "updated": time.time(),
    }  # fmt: skip
    made["note"] = "x" * max(0, 1000 - len(json.dumps(made)))
    return made


class Cluster:
    """A roster of ``count`` servers, all of which change every 30 s, a few at a time."""

    def __init__(self, count: int, seed: int = 1) -> None:
        self._chance = random.Random(seed)
        self.roster = Roster()
        self.placed = Placed(self.roster, Clock())
        self._count = count
        for number in range(count):
            self.placed.record(record(number, self._chance))

    async def change(self) -> None:
        """For ever, as records come in: in batches of a tenth of a second."""
        number, owed = 0, 0.0
        while True:
            await asyncio.sleep(0.1)
            owed += self._count / EVERY * 0.1
            while owed >= 1:
                owed -= 1
                self.placed.record(record(number % self._count, self._chance))
                number += 1


class Lag:
    """How long the event loop was away at most; not counted is what is done ``apart``, which no server would do."""

    def __init__(self) -> None:
        self.worst = 0.0
        self._apart = 0.0

    async def watch(self) -> None:
        while True:
            before, apart = time.perf_counter(), self._apart
            await asyncio.sleep(0.001)
            self.worst = max(self.worst, time.perf_counter() - before - 0.001 - (self._apart - apart))

    @contextmanager
    def apart(self) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self._apart += time.perf_counter() - began
