"""What became of each thing that was found: taken, taken with a note, or not, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

TAKEN, NOTED, LEFT = "taken", "to do", "not taken"


@dataclass(frozen=True)
class Line:
    """``where``: file and line; ``what``: the thing in its own words; ``why``: what became of it, or what to do."""

    state: str
    where: str
    what: str
    why: str = ""


@dataclass
class Found:
    """Files to write, by their path below the output directory, and the report. Nothing is written yet."""

    source: Path
    files: dict[str, str] = field(default_factory=dict)
    programs: set[str] = field(default_factory=set)  # files that may be executed
    lines: list[Line] = field(default_factory=list)

    def taken(self, path: Path, line: int, what: str, into: str = "") -> None:
        self.lines.append(Line(TAKEN, self._where(path, line), what, into))

    def noted(self, path: Path, line: int, what: str, todo: str) -> None:
        """It was taken, or is known, but somebody must look."""
        self.lines.append(Line(NOTED, self._where(path, line), what, todo))

    def left(self, path: Path, line: int, what: str, why: str) -> None:
        self.lines.append(Line(LEFT, self._where(path, line), what, why))

    def _where(self, path: Path, line: int) -> str:
        name = path.relative_to(self.source) if path.is_relative_to(self.source) else path
        return f"{name}:{line}" if line else str(name)

    def counts(self) -> dict[str, int]:
        return {state: sum(line.state == state for line in self.lines) for state in (TAKEN, NOTED, LEFT)}
