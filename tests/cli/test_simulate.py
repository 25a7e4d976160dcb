"""``portcall simulate`` with a cluster's job trace, its picture included."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from portcall.simulate.plot import PANELS
from tests.cli.conftest import Portcall

# job, submitted, waited, ran, processors, CPU, KiB for each, asked: processors, time, KiB, status, user, group, …
TRACE = """; Version: 2.2
; MaxNodes: 4
1    0 5 3600 4 -1 1048576 4 3600 -1 1 3 5 1 2 1 -1 -1
2   60 5 1800 1 -1  524288 1 3600 -1 1 4 5 1 1 1 -1 -1
3 7200 5 1800 1 -1  524288 1 3600 -1 1 4 5 1 1 1 -1 -1
"""
SVG = "{http://www.w3.org/2000/svg}"


def test_a_job_trace_is_played_through_two_chains_and_drawn(portcall: Portcall, tmp_path: Path) -> None:
    trace, picture = tmp_path / "cluster.swf", tmp_path / "out.svg"
    trace.write_text(TRACE)
    chains = ["--chain", "fewest_sessions", "--chain", "random_server"]
    given = ["simulate", "--replay", str(trace), "--servers", "3", *chains, "--plot", str(picture)]
    played = portcall(*given, "--json")
    assert played.code == 0, played.err
    assert (played.json["servers"], played.json["starts"]) == (3, 3)
    assert [chain["figures"]["placed"] for chain in played.json["chains"]] == [3, 3]

    drawn = ElementTree.fromstring(picture.read_text())
    words = [element.text for element in drawn.iter(f"{SVG}text")]
    assert {"fewest_sessions", "random_server", *(title for title, _ in PANELS)} <= set(words)
    assert len(list(drawn.iter(f"{SVG}polyline"))) == 2 * len(PANELS)

    shown = portcall(*given)
    assert shown.out.split()[:2] == ["fewest_sessions", "random_server"]
    assert "sessions that run (0 to 2)" in shown.out
