"""Launchers of a site's own: one file, or one directory of scripts."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall.errors import InvalidValue, SchedulerSilent, StartFailed
from portcall.jobs import scripts
from portcall.launchers.base import Launcher, Scheduler
from portcall.model.job import QUEUED, RUNNING, STATES, UNKNOWN, Job
from portcall.model.option import QUEUE, Option
from portcall.model.start import Invocation, Output, Scheduled, Started
from portcall.testing.contracts.launcher import LauncherContract, host, order
from portcall.testing.contracts.scheduler import SchedulerContract, found_or_silent

ENVIRONMENT = {"PYTHONPATH": "/usr/lib/portcall/scripts"}


# with a queue that has every job that is asked about
START = """#!/usr/bin/python3
import json, sys
given = json.load(sys.stdin)
job = {"id": "7", "log": given["homedir"] + "/out"}
print(json.dumps({"job": job, "message": "for " + given["start"]["command"]}))
"""
STATUS = """#!/usr/bin/python3
import json, sys
given = json.load(sys.stdin)
jobs = [{"id": i, "state": "queued", "place": 2, "startsFrom": 1e9, "hosts": ["n1"]} for i in given["ids"]]
print(json.dumps({"jobs": jobs}))
"""
CANCEL = """#!/bin/sh
grep -q '"id": "7"'
"""


def directory(folder: Path, name: str = "mine", /, told: str = "", **texts: str) -> Path:
    place = folder / name
    place.mkdir()
    for action, text in texts.items():
        (place / action).write_text(text)
        (place / action).chmod(0o755)
    if told:
        (place / "launcher.toml").write_text(told)
    return place


def found(folder: Path, name: str = "mine") -> Launcher:
    launcher = scripts.find(folder, name, ENVIRONMENT)
    assert launcher is not None
    return launcher


def scheduler(folder: Path, name: str = "mine") -> Scheduler:
    launcher = found(folder, name)
    assert isinstance(launcher, Scheduler)
    return launcher


def ran(made: Invocation) -> Output:
    done = subprocess.run(
        made.argv, input=made.stdin, env={"PATH": "/usr/bin:/bin", **made.environment}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    return Output(done.returncode, done.stdout, done.stderr)


class TestDirectory(SchedulerContract):
    @pytest.fixture
    def launcher(self, tmp_path: Path) -> Scheduler:
        directory(tmp_path, start="", status="", cancel="", log="")
        return scheduler(tmp_path)


class TestOneFile(SchedulerContract):
    @pytest.fixture
    def launcher(self, tmp_path: Path) -> Scheduler:
        (tmp_path / "mine").write_text("#!/bin/sh\n")
        return scheduler(tmp_path)


class TestStartAlone(LauncherContract):
    @pytest.fixture
    def launcher(self, tmp_path: Path) -> Launcher:
        directory(tmp_path, start="")
        launcher = found(tmp_path)
        assert not isinstance(launcher, Scheduler)
        return launcher


def test_a_file_is_called_with_the_action_as_its_first_argument(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("#!/bin/sh\n")
    launcher, job = scheduler(tmp_path), Job("mine", "7")
    log = launcher.log(job)
    assert log is not None
    made = [launcher.invocation(order(), host()), launcher.query(["7"], []), launcher.cancel(job), log]
    assert [one.argv for one in made] == [
        (str(tmp_path / "mine"), action) for action in ("start", "status", "cancel", "log")
    ]


def test_a_directory_has_a_script_for_each_action(tmp_path: Path) -> None:
    place = directory(tmp_path, start="", status="", cancel="")
    launcher = scheduler(tmp_path)
    assert launcher.invocation(order(), host()).argv == (str(place / "start"),)
    assert launcher.query([], []).argv == (str(place / "status"),)
    assert launcher.cancel(Job("mine", "7")).argv == (str(place / "cancel"),)
    # without a script of its own, the end of the file that the job names
    assert launcher.log(Job("mine", "7")) is None
    tail = launcher.log(Job("mine", "7", log="out -f.log"))
    assert tail is not None
    assert tail.argv[-2:] == ("--", "out -f.log")


def test_who_runs_what(tmp_path: Path) -> None:
    directory(tmp_path, start="", status="", cancel="", log="")
    launcher, job = scheduler(tmp_path), Job("mine", "7")
    assert not launcher.invocation(order(), host()).as_service
    assert not launcher.cancel(job).as_service
    assert launcher.query(["7"], []).as_service  # one question about everybody's jobs
    directory(tmp_path, "other", told="as_service = true", start="", status="", cancel="", log="")
    launcher = scheduler(tmp_path, "other")
    assert launcher.invocation(order(), host()).as_service
    assert launcher.cancel(job).as_service


def test_start_is_given_what_a_custom_launcher_is_and_its_jobs_name_and_script(tmp_path: Path) -> None:
    directory(tmp_path, start="", status="")
    made = found(tmp_path).invocation(order(options={"queue": "long"}), host())
    document = json.loads(made.stdin)
    assert document["login"] == "ann"
    assert document["start"]["id"] == "s1"
    assert document["options"] == {"queue": "long"}
    assert document["jobName"] == "portcall-s1"
    assert document["jobScript"].startswith("#!/bin/sh\n")
    assert made.environment["PYTHONPATH"] == "/usr/lib/portcall/scripts"
    assert "sealed-by-the-server" not in json.dumps(made.argv)


@pytest.mark.parametrize(("printed", "text", "job"), [
    ('{"job": "4711"}', "", "4711"), ('{"job": 4711, "message": "queued"}', "queued", "4711"),
    ('{"job": {"id": "4711", "queue": "long"}}', "", "4711"), ("queued\n", "queued", ""), ("", "", ""),
    ('{"jobs": []}', '{"jobs": []}', ""), ('{"job": "7", "message": "\\u001b[31mqueued\\u0007"}', "queued", "7"),
])  # fmt: skip
def test_what_start_prints_names_the_job(tmp_path: Path, printed: str, text: str, job: str) -> None:
    directory(tmp_path, start="", status="")
    outcome = found(tmp_path).outcome(order(), Output(0, printed))
    assert isinstance(outcome, Scheduled)
    assert (outcome.text, outcome.job and outcome.job.id, outcome.job and outcome.job.launcher) == (text, job, "mine")


def test_a_result_is_a_session_that_was_started(tmp_path: Path) -> None:
    directory(tmp_path, start="")
    assert found(tmp_path).outcome(order(), Output(0, '{"result": {}}')) == Started("s1")
    assert found(tmp_path).outcome(order(), Output(0, "hello")) == Scheduled("s1", "hello")
    with pytest.raises(StartFailed, match="full"):
        found(tmp_path).outcome(order(), Output(9, "full"))


def test_scripts_that_really_run_are_asked_and_answer(tmp_path: Path) -> None:
    directory(tmp_path, start=START, status=STATUS, cancel=CANCEL)
    launcher = scheduler(tmp_path)
    outcome = launcher.outcome(order(command="xterm"), ran(launcher.invocation(order(command="xterm"), host())))
    assert outcome == Scheduled("s1", "for xterm", Job("mine", "7", UNKNOWN, log="/home/ann/out"))
    (one,) = launcher.found(ran(launcher.query(["7"], ["portcall-s1"])))
    assert one.job == Job("mine", "7", QUEUED, "queued", place=2, starts_from=1e9, hosts=["n1"])
    assert ran(launcher.cancel(one.job)).code == 0


def test_states_that_are_not_ours_are_unknown_and_their_word_is_shown(tmp_path: Path) -> None:
    directory(tmp_path, start="", status="")
    waits = {"name": "portcall-x", "state": "PEND", "said": "\x1b[31mwaiting\x1b[0m", "reason": "no\tslots\a"}
    document = {"jobs": [{"id": 1, "state": "Running"}, waits]}
    first, second = scheduler(tmp_path).found(Output(0, json.dumps(document)))
    assert (first.job.state, first.job.id) == (RUNNING, "1")
    assert (second.job.state, second.job.said, second.name) == (UNKNOWN, "waiting", "portcall-x")
    assert second.job.reason == "no      slots"


def test_a_status_that_fails_says_nothing_about_any_job(tmp_path: Path) -> None:
    directory(tmp_path, start="", status="")
    with pytest.raises(SchedulerSilent, match="cannot reach"):
        scheduler(tmp_path).found(Output(1, "[]", "cannot reach the controller"))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(STATES),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(["id", "name", "state", "place", "startsFrom", "endsAt", "hosts", "exitCode", "log", "jobs"]),
        inner, max_size=6,
    ),
    max_leaves=20,
)  # fmt: skip


@given(document=_JSON)
def test_any_json_is_jobs_or_silence(document: object) -> None:
    with tempfile.TemporaryDirectory() as folder:
        directory(Path(folder), start="", status="")
        launcher = scheduler(Path(folder))
        for one in found_or_silent(launcher, Output(0, json.dumps(document))):
            assert one.job.state in STATES
            json.dumps([one.job.id, one.job.hosts, one.job.place], allow_nan=False)


def test_a_start_that_was_not_back_in_time_may_have_made_a_job(tmp_path: Path) -> None:
    directory(tmp_path, start="", status="")
    late = Output(124, "", "farm: the time limit of 60 s was reached\n")
    with pytest.raises(SchedulerSilent, match=r"of 60 s was reached \(timeout, in its launcher\.toml\)"):
        scheduler(tmp_path).outcome(order(), late)
    directory(tmp_path, "alone", start="")  # nobody could be asked for it
    with pytest.raises(StartFailed, match=r"of 60 s was reached \(timeout, in its launcher\.toml\)"):
        found(tmp_path, "alone").outcome(order(), late)
    with pytest.raises(StartFailed) as own:
        found(tmp_path, "alone").outcome(order(), Output(124, "", "said by timeout(1) inside it"))
    assert own.value.detail == "said by timeout(1) inside it"


def test_launcher_toml_describes_it(tmp_path: Path) -> None:
    told = """
