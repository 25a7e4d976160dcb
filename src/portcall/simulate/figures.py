"""What came of a replay, in figures: waits, refusals, and imbalance between servers over time."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from portcall.simulate.servers import Server

GIB = 1024**3


@dataclass(frozen=True)
class Sample:
    """One moment. ``sessions`` and ``memory``: largest minus smallest, standard deviation, Gini; memory in GiB."""

    at: float
    running: int
    waiting: int
    sessions: tuple[float, float, float]
    memory: tuple[float, float, float]


@dataclass
class Outcome:
    """``waits``: seconds, of every start that was placed. ``full``: how often a server that was chosen had no room."""

    chain: str
    starts: int = 0
    waits: list[float] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    full: int = 0
    samples: list[Sample] = field(default_factory=list)
    decisions: list[float] = field(default_factory=list)
    took: float = 0.0

    def figures(self) -> dict[str, float]:
        """By name, in the order in which they are shown. Imbalance: the median and the 95th percentile over time."""
        waited = sum(wait > 0 for wait in self.waits)
        found: dict[str, float] = {
            "starts": self.starts, "placed": len(self.waits), "refused": sum(self.refused.values()), "waited": waited,
            "wait p50 s": percentile(self.waits, 0.5), "wait p95 s": percentile(self.waits, 0.95),
            "wait max s": max(self.waits, default=0.0), "chose a full server": self.full,
        }  # fmt: skip
        for what, unit in (("sessions", ""), ("memory", " GiB")):
            for number, name in enumerate((f"max-min{unit}", f"std dev{unit}", "gini")):
                values = [getattr(sample, what)[number] for sample in self.samples]
                found[f"{what} {name} p50"] = percentile(values, 0.5)
                found[f"{what} {name} p95"] = percentile(values, 0.95)
        found["decision ms p50"] = 1000 * percentile(self.decisions, 0.5)
        found["decision ms p95"] = 1000 * percentile(self.decisions, 0.95)
        found["took s"] = self.took
        return found

    def document(self) -> dict[str, Any]:
        samples = [
            {"at": sample.at, "running": sample.running, "waiting": sample.waiting,
             "sessions": _named(sample.sessions), "memory": _named(sample.memory)}
            for sample in self.samples
        ]  # fmt: skip
        return {
            "chain": self.chain, "figures": {name: round(value, 6) for name, value in self.figures().items()},
            "refusals": dict(self.refused.most_common()), "samples": samples,
        }  # fmt: skip


def _named(values: tuple[float, float, float]) -> dict[str, float]:
    return dict(zip(("range", "stdDev", "gini"), (round(value, 4) for value in values), strict=True))


def sample(at: float, servers: Sequence[Server], waiting: int) -> Sample:
    """What the servers hold in truth now."""
    sessions = imbalance([server.count for server in servers])
    memory = imbalance([server.used / GIB for server in servers])
    return Sample(at, sum(server.running for server in servers), waiting, sessions, memory)


def imbalance(values: Sequence[float]) -> tuple[float, float, float]:
    """Largest minus smallest, standard deviation (of all, not of a sample), Gini coefficient."""
    mean = sum(values) / len(values)
    deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))
    return max(values) - min(values), deviation, gini(values)


def gini(values: Sequence[float]) -> float:
    """0: all have the same; towards 1: one has all."""
    ordered, count, total = sorted(values), len(values), sum(values)
    if not total:
        return 0.0
    weighted = sum(rank * value for rank, value in enumerate(ordered, 1))
    return max(0.0, 2 * weighted / (count * total) - (count + 1) / count)


def percentile(values: Sequence[float], part: float) -> float:
    """The value below which ``part`` of them lie; 0 of none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(int(part * len(ordered)), len(ordered) - 1)]
