"""Made-up starts: arrival, duration and memory by distribution, the same for the same seed."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from portcall.errors import InvalidValue
from portcall.simulate.start import HOUR, MIB, Start

ARRIVALS = ("poisson", "bursty", "constant")
DISTRIBUTIONS = ("exponential", "lognormal", "constant", "uniform")
BURST = 20  # starts in a burst, on average
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": HOUR, "d": 86400.0}
_SIZES = {"": 1.0, "K": 1024.0, "M": float(MIB), "G": 1024.0 * MIB, "T": 1024.0**2 * MIB}
_LARGEST_SPREAD = 5.0  # beyond it a lognormal's mean is never seen


@dataclass(frozen=True)
class Distribution:
    """``mean``; ``spread``: the sigma of a lognormal, or half the width of a uniform as a part of the mean."""

    name: str
    mean: float
    spread: float = 1.0

    def draw(self, chance: random.Random) -> float:
        if self.name == "exponential":
            return chance.expovariate(1 / self.mean)
        if self.name == "lognormal":
            return chance.lognormvariate(math.log(self.mean) - self.spread**2 / 2, self.spread)
        if self.name == "uniform":
            return self.mean * (1 + self.spread * (2 * chance.random() - 1))
        return self.mean


def seconds(text: str) -> float:
    """``90``, ``90s``, ``15m``, ``2h``, ``1d``."""
    return _number(text, _UNITS, "a time such as 90, 15m, 2h or 1d")


def size(text: str) -> float:
    """Bytes: ``2G``, ``512M``."""
    return _number(text.upper().removesuffix("IB").removesuffix("B"), _SIZES, "a size such as 512M or 2G")


def rate(text: str) -> float:
    """Starts a second: ``5/s``, ``120/m``, ``3000/h``."""
    count, _, unit = text.partition("/")
    return _number(count, {"": 1.0}, "a rate such as 5/s, 120/m or 3000/h") / _number("1" + (unit or "s"), _UNITS, "")


def distribution(text: str, read: Callable[[str], float]) -> Distribution:
    """``lognormal:2h,1.2`` (mean and sigma), ``exponential:1h``, ``constant:30m``, ``uniform:2G,0.5``."""
    name, _, rest = text.partition(":")
    mean, _, spread = rest.partition(",")
    if name not in DISTRIBUTIONS or not mean:
        raise InvalidValue(f"{text!r}: write NAME:MEAN, the name being one of {', '.join(DISTRIBUTIONS)}")
    default = "0.5" if name == "uniform" else "1"
    found = Distribution(name, read(mean), _number(spread or default, {"": 1.0}, "a number"))
    if found.mean <= 0 or found.spread > (1 if name == "uniform" else _LARGEST_SPREAD):
        raise InvalidValue(f"{text!r}: the mean must be above 0 and the spread not larger than it may be")
    return found


def make_up(
    count: int, arrival: str, per_second: float, duration: Distribution, memory: Distribution, users: int, seed: int
) -> list[Start]:
    """``count`` starts in the order of their time; a few of the ``users`` start most."""
    if arrival not in ARRIVALS:
        raise InvalidValue(f"arrival: one of {', '.join(ARRIVALS)}", field="arrival")
    if count < 1 or per_second <= 0 or users < 1:
        raise InvalidValue("starts, rate and users must be above 0")
    chance = random.Random(seed)
    moments = _MOMENTS[arrival](per_second, chance)
    made = []
    for number in range(count):
        user = int(users * chance.random() ** 2)
        made.append(Start(
            f"start{number}", next(moments), max(1.0, duration.draw(chance)), max(MIB, int(memory.draw(chance))),
            f"user{user}", (f"group{user % 10}",),
        ))  # fmt: skip
    return sorted(made, key=lambda start: start.at)


def _poisson(per_second: float, chance: random.Random) -> Iterator[float]:
    now = 0.0
    while True:
        now += chance.expovariate(per_second)
        yield now


def _constant(per_second: float, chance: random.Random) -> Iterator[float]:
    number = 0
    while True:
        number += 1
        yield number / per_second


def _bursty(per_second: float, chance: random.Random) -> Iterator[float]:
    """A lecture begins, a shift changes: bursts, each within seconds."""
    now = 0.0
    while True:
        now += chance.expovariate(per_second / BURST)
        moment = now
        for _ in range(1 + int(chance.expovariate(1 / BURST))):
            moment += chance.expovariate(10.0)
            yield moment


_MOMENTS = {"poisson": _poisson, "bursty": _bursty, "constant": _constant}


def _number(text: str, units: dict[str, float], wanted: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([A-Za-z]?)", text.strip())
    if match is None or match.group(2) not in units:
        raise InvalidValue(f"{text!r}: {wanted} is needed")
    return float(match.group(1)) * units[match.group(2)]
