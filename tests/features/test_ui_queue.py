"""A session that waits in a queue, in a real browser: what is said of it, cancelling it, and the way in when ready."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from portcall.client.api import Client
from portcall.model.start import StartRequest
from tests.features.people import Person
from tests.features.server import Server
from tests.features.waiting import until

START = """#!/usr/bin/python3
import glob, json, os, sys
order = json.load(sys.stdin)
job = os.path.join(QUEUE, order["start"]["id"])
with open(job + ".sh", "w") as file:
    file.write(order["jobScript"])
number = str(76 + len(glob.glob(os.path.join(QUEUE, "*.sh"))))
with open(job + ".new", "w") as file:
    json.dump({"id": number, "name": order["jobName"], "state": "queued", "said": "PEND"}, file)
os.rename(job + ".new", job + ".json")  # whole, whenever somebody looks
print(json.dumps({"job": number, "message": f"Job <{number}> is submitted."}))
"""
STATUS = """#!/usr/bin/python3
import glob, json, os
jobs = [json.load(open(path)) for path in glob.glob(os.path.join(QUEUE, "*.json"))]
print(json.dumps({"jobs": jobs}))
"""
CANCEL = """#!/usr/bin/python3
import glob, os, sys
for path in glob.glob(os.path.join(QUEUE, "*.json")):
    os.rename(path, path + ".cancelled")
"""
LOG = "#!/bin/sh\necho the job has said this\n"


class Queue:
    """A scheduler of files: one for each job, whose state the test writes."""

    def __init__(self, server: Server, person: Person) -> None:
        self.folder = person.home / "queue"
        person.run("mkdir", "-p", str(self.folder))
        place = self.place = server.config / "launchers" / "queue"
        place.mkdir(parents=True)
        for name, text in (("start", START), ("status", STATUS), ("cancel", CANCEL), ("log", LOG)):
            path = place / name
            path.write_text(text.replace("QUEUE", repr(str(self.folder))))
            path.chmod(0o755)
        (place / "launcher.toml").write_text('title = "Our queue"\npoll = 1\n')

    def say(self, session_id: str, **members: Any) -> None:
        path = self.folder / f"{session_id}.json"
        draft = path.with_suffix(".new")
        draft.write_text(json.dumps({**json.loads(path.read_text()), **members}))
        draft.rename(path)

    def jobs(self, suffix: str = ".json") -> list[Path]:
        return sorted(self.folder.glob(f"*{suffix}"))


@pytest.fixture(scope="module")
def client(own_server: Server) -> Iterator[Client]:
    with own_server.by_link() as client:
        yield client


@pytest.fixture(scope="module")
def queue(own_server: Server, person: Person) -> Queue:
    return Queue(own_server, person)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture
def page(browser: Browser, client: Client, queue: Queue) -> Iterator[Page]:
    made = browser.new_page(viewport={"width": 1360, "height": 900}, reduced_motion="reduce")
    made.goto(client.fresh_link()["url"])
    expect(made.get_by_label("New session").first).to_be_visible()
    yield made
    made.close()
    for session in client.sessions():
        client.purge(session.id)


def submitted(client: Client, name: str) -> str:
    answer = client.start(StartRequest("exec tail -f /dev/null", name=name, geometry="800x600", launcher="queue"))
    assert answer["stage"] == "scheduled"
    assert "is submitted." in answer["text"]
    return str(answer["result"]["id"])


def test_a_waiting_session_shows_what_its_scheduler_says_and_is_opened_when_it_is_ready(
    page: Page, client: Client, queue: Queue, person: Person
) -> None:
    traces: list[str] = []
    page.on("request", lambda asked: traces.extend([asked.url] if "/trace" in asked.url else []))
    session_id = submitted(client, "Wing")
    card = page.locator(f'[data-session="{session_id}"]')
    expect(card).to_contain_text("Waiting")
    expect(card).to_contain_text("Queued (PEND)")
    before = list(traces)
    soon = time.time() + 3600
    queue.say(session_id, reason="Waiting for 2 GPUs", place=3, startsFrom=soon, startsTo=soon + 5400, queue="gpu")
    for words in ("Waiting for 2 GPUs", "Place in queue3", "between", "gpu · 77", "Has waited"):
        expect(card).to_contain_text(words)
    assert traces == before  # nobody asks every second how each of hundreds is getting on

    # it cannot be connected to; its own page says the same, and its log is the job's
    card.get_by_role("link", name="Wing").click()
    expect(page.get_by_text("the page tells you when it is ready")).to_be_visible()
    expect(page.locator("canvas")).to_have_count(0)
    page.get_by_role("link", name="Details").click()
    page.get_by_role("link", name="Log", exact=True).click()
    expect(page.get_by_text("the job has said this")).to_be_visible()
    page.goto(page.url.split("/session/")[0] + "/")

    # its turn has come
    (script,) = queue.jobs(f"{session_id}.sh")
    with person.running("sh", str(script), start_new_session=True):
        ready = page.get_by_label("Sessions that are ready")
        expect(ready).to_contain_text("Wing is ready")
        expect(card).to_contain_text("Running")
        ready.get_by_role("link", name="Open").click()
        expect(page.locator("canvas").first).to_be_visible()
        expect(ready).to_have_count(0)
        client.terminate(session_id)
        until(lambda: client.session(session_id).state == "ended", "it has ended")


def test_a_waiting_session_is_cancelled_with_its_job(page: Page, client: Client, queue: Queue) -> None:
    session_id = submitted(client, "Not needed")
    card = page.locator(f'[data-session="{session_id}"]')
    card.get_by_role("button", name="Cancel job").click()
    until(lambda: client.session(session_id).state == "ended", "it has ended")
    assert [path.name for path in queue.jobs(".cancelled") if session_id in path.name]
    page.goto(f"{page.url.split('/session/')[0]}session/{session_id}/info")
    expect(page.get_by_role("status").filter(has_text="Cancelled")).to_be_visible()
    expect(page.get_by_text("It was ended by")).to_be_visible()
    expect(page.get_by_text("Did not start")).to_have_count(0)


def test_what_its_launcher_cannot_cancel_is_ended_all_the_same_and_does_not_come_up(
    client: Client, queue: Queue, person: Person
) -> None:
    session_id = submitted(client, "No way back")
    cancel = queue.place / "cancel"
    cancel.rename(cancel.with_suffix(".away"))
    try:
        client.terminate(session_id)
        until(lambda: client.session(session_id).state == "ended", "it has ended")
    finally:
        cancel.with_suffix(".away").rename(cancel)
    (script,) = queue.jobs(f"{session_id}.sh")
    done = person.run("sh", str(script))
    assert done.returncode != 0
    assert client.session(session_id).state == "ended"


def test_a_job_that_failed_says_so_with_what_it_printed(page: Page, client: Client, queue: Queue) -> None:
    session_id = submitted(client, "Unlucky")
    queue.say(session_id, state="failed", said="EXIT", exitCode=3)
    until(lambda: client.session(session_id).state == "ended", "it was noticed")
    card = page.locator(f'[data-session="{session_id}"]')
    expect(card).to_contain_text("Did not start")
    expect(card).to_contain_text(re.compile("exit code 3|code 3"))
    expect(card).to_contain_text("the job has said this")
