"""Outcomes of replays as pictures: lines of blocks for a terminal, and an SVG file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from portcall.simulate.figures import Outcome, Sample

_BLOCKS = "▁▂▃▄▅▆▇█"
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # told apart by everybody
PANELS: tuple[tuple[str, Callable[[Sample], float]], ...] = (
    ("sessions that run", lambda sample: sample.running),
    ("starts that wait", lambda sample: sample.waiting),
    ("sessions: largest minus smallest", lambda sample: sample.sessions[0]),
    ("sessions: standard deviation", lambda sample: sample.sessions[1]),
    ("sessions: Gini coefficient", lambda sample: sample.sessions[2]),
    ("memory in use: standard deviation, GiB", lambda sample: sample.memory[1]),
    ("memory in use: Gini coefficient", lambda sample: sample.memory[2]),
)


def text(outcomes: Sequence[Outcome], width: int = 60) -> list[str]:
    """A panel each, a line for each chain; the same height means the same within a panel."""
    lines = []
    widest = max((len(outcome.chain) for outcome in outcomes), default=0)
    for title, figure in PANELS:
        series = [[figure(sample) for sample in outcome.samples] for outcome in outcomes]
        top = max((max(values) for values in series if values), default=0.0)
        lines.append(f"{title} (0 to {top:.4g})")
        lines += [
            f"  {outcome.chain:<{widest}}  {spark(values, top, width)}"
            for outcome, values in zip(outcomes, series, strict=True)
        ]
    return lines


def spark(values: Sequence[float], top: float, width: int) -> str:
    """The largest of each part, so that no peak is lost."""
    count = min(width, len(values))
    parts = [values[number * len(values) // count : (number + 1) * len(values) // count] for number in range(count)]
    return "".join(_BLOCKS[min(7, int(8 * max(part) / top)) if top else 0] for part in parts)


def svg(outcomes: Sequence[Outcome]) -> str:
    """One file without scripts or anything that it would load."""
    wide, high, left, gap = 860, 130, 60, 50
    height = 40 + 20 * len(outcomes) + len(PANELS) * (high + gap)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {height}" width="{wide}" height="{height}" '
        'font-family="sans-serif" font-size="12" role="img">',
        f'<title>Load balancing compared</title><rect width="{wide}" height="{height}" fill="white"/>',
    ]
    for number, outcome in enumerate(outcomes):
        y = 24 + 20 * number
        parts.append(f'<rect x="{left}" y="{y - 10}" width="16" height="10" fill="{_colour(number)}"/>')
        parts.append(f'<text x="{left + 24}" y="{y}">{escape(outcome.chain)}</text>')
    for number, (title, figure) in enumerate(PANELS):
        top = 50 + 20 * len(outcomes) + number * (high + gap)
        parts += _panel(title, figure, outcomes, (left, top, wide - left - 20, high))
    return "\n".join([*parts, "</svg>", ""])


def _panel(
    title: str, figure: Callable[[Sample], float], outcomes: Sequence[Outcome], box: tuple[int, int, int, int]
) -> list[str]:
    left, top, wide, high = box
    samples = [sample for outcome in outcomes for sample in outcome.samples]
    largest = max((figure(sample) for sample in samples), default=0.0) or 1.0
    first, last = min((s.at for s in samples), default=0.0), max((s.at for s in samples), default=1.0)
    span = last - first or 1.0
    parts = [
        f'<text x="{left}" y="{top - 6}" font-weight="bold">{escape(title)}</text>',
        f'<rect x="{left}" y="{top}" width="{wide}" height="{high}" fill="none" stroke="#999"/>',
        f'<text x="{left - 6}" y="{top + 10}" text-anchor="end">{largest:.4g}</text>',
        f'<text x="{left - 6}" y="{top + high}" text-anchor="end">0</text>',
        f'<text x="{left + wide}" y="{top + high + 14}" text-anchor="end">{span / 3600:.1f} h</text>',
    ]
    for number, outcome in enumerate(outcomes):
        points = " ".join(
            f"{left + wide * (sample.at - first) / span:.1f},{top + high - high * figure(sample) / largest:.1f}"
            for sample in outcome.samples
        )
        parts.append(f'<polyline fill="none" stroke="{_colour(number)}" stroke-width="1.5" points="{points}"/>')
    return parts


def _colour(number: int) -> str:
    return _COLOURS[number % len(_COLOURS)]
