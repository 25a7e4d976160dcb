"""Grid Engine: what qsub, qstat and qdel are asked, and what they print."""

from __future__ import annotations

import datetime

import pytest

from portcall.errors import SchedulerSilent
from portcall.launchers.gridengine import GridEngine
from portcall.model import job as states
from portcall.model.job import Job
from portcall.model.start import Output
from tests.launchers.batch import EVERYTHING, BatchContract, by_id, quickly, recorded, words

BEGAN = datetime.datetime(2026, 11, 20, 12, 19, 5, tzinfo=datetime.UTC).timestamp()


def launcher_jobs(launcher: GridEngine, said: str) -> list[Job]:
    return [one.job for one in launcher.found(Output(0, said))]


class TestGridEngine(BatchContract):
    TAKEN = "4711\n"
    ID = "4711"
    AWAY = (
        'error: commlib error: got select error (Connection refused)\nerror: unable to send message to qmaster using '
        'port 6444 on host "localhost": got send error\n',
        'Unable to run job: unable to send message to qmaster using port 6444 on host "localhost": got send error\n'
        "Exiting.\n",
    )  # fmt: skip
    GONE = ('denied: job "4711" does not exist\n',)
    ANSWER = recorded("gridengine/jobs.xml")

    @pytest.fixture
    def launcher(self) -> GridEngine:
        return GridEngine()

    def test_the_longer_answer_of_older_ones_is_read_too(self, launcher: GridEngine) -> None:
        said = 'Your job 4712 ("portcall-s1") has been submitted\n'
        assert launcher.submitted.findall(f"Welcome 5\n{said}") == ["4712"]

    def test_options_are_those_of_grid_engine(self, launcher: GridEngine) -> None:
        asked = " ".join(words(launcher, **EVERYTHING))
        assert asked.startswith("qsub -terse -C  -S /bin/sh -r n -m n -j y -o /dev/null -q long -pe smp 4 ")
        assert "-l h_rt=93600,mem_free=2048M,gpu=1 -P physics -x y z" in asked
        own = " ".join(words(launcher, cores="2", memory="1G", pe="shm", memory_resource="h_vmem"))
        assert "-pe shm 2 -l h_vmem=512M" in own

    def test_what_waits_runs_and_has_ended_is_read(self, launcher: GridEngine) -> None:
        jobs = by_id(launcher.found(Output(0, self.ANSWER)))
        assert {number: job.state for number, job in jobs.items()} == {
            "8": states.RUNNING, "7": states.HELD, "9": states.QUEUED, "10": states.QUEUED, "12": states.HELD,
            "1": states.DONE, "2": states.DONE, "6": states.DONE,
        }  # fmt: skip
        runs = jobs["8"]
        assert (runs.started, runs.ends_at, runs.hosts, runs.queue) == (BEGAN, BEGAN + 60, ["localhost"], "main")
        assert [jobs[number].place for number in ("9", "10")] == [1, 2]
        assert jobs["9"].reason == "All queues dropped because of overload or full"
        assert jobs["7"].reason == 'can\'t open output file "/nosuch/dir/x": No such file or directory'
        assert jobs["12"].reason == ""

    def test_what_is_no_xml_after_a_restart_of_its_qmaster_is_read(self, launcher: GridEngine) -> None:
        said = recorded("gridengine/restarted.xml")
        assert "<JATASK:       1.>" in said
        jobs = by_id(launcher.found(Output(0, said)))
        assert [job.state for job in jobs.values()] == [states.RUNNING, states.QUEUED]
        assert jobs["2"].reason == "All queues dropped because of overload or full"
        worse = said.replace("<djob_info>", "<djob_info><1 & 2>")
        assert [job.reason for job in launcher_jobs(launcher, worse)] == ["", ""]

    def test_details_about_none_of_them_are_fine(self, launcher: GridEngine) -> None:
        listed = self.ANSWER[: self.ANSWER.index("<?xml", 5)]
        gone = "<?xml version='1.0'?>\n<unknown_jobs >\n    <ST_name>99</ST_name>\n</unknown_jobs>\n"
        assert len(launcher.found(Output(0, listed + gone))) == 8
        assert len(launcher.found(Output(0, listed))) == 8

    def test_entities_are_not_made(self, launcher: GridEngine) -> None:
        bomb = "<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'aa'><!ENTITY b '&a;&a;'>]><job_info>&b;</job_info>"
        with pytest.raises(SchedulerSilent):
            launcher.found(Output(0, bomb))

    def test_nobody_can_give_a_job_more_time(self, launcher: GridEngine) -> None:
        assert launcher.extend(Job("gridengine", "7", states.RUNNING, started=1.0), 5000.0) is None

    def test_ids_are_an_argument_of_the_question_and_not_its_text(self, launcher: GridEngine) -> None:
        made = launcher.query(["5", "$(id)", "6"], [])
        assert made.argv[-1] == "5,6"
        assert made.argv[:3] == launcher.query([], []).argv[:3]

    def test_ten_thousand_jobs_are_read_in_time(self, launcher: GridEngine) -> None:
        begin, end = self.ANSWER.index('    <job_list state="pending">'), self.ANSWER.index("  </job_info>")
        job = self.ANSWER[begin : self.ANSWER.index("</job_list>", begin) + 12]
        many = "".join(job.replace(">7<", f">{number}<") for number in range(10_000))
        quickly(launcher, f"{self.ANSWER[:begin]}{many}{self.ANSWER[end:]}", 10_000)