title = "Our farm"
help = "the old one"
poll = 30
timeout = 120
options = ["queue", {name = "licence", help = "a licence", form = false}]
"""
    directory(tmp_path, told=told, start="", status="")
    launcher = scheduler(tmp_path)
    assert (launcher.title, launcher.help, launcher.poll) == ("Our farm", "the old one", 30)
    assert launcher.options == (QUEUE, Option("licence", "a licence", form=False))
    assert launcher.invocation(order(), host()).timeout == 120
    (tmp_path / "file").write_text("#!/bin/sh\n")
    (tmp_path / "file.toml").write_text('title = "One file"\nactions = ["start"]\n')
    assert found(tmp_path, "file").title == "One file"
    assert not isinstance(found(tmp_path, "file"), Scheduler)


@pytest.mark.parametrize("told", [
    "title = 5", "nonesuch = 1", "poll = 0", "as_service = 1", 'options = ["colour"]', "options = [{}]", "title = ",
    'options = [{name = "a", kind = "colour"}]',
])  # fmt: skip
def test_what_cannot_be_read_there_is_named(tmp_path: Path, told: str) -> None:
    directory(tmp_path, told=told, start="")
    with pytest.raises(InvalidValue, match=r"launcher\.toml"):
        scripts.find(tmp_path, "mine", {})


def test_a_directory_without_start_is_no_launcher(tmp_path: Path) -> None:
    directory(tmp_path, status="")
    with pytest.raises(InvalidValue, match="no script called start"):
        scripts.find(tmp_path, "mine", {})


@pytest.mark.parametrize(
    "name", ["../mine", "Mine", "mine/start", "", ".", "..", "mine.toml", "a b", "-x", "x" * 5_000]
)
def test_a_name_is_never_a_path(tmp_path: Path, name: str) -> None:
    directory(tmp_path, start="")
    (tmp_path / "mine.toml").touch()
    assert scripts.find(tmp_path, name, {}) is None
    assert scripts.names(tmp_path) == ["mine"]
    assert scripts.names(tmp_path / "nowhere") == []
