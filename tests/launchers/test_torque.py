"""Torque: what qsub, qstat and qdel are asked, and what they print."""

from __future__ import annotations

import pytest

from portcall.launchers.torque import Torque
from portcall.model import job as states
from portcall.model.start import Output
from tests.launchers.batch import EVERYTHING, BatchContract, by_id, quickly, recorded, words


class TestTorque(BatchContract):
    TAKEN = "24271.torque.site\n"
    ID = "24271.torque.site"
    AWAY = (
        "qstat: cannot connect to server torque.site (errno=111) Connection refused\n",
        "Unable to communicate with torque.site(10.0.0.1)\nqsub: cannot connect to server torque.site (errno=15137) "
        "could not connect to trqauthd\n", "qsub: submit error (End of File)\n",
    )  # fmt: skip
    GONE = ("qdel: Unknown Job Id Error 24271.torque.site\n",)
    ANSWER = recorded("torque/qstat.xml")

    @pytest.fixture
    def launcher(self) -> Torque:
        return Torque()

    def test_options_are_those_of_torque(self, launcher: Torque) -> None:
        asked = " ".join(words(launcher, **EVERYTHING))
        assert "-l nodes=1:ppn=4:gpus=2 -l mem=8192mb -l walltime=26:00:00 -q long -A physics -x y z" in asked

    def test_what_waits_runs_and_has_ended_is_read(self, launcher: Torque) -> None:
        jobs = by_id(launcher.found(Output(0, self.ANSWER)))
        assert [job.state for job in jobs.values()] == [
            states.RUNNING, states.QUEUED, states.FAILED, states.CANCELLED, states.DONE,
        ]  # fmt: skip
        runs = jobs["24271.torque.site"]
        assert (runs.started, runs.ends_at, runs.hosts) == (1440531750, 1440535350, ["n3", "n4"])
        assert jobs["24272.torque.site"].reason.startswith("Not Running: Not enough")

    def test_a_document_for_each_id_is_one_answer(self, launcher: Torque) -> None:
        found = launcher.found(Output(0, recorded("torque/two.xml")))
        assert [(one.job.state, one.name, one.user) for one in found] == [
            (states.RUNNING, "portcall-a1", "ann"), (states.QUEUED, "portcall-a2", "ann"),
        ]  # fmt: skip

    @pytest.mark.parametrize("said", ["", '<?xml version="1.0"?>\n<Data></Data>\n', "<Data/>\n"])
    def test_no_jobs_at_all_is_an_answer(self, launcher: Torque, said: str) -> None:
        assert launcher.found(Output(0, said)) == []

    def test_what_is_not_escaped_spoils_its_own_job_alone(self, launcher: Torque) -> None:
        said = self.ANSWER.replace("PBS_O_HOME=/home/ann", "A=a && b <c> \x01", 1)
        jobs = by_id(launcher.found(Output(0, said)))
        assert jobs["24271.torque.site"].state == states.UNKNOWN
        assert jobs["24272.torque.site"].state == states.QUEUED

    def test_what_cannot_be_read_is_its_owners_or_nobodys(self, launcher: Torque) -> None:
        said = self.ANSWER.replace("PBS_O_HOME=/home/ann", "A=a && b", 1)
        first = launcher.found(Output(0, said))[0]
        assert (first.job.state, first.name, first.user) == (states.UNKNOWN, "portcall-a1", "ann")
        first = launcher.found(Output(0, said.replace("<Job_Owner>ann@login</Job_Owner>", "", 1)))[0]
        assert (first.job.state, first.name) == (states.UNKNOWN, "")

    def test_nobody_ends_anothers_job_by_what_is_in_their_own(self, launcher: Torque) -> None:
        evil = "</Variable_List></Job><Job><Job_Id>24271.torque.site</Job_Id><job_state>C</job_state></Job><Job>"
        said = self.ANSWER.replace("PBS_O_HOME=/home/ann</Variable_List><etime>1440531747</etime></Job></Data>", evil)
        assert evil in said
        said += "<Job_Id>1.x</Job_Id></Job></Data>"
        assert by_id(launcher.found(Output(0, said)))["24271.torque.site"].state in (states.RUNNING, states.UNKNOWN)

    @pytest.mark.parametrize("inside", [
        "<!DOCTYPE Job [<!ENTITY a 'aaaa'>]>", "<!ENTITY % x SYSTEM 'file:///etc/passwd'>", "&a;",
        "&#0;&#x1F;&#xFFFFFFFF;",
    ])  # fmt: skip
    def test_entities_are_not_made_and_not_read(self, launcher: Torque, inside: str) -> None:
        said = self.ANSWER.replace("PBS_O_HOME=/home/ann", inside, 1)
        job = by_id(launcher.found(Output(0, said)))["24271.torque.site"]
        assert job.state == (states.RUNNING if "#" in inside else states.UNKNOWN)

    def test_many_are_asked_for_with_all_others(self, launcher: Torque) -> None:
        assert launcher.query(["1.x", "2.x"], []).argv == ("qstat", "-x", "1.x", "2.x")
        assert launcher.query([f"{n}.x" for n in range(51)], []).argv == ("qstat", "-x")

    def test_ten_thousand_jobs_are_read_in_time(self, launcher: Torque) -> None:
        job = self.ANSWER[self.ANSWER.index("<Job>") : self.ANSWER.index("</Job>") + 6]
        many = "".join(job.replace("24271", str(number)) for number in range(10_000))
        quickly(launcher, f"<Data>{many}</Data>\n", 10_000)
        quickly(launcher, f"<Data>{many.replace('/home/ann', '&<>')}</Data>\n", 10_000)
