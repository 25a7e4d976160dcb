"""A site's directory, taken over, in a server that runs: its app starts, its balancer decides."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from portcall.moving import fastx
from portcall.moving.write import save
from portcall.testing.server import ME, Server

BALANCER = """#!/usr/bin/env python3
import json, sys
asked = json.load(sys.stdin)
with open({seen!r}, "w") as file:
    json.dump(asked, file)
print(asked["nodes"][0]["id"])
"""


def test_an_app_asks_its_form_and_the_sites_balancer_chooses(tmp_path: Path) -> None:
    site, seen, script = tmp_path / "fastx", tmp_path / "seen.json", tmp_path / "my balancer"
    (site / "apps").mkdir(parents=True)
    (site / "forms").mkdir()
    (site / "apps/matlab.ini").write_text("command=matlab\nname=MATLAB\nforms[]=memory\n")
    (site / "forms/memory.html").write_text('<input name="minRam" data-type="number" required>')
    (site / "fastx.env").write_text(f"LOAD_BALANCER=custom\nLOAD_BALANCER_SCRIPT={script}\nMETADATA_gpu=2\n")
    script.write_text(BALANCER.format(seen=str(seen)))
    script.chmod(0o755)
    save(fastx.read(site), tmp_path / "server/config", force=False)

    async def run() -> None:
        async with Server(tmp_path / "server").open() as server:
            server.link(ME)
            async with await server.client(ME) as client:
                asked = await client.post("/api/sessions", json={"bookmarkId": "matlab"})
                assert asked.json()["stage"] == "form"
                assert asked.json()["form"]["id"] == "memory"
                request = {"bookmarkId": "matlab", "params": {"minRam": "4"}, "answered": ["memory"]}
                started = await client.post("/api/sessions", json=request)
                assert started.status_code == 200, started.text
                session = started.json()["result"]
                assert (session["command"], session["params"]["minRam"], session["name"]) == ("matlab", 4, "MATLAB")
                trace = (await client.get(f"/api/sessions/{session['id']}/trace")).json()
                step = next(step for step in trace["steps"] if step["step"] == "load balancing")
                assert step["result"] == "here"

    asyncio.run(run())
    given = json.loads(seen.read_text())
    assert given["nodes"][0]["metadata"] == {"gpu": "2"}
    assert given["params"]["start"]["command"] == "matlab"
