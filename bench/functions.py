"""A start with everything that administrators may configure, against bare Xvnc: a part of ``make bench-decide``."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bench import place, report, xvnc
from bench.place import Place
from bench.start import GEOMETRY, Samples, Starter, alternate, bare_starts, show, show_steps

FORM = '<label for="m">Memory in GB</label><input id="m" name="minRam" data-type="number" required>'


def configure(server: Place, functions: Mapping[str, str], chain: Mapping[str, str]) -> None:
    """Through the API, as an administrator does it; the form is one that every start must answer."""
    here = server.call("GET", "/")["serverId"]
    server.call("PUT", f"/static-data/{here}", {"data": {"gpu": True}})
    server.call("PUT", "/forms/memory", {"name": "Memory", "html": FORM})
    server.call("PUT", "/default-forms", {"forms": ["memory"]})
    for kind, source in functions.items():
        server.call("PUT", f"/functions/{kind}", {"kind": kind, "name": kind, "source": source})
    steps = []
    for number, (name, source) in enumerate(chain.items()):
        server.call("PUT", f"/functions/step{number}", {"kind": "start-balance", "name": name, "source": source})
        steps.append(f"function:step{number}")
    server.call("PUT", "/chains/start", {"steps": steps})


def ratio(count: int, functions: Mapping[str, str], chain: Mapping[str, str]) -> float:
    """p50 of starts with these functions by p50 of bare Xvnc, taken in turn; plain starts beside them."""
    bare_samples: list[float] = []
    plain_samples, samples = Samples(), Samples()
    with tempfile.TemporaryDirectory(prefix="pcb-", dir="/tmp") as folder:
        bare, _ = xvnc.bare(Path(folder), GEOMETRY)
        with place.opened() as plain, place.opened() as configured:
            configure(configured, functions, chain)
            without = Starter(plain, "wait=0&connect=1")
            starter = Starter(configured, "wait=0&connect=1", params={"minRam": "2"})
            for one in (without, starter):
                one.start(1, Samples())
            bare_starts(bare, 1)
            alternate(
                count,
                lambda: bare_samples.extend(bare_starts(bare, 1)),
                lambda: without.start(1, plain_samples),
                lambda: starter.start(1, samples),
            )
            without.close()
            starter.close()
        bare.close()
    report.title("a start with form, form filter, schedule, start event and a chain of three, in JavaScript")
    rows = [("bare Xvnc", bare_samples), ("plain", plain_samples.took), ("with functions", samples.took)]
    show(rows, bare_samples)
    show_steps(samples)
    return statistics.median(samples.took) / statistics.median(bare_samples)
