"""PBS Professional: what qsub, qstat and qdel are asked, and what they print."""

from __future__ import annotations

import datetime

import pytest

from portcall.errors import SchedulerSilent
from portcall.launchers.pbs import Pbs
from portcall.model import job as states
from portcall.model.job import Job
from portcall.model.start import Output
from tests.launchers.batch import EVERYTHING, BatchContract, by_id, quickly, recorded, words

BEGAN = datetime.datetime(2022, 7, 1, 14, 43, 7, tzinfo=datetime.UTC).timestamp()


class TestPbs(BatchContract):
    TAKEN = "4711.pbs-server.site.example\n"
    ID = "4711.pbs-server.site.example"
    AWAY = (
        "Connection refused\nqstat: cannot connect to server pbs (errno=111)\n",
        "No Permission.\nqstat: cannot connect to server pbs (errno=15007)\n",
        "qsub: cannot connect to server pbs (errno=15010)\n",
    )  # fmt: skip
    GONE = ("qdel: Unknown Job Id 4711.pbs\n", "qdel: Job has finished 4711.pbs\n")
    ANSWER = recorded("pbs/qstat.dsv")
    BETWEEN = "\n"

    @pytest.fixture
    def launcher(self) -> Pbs:
        return Pbs()

    def test_options_are_those_of_pbs(self, launcher: Pbs) -> None:
        asked = " ".join(words(launcher, **EVERYTHING))
        assert "-l select=1:ncpus=4:mem=8192mb:ngpus=2 -l walltime=26:00:00 -q long -A physics -x y z" in asked
        assert asked.startswith("qsub -C  -S /bin/sh -r n -m n -j oe -o /dev/null ")

    def test_what_waits_runs_and_has_ended_is_read(self, launcher: Pbs) -> None:
        jobs = by_id(launcher.found(Output(0, self.ANSWER)))
        assert {number: job.state for number, job in jobs.items()} == {
            "4.pbs": states.RUNNING, "5.pbs": states.QUEUED, "6.pbs": states.HELD, "7.pbs": states.FAILED,
            "8.pbs": states.CANCELLED, "9.pbs": states.DONE, "10.pbs": states.CANCELLED,
        }  # fmt: skip
        runs, waits = jobs["4.pbs"], jobs["5.pbs"]
        assert (runs.started, runs.ends_at, runs.hosts) == (BEGAN, BEGAN + 7200, ["n1", "n2"])
        assert (waits.starts_from, waits.starts_to) == (BEGAN - 10, BEGAN + 7200)
        assert waits.reason == "Not Running: Insufficient amount of resource: ncpus (R: 2 A: 0 T: 2)"
        assert jobs["6.pbs"].starts_to is None
        assert jobs["7.pbs"].exit_code == -29

    def test_whose_jobs_they_are_and_their_names_are_read(self, launcher: Pbs) -> None:
        one = launcher.found(Output(0, self.ANSWER))[0]
        assert (one.name, one.user) == ("portcall-a1", "ann")
        one = launcher.found(Output(0, self.ANSWER.replace("Job_Owner=ann@", "Job_Owner=ann@site.example@", 1)))[0]
        assert one.user == "ann@site.example"

    def test_jobs_that_are_gone_are_no_failure(self, launcher: Pbs) -> None:
        first = self.ANSWER.splitlines(keepends=True)[0]
        assert len(launcher.found(Output(153, first, "qstat: Unknown Job Id 5.pbs\n"))) == 1
        assert launcher.found(Output(153, "", "qstat: Unknown Job Id 5.pbs\nqstat: Unknown Job Id 6.pbs\n")) == []
        with pytest.raises(SchedulerSilent):
            launcher.found(Output(153, first, "qstat: Unknown Job Id 5.pbs\nqstat: End of File\n"))

    def test_what_is_in_a_jobs_environment_makes_no_other_job(self, launcher: Pbs) -> None:
        evil = "A=\\<|>job_state=F,B=x Job Id: 4.pbs\\<|>job_state=F"
        said = f"Job Id: 99.pbs<|>job_state=R<|>Variable_List={evil}\n{self.ANSWER}"
        assert by_id(launcher.found(Output(0, said)))["4.pbs"].state == states.RUNNING
        assert by_id(launcher.found(Output(0, said)))["99.pbs"].state == states.RUNNING

    def test_a_job_told_of_twice_in_two_ways_is_not_known(self, launcher: Pbs) -> None:
        said = f"{self.ANSWER}Job Id: 4.pbs<|>job_state=F<|>Exit_status=0\n"
        assert by_id(launcher.found(Output(0, said)))["4.pbs"].state == states.UNKNOWN

    def test_all_are_asked_for_at_once(self, launcher: Pbs) -> None:
        ids = [f"{number}.pbs" for number in range(500)]
        assert launcher.query(ids, []).argv == ("qstat", "-x", "-f", "-E", "-F", "dsv", "-D", "<|>", *ids)

    def test_more_time_is_counted_from_the_start(self, launcher: Pbs) -> None:
        made = launcher.extend(Job("pbs", "7.pbs", states.RUNNING, started=1000.0), 1000.0 + 5400)
        assert made is not None
        assert made.argv == ("qalter", "-l", "walltime=1:30:00", "7.pbs")

    def test_ten_thousand_jobs_are_read_in_time(self, launcher: Pbs) -> None:
        rest = self.ANSWER.splitlines()[0].removeprefix("Job Id: 4.pbs")
        quickly(launcher, "".join(f"Job Id: {number}.pbs{rest}\n" for number in range(10_000)), 10_000)
