"""LSF: what bsub, bjobs and bkill are asked, and what they print."""

from __future__ import annotations

import datetime
import json
import re

import pytest

from portcall.errors import SchedulerSilent
from portcall.launchers.lsf import Lsf
from portcall.model import job as states
from portcall.model.job import Job
from portcall.model.start import Output
from tests.launchers.batch import EVERYTHING, BatchContract, by_id, quickly, recorded, words

NEW_YEAR = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC).timestamp()


class TestLsf(BatchContract):
    TAKEN = "Job <24871> is submitted to default queue <normal>.\n"
    ID = "24871"
    AWAY = ("Cannot connect to LSF. Please wait ...\n", "LSF is down. Please wait ...\n")
    GONE = ("Job <24871>: Job has already finished\n", "Job <24871>: No matching job found\n")
    ANSWER = recorded("lsf/bjobs.json")

    @pytest.fixture
    def launcher(self) -> Lsf:
        return Lsf()

    def test_options_are_lsfs_own(self, launcher: Lsf) -> None:
        asked = " ".join(words(launcher, **EVERYTHING))
        assert asked.startswith("bsub -env none -o /dev/null -q long -W 1560 -n 4 -R span[hosts=1] -M 8192MB")
        assert " -R rusage[mem=8192MB] -gpu num=2 -P physics -x y z -J portcall-s1" in asked

    def test_what_waits_runs_and_has_ended_is_read(self, launcher: Lsf) -> None:
        jobs = by_id(launcher.found(Output(0, self.ANSWER, at=NEW_YEAR)))
        assert {number: job.state for number, job in jobs.items()} == {
            "3864": states.HELD, "3866": states.QUEUED, "3867": states.RUNNING, "3868": states.FAILED,
            "3869": states.CANCELLED,
        }  # fmt: skip
        waits, runs, killed = jobs["3866"], jobs["3867"], jobs["3868"]
        assert waits.starts_to == NEW_YEAR + 2.5 * 3600
        assert waits.reason.startswith("Closed by LSF administrator: 1 host; Job's resource")
        assert (runs.hosts, runs.queue, runs.started) == (["hostA", "hostB"], "gpu", NEW_YEAR - 420)
        assert runs.ends_at == NEW_YEAR + 3 * 3600 + 53 * 60
        assert killed.exit_code == 140
        assert killed.reason == "TERM_RUNLIMIT: job killed after reaching LSF run time limit"

    def test_without_a_clock_times_without_a_year_are_not_guessed(self, launcher: Lsf) -> None:
        job = by_id(launcher.found(Output(0, self.ANSWER)))["3867"]
        assert (job.state, job.started, job.ends_at) == (states.RUNNING, None, None)

    def test_an_estimate_is_no_limit(self, launcher: Lsf) -> None:
        said = self.ANSWER.replace("03:53 L", "03:53 E")
        assert by_id(launcher.found(Output(0, said, at=NEW_YEAR)))["3867"].ends_at is None

    @pytest.mark.parametrize("said", ["Job <4> is not found\n", "No job found\n", "No matching job found\n"])
    def test_no_job_is_an_answer(self, launcher: Lsf, said: str) -> None:
        assert launcher.found(Output(255, "", said)) == []
        assert launcher.found(Output(255, "", f"Cannot connect to LSF. Please wait ...\n{said}")) == []

    def test_some_that_are_gone_are_no_failure(self, launcher: Lsf) -> None:
        gone = launcher.found(Output(255, recorded("lsf/gone.json"), "Job <4> is not found\n", NEW_YEAR))
        assert [(one.job.state, one.job.exit_code) for one in gone] == [(states.DONE, 0)]
        with pytest.raises(SchedulerSilent, match="Illegal job field name"):
            launcher.found(Output(255, "", "Illegal job field name: estimated_start_time\n"))

    def test_by_name_all_of_ours_are_asked_for(self, launcher: Lsf) -> None:
        assert launcher.query([], ["portcall-s1"]).argv[-2:] == ("-J", "portcall-*")
        assert launcher.query(["5", "-u", "6"], []).argv[-2:] == ("5", "6")

    def test_more_time_is_counted_from_the_start(self, launcher: Lsf) -> None:
        made = launcher.extend(Job("lsf", "7", states.RUNNING, started=1000.0), 1000.0 + 5400)
        assert made is not None
        assert made.argv == ("bmod", "-W", "90", "7")
        assert launcher.extend(Job("lsf", "7", states.RUNNING), 5000.0) is None

    def test_ten_thousand_jobs_are_read_in_time(self, launcher: Lsf) -> None:
        record = json.loads(self.ANSWER[self.ANSWER.index("{") :])["RECORDS"][1]
        many = [{**record, "JOBID": str(number), "JOB_NAME": "é\n\x1b[2J"} for number in range(10_000)]
        quickly(launcher, json.dumps({"COMMAND": "bjobs", "JOBS": 10_000, "RECORDS": many}), 10_000)

    def test_words_that_are_not_expected_stay_unknown(self, launcher: Lsf) -> None:
        said = re.sub(r'"STAT":"RUN"', '"STAT":"ROAMING\\\\u001b[2J"', self.ANSWER)
        job = by_id(launcher.found(Output(0, said, at=NEW_YEAR)))["3867"]
        assert (job.state, job.said) == (states.UNKNOWN, "ROAMING")
