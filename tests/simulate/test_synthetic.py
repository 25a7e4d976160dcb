from __future__ import annotations

import random
import statistics

import pytest

from portcall.errors import InvalidValue
from portcall.simulate import synthetic
from portcall.simulate.start import HOUR, MIB
from portcall.simulate.synthetic import Distribution, distribution, make_up, rate, seconds, size


@pytest.mark.parametrize(("text", "value"), [("90", 90), ("15m", 900), ("2h", 7200), ("1d", 86400), ("1.5s", 1.5)])
def test_times_are_written_as_people_write_them(text: str, value: float) -> None:
    assert seconds(text) == value


def test_sizes_and_rates() -> None:
    assert (size("2G"), size("512M"), size("2GiB"), size("100")) == (2 * 1024 * MIB, 512 * MIB, 2 * 1024 * MIB, 100)
    assert (rate("5/s"), rate("120/m"), rate("3600/h"), rate("2")) == (5, 2, 1, 2)


@pytest.mark.parametrize("text", ["", "fast", "1x", "-1", "1/2"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        seconds(text)


@pytest.mark.parametrize("text", ["gamma:1h", "exponential", "constant:0", "lognormal:1h,9", "uniform:1h,2", "x:1h"])
def test_what_is_no_distribution_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        distribution(text, seconds)


@pytest.mark.parametrize("name", synthetic.DISTRIBUTIONS)
def test_a_distribution_has_the_mean_that_was_asked_for(name: str) -> None:
    chance = random.Random(1)
    drawn = [Distribution(name, HOUR, 0.5).draw(chance) for _ in range(20_000)]
    assert statistics.fmean(drawn) == pytest.approx(HOUR, rel=0.03)


@pytest.mark.parametrize("arrival", synthetic.ARRIVALS)
def test_starts_come_as_often_as_was_asked_for_and_in_order(arrival: str) -> None:
    hour, memory = Distribution("constant", HOUR), Distribution("constant", 2.0**30)
    starts = make_up(20_000, arrival, 5.0, hour, memory, 100, 1)
    assert starts == sorted(starts, key=lambda start: start.at)
    assert 20_000 / starts[-1].at == pytest.approx(5.0, rel=0.1)
    assert make_up(20_000, arrival, 5.0, hour, memory, 100, 1) == starts
    assert len({start.login for start in starts}) == 100


def test_bursts_are_burstier() -> None:
    one = Distribution("constant", 60.0)

    def variation(arrival: str) -> float:
        starts = make_up(5000, arrival, 1.0, one, one, 10, 1)
        counts = [0] * (int(starts[-1].at) // 10 + 1)
        for start in starts:
            counts[int(start.at) // 10] += 1
        return statistics.pstdev(counts)

    assert variation("constant") < variation("poisson") < variation("bursty")
