"""How a measurement is shown: the machine, tables with their raw samples, and one JSON object at the end."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path


def machine() -> str:
    """One line: what it ran on, and how busy that was."""
    model = next(
        (line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "unknown"
    )
    memory = int(next(line for line in _lines("/proc/meminfo") if line.startswith("MemTotal")).split()[1]) / 1048576
    load = " ".join(_lines("/proc/loadavg")[0].split()[:3])
    return (
        f"machine: {os.cpu_count()} cores, {model}, {memory:.0f} GiB, Linux {platform.release()}, "
        f"Python {platform.python_version()}, load {load}"
    )


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def percentile(samples: Sequence[float], part: float) -> float:
    """The value below which ``part`` of the samples lie."""
    ordered = sorted(samples)
    return ordered[min(int(part * len(ordered)), len(ordered) - 1)]


def spread(samples: Sequence[float], digits: int = 1) -> str:
    """Median (smallest-largest)."""
    return f"{statistics.median(samples):.{digits}f} ({min(samples):.{digits}f}-{max(samples):.{digits}f})"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Columns as wide as their widest cell; the first is flush left, the others right."""
    cells = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    for number, row in enumerate(cells):
        line = "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print(line.rstrip())
        if number == 0:
            print("-" * len(line))
    print(flush=True)


def raw(name: str, samples: Sequence[float], digits: int = 1) -> None:
    print(f"  raw {name}: {' '.join(f'{sample:.{digits}f}' for sample in samples)}")


def title(text: str) -> None:
    print(f"\n== {text}", flush=True)


def finish(figures: Mapping[str, float], targets: Mapping[str, float]) -> None:
    """The figures beside their targets (at most; at least where given as negative), then the JSON."""
    title("figures")
    rows = []
    for name, value in figures.items():
        wanted = targets[name]
        good, sign = (value <= wanted, "<=") if wanted > 0 else (value >= -wanted, ">=")
        rows.append((name, f"{value:.3f}", f"{sign} {abs(wanted):g}", "ok" if good else "MISSED"))
    table(("key", "measured", "target", ""), rows)
    print(machine())
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}), flush=True)
