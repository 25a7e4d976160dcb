"""Moab: what msub, showq and canceljob are asked, and what they print."""

from __future__ import annotations

import pytest

from portcall.errors import SchedulerSilent
from portcall.launchers.moab import Moab
from portcall.model import job as states
from portcall.model.job import Job
from portcall.model.start import Output, Scheduled
from portcall.testing.contracts.launcher import order
from tests.launchers.batch import EVERYTHING, BatchContract, by_id, quickly, recorded, words


class TestMoab(BatchContract):
    TAKEN = "\nMoab.17\n"
    ID = "Moab.17"
    AWAY = ("ERROR:    cannot connect to scheduler 'moab' on port 42559\n", "ERROR:  lost connection to server\n")
    GONE = ("ERROR:  invalid job specified (no such job)\n", "ERROR:  cannot locate job '17'\n")
    ANSWER = recorded("moab/showq.xml")

    @pytest.fixture
    def launcher(self) -> Moab:
        return Moab()

    @pytest.mark.parametrize("said", ["\n881196\n", "\n881197.admin2\n"])
    def test_ids_have_three_forms(self, launcher: Moab, said: str) -> None:
        outcome = launcher.outcome(order(), Output(0, said))
        assert isinstance(outcome, Scheduled)
        assert outcome.job is not None
        assert outcome.job.id == said.strip()

    def test_options_are_those_of_moab(self, launcher: Moab) -> None:
        asked = " ".join(words(launcher, **EVERYTHING))
        assert asked.startswith("msub ")
        assert "-l nodes=1:ppn=4:gpus=2 -l mem=8192mb -l walltime=26:00:00 -q long -A physics -x y z" in asked

    def test_what_waits_runs_and_has_ended_is_read(self, launcher: Moab) -> None:
        jobs = by_id(launcher.found(Output(0, self.ANSWER)))
        assert {number: job.state for number, job in jobs.items()} == {
            "881196": states.RUNNING, "881197.admin2": states.RUNNING, "881300": states.QUEUED,
            "Moab.881301": states.QUEUED, "881302": states.HELD, "76242": states.CANCELLED, "76243": states.CANCELLED,
        }  # fmt: skip
        runs = jobs["881196"]
        assert (runs.started, runs.ends_at, runs.hosts) == (1562924509, 1562935309, ["m13s0703"])
        assert [jobs[number].place for number in ("881196", "881300", "Moab.881301")] == [None, 1, 2]
        assert jobs["881302"].reason == "blocked"

    def test_by_its_name_a_job_of_two_ids_is_one(self, launcher: Moab) -> None:
        assert [one.job.id for one in launcher.found(Output(0, self.ANSWER)) if one.name == "portcall-a1"] == ["881196"]

    def test_half_of_the_answer_is_none(self, launcher: Moab) -> None:
        first = self.ANSWER[: self.ANSWER.index("</Data>") + 7]
        for half in (first, self.ANSWER[len(first) :]):
            with pytest.raises(SchedulerSilent):
                launcher.found(Output(0, half))

    def test_entities_are_not_made(self, launcher: Moab) -> None:
        for evil in ("<!DOCTYPE Data [<!ENTITY a 'b'>]>", "<!DOCTYPE Data SYSTEM 'file:///etc/passwd'>"):
            with pytest.raises(SchedulerSilent):
                launcher.found(Output(0, self.ANSWER.replace("<Data>", f"<Data>{evil}", 1)))

    def test_odd_names_are_read(self, launcher: Moab) -> None:
        said = self.ANSWER.replace("somebody.sh", "a&gt;b &#x1b; &quot;c&quot; \x01 é🐙 &#233;")
        names = [one.name for one in launcher.found(Output(0, said))]
        assert 'a>b � "c" � é🐙 é' in names

    def test_more_time_is_counted_from_the_start(self, launcher: Moab) -> None:
        made = launcher.extend(Job("moab", "7", states.RUNNING, started=1000.0), 1000.0 + 5400)
        assert made is not None
        assert made.argv == ("mjobctl", "-m", "reqawduration=1:30:00", "7")

    def test_ten_thousand_jobs_are_read_in_time(self, launcher: Moab) -> None:
        job = next(line for line in self.ANSWER.splitlines() if "Moab.881301" in line)
        many = "\n".join(job.replace("Moab.881301", str(number)) for number in range(1_000_000, 1_010_000))
        quickly(launcher, self.ANSWER.replace(job, many), 10_006)
