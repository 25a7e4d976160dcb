"""What is tried with each launcher of a batch system beside its own words."""

from __future__ import annotations

import random
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from portcall.errors import SchedulerSilent, StartFailed
from portcall.launchers.base import Found, Scheduler
from portcall.model import job as states
from portcall.model.job import Job
from portcall.model.launch import Weblink
from portcall.model.option import read_all
from portcall.model.start import Output, Scheduled
from portcall.model.user import Account
from portcall.testing.contracts.launcher import host, order
from portcall.testing.contracts.scheduler import SchedulerContract, check_found, found_or_silent

RECORDED = Path(__file__).parent.parent / "recorded"
EVERYTHING = {
    "queue": "long", "time": "1-02:00:00", "cores": "4", "memory": "8G", "gpus": "2", "account": "physics",
    "extra": ["-x", "y z"],
}  # fmt: skip


def recorded(name: str) -> str:
    return (RECORDED / name).read_text()


def by_id(found: list[Found]) -> dict[str, Job]:
    return {one.job.id: one.job for one in found}


def words(launcher: Scheduler, **options: object) -> tuple[str, ...]:
    """Of the submission that asks for this, without the shell that keeps what is secret out of the job."""
    return launcher.invocation(order(options=read_all(launcher.options, options)), host()).argv[6:]


class BatchContract(SchedulerContract):
    """A subclass says what its submission prints (``TAKEN``, of job ``ID``), how its commands say that nobody answers
    (``AWAY``) and that a job is gone (``GONE``), and has a whole answer (``ANSWER``) of at least three jobs. What is
    cut off after ``BETWEEN``, by a program that says that all went well, is as whole as any."""

    TAKEN: str
    ID: str
    AWAY: tuple[str, ...]
    GONE: tuple[str, ...]
    ANSWER: str
    BETWEEN = ""

    def test_success_is_an_outcome_for_this_session(self, launcher: Scheduler) -> None:
        for said in (self.TAKEN, f"Welcome to site 7!\n*** 4 nodes ***\n\n{self.TAKEN}Have a nice day.\n"):
            outcome = launcher.outcome(order(), Output(0, said))
            assert isinstance(outcome, Scheduled)
            assert outcome.session_id == "s1"
            log = "~/.local/state/portcall/jobs/s1.log"
            assert outcome.job == Job(launcher.name, self.ID, states.QUEUED, log=log)

    @pytest.mark.parametrize("said", ["", "\n", "Thank you for your submission.\n", "\x1b[2J\0"])
    def test_a_submission_without_an_id_is_not_known_to_have_been_made(self, launcher: Scheduler, said: str) -> None:
        with pytest.raises(SchedulerSilent):
            launcher.outcome(order(), Output(0, said))

    def test_a_scheduler_that_is_down_is_silent_and_refuses_nothing(self, launcher: Scheduler) -> None:
        for said in self.AWAY:
            with pytest.raises(SchedulerSilent) as silence:
                launcher.outcome(order(), Output(1, "", said))
            assert silence.value.detail
            for code in (1, 255):
                with pytest.raises(SchedulerSilent):
                    launcher.found(Output(code, "", said))
            assert not launcher.cancelled(Output(1, "", said))
        with pytest.raises(SchedulerSilent):
            launcher.outcome(order(), Output(124, "", "the time limit was reached\n"))

    def test_a_submission_that_is_refused_fails_in_the_schedulers_words(self, launcher: Scheduler) -> None:
        with pytest.raises(StartFailed, match="no such queue") as failure:
            launcher.outcome(order(), Output(1, "", "\x1b[31mno such queue\x07\n"))
        assert failure.value.detail.isprintable()

    def test_cancelling_a_job_that_is_gone_is_done(self, launcher: Scheduler) -> None:
        assert launcher.cancelled(Output(0))
        assert not launcher.cancelled(Output(1, "", "permission denied"))
        for said in self.GONE:
            assert launcher.cancelled(Output(1, "", said))

    def test_an_answer_that_is_cut_off_anywhere_loses_no_job(self, launcher: Scheduler) -> None:
        """A job that is not spoken of counts as gone."""
        whole = {one.job.id for one in launcher.found(Output(0, self.ANSWER))}
        assert len(whole) >= 3
        lasting = self.ANSWER.rstrip()
        for end in range(0, len(lasting), max(1, len(lasting) // 400)):
            for code in (0, 1, 124, 137):
                try:
                    found = launcher.found(Output(code, self.ANSWER[:end]))
                except SchedulerSilent:
                    continue
                complete = code == 0 and (end == 0 or (self.BETWEEN and self.ANSWER[:end].endswith(self.BETWEEN)))
                assert complete or {one.job.id for one in found} == whole, (end, code)

    def test_a_damaged_answer_is_read_or_is_silence(self, launcher: Scheduler) -> None:
        dice = random.Random(7)
        for _ in range(300):
            text = self.ANSWER
            for _ in range(dice.randint(1, 4)):
                at, length = dice.randrange(len(text)), dice.choice((1, 1, 5, 80))
                put = dice.choice(
                    ("", "<", ">", '"', "\\", "\0", "&", "{", "}", "\n", "=", "9" * 40, "é", "\ud800", text[:90])
                )
                text = text[:at] + put + text[at + length :]
            check_found(found_or_silent(launcher, Output(dice.choice((0, 0, 1, 255)), text, at=1e9)), launcher)

    def test_what_people_write_stays_one_line_that_can_be_shown(self, launcher: Scheduler) -> None:
        for one in launcher.found(Output(0, self.ANSWER)):
            job = one.job
            assert all(text.isprintable() for text in (job.said, job.reason, job.queue, *job.hosts))

    def test_all_that_can_be_asked_for_is_in_the_submission(self, launcher: Scheduler) -> None:
        asked = words(launcher, **EVERYTHING)
        text = " ".join(asked)
        assert all(value in text for value in ("long", "physics", "-x", "y z"))
        assert asked[-1] == launcher.job_name("s1")  # after the administrator's own: the last word counts
        assert "y z" in asked

    def test_no_secret_is_in_the_job_that_the_scheduler_keeps(self, launcher: Scheduler, tmp_path: Path) -> None:
        """Its spool, and what it prints of jobs, may be read by others: the file that the job names may not."""
        home, kept = tmp_path / "it's home", tmp_path / "kept"
        home.mkdir()
        account = Account("ann", 1001, 1001, str(home), "/bin/sh", ["ann"])
        there = replace(self.place(), account=account, weblink=Weblink("https://here", "for-this-session", "ann"))
        made = launcher.invocation(order(), there)
        program = tmp_path / made.argv[6]
        program.write_text(f"#!/bin/sh\necho {self.ID}\ncat > {kept}\n")
        program.chmod(0o755)
        environment = {**made.environment, "PATH": f"{tmp_path}:/usr/bin:/bin"}
        done = subprocess.run(made.argv, input=made.stdin, env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, f"{self.ID}\n", "")
        file = home / ".local/state/portcall/jobs/s1.job"
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.parent.stat().st_mode & 0o777 == 0o700
        secrets = ("sealed-by-the-server", "for-this-session")
        assert all(secret in file.read_text() for secret in secrets)
        assert not any(secret in text for secret in secrets for text in (kept.read_text(), *made.argv))
        kept.chmod(0o755)
        subprocess.run([kept], check=False, capture_output=True, timeout=20)  # there is no session in this place
        assert not file.exists()
        assert "session" in (home / ".local/state/portcall/jobs/s1.log").read_text()

    def test_a_scheduler_that_is_not_installed_is_told_as_such(self, launcher: Scheduler, tmp_path: Path) -> None:
        made = launcher.invocation(order(), self.place())
        environment = {**made.environment, "PATH": str(tmp_path), "HOME": str(tmp_path)}
        done = subprocess.run(made.argv, input=made.stdin, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 127
        assert done.stderr == f"{made.argv[6]}: there is no such program on this server\n"

    def test_nothing_is_asked_for_that_nobody_wants(self, launcher: Scheduler) -> None:
        assert not {"-q", "-P", "-A", "-l", "-n", "-W", "-pe"} & set(words(launcher))

    def test_the_time_is_never_less_than_was_asked(self, launcher: Scheduler) -> None:
        assert words(launcher, time="0:00:01") != words(launcher)

    def test_every_state_is_one_of_ours(self, launcher: Scheduler) -> None:
        table = launcher.states  # type: ignore[attr-defined]
        assert set(table.values()) <= set(states.STATES)
        assert launcher.state("a word of next year's") == states.UNKNOWN  # type: ignore[attr-defined]

    def test_a_job_of_an_id_that_is_none_is_neither_cancelled_nor_extended(self, launcher: Scheduler) -> None:
        for text in ("--all", "*", "1 2", "", "0;id", "$(id)"):
            job = Job(launcher.name, text, states.RUNNING, started=1000.0)
            assert len(launcher.cancel(job).argv) == 1
            assert launcher.extend(job, 5000.0) is None


def quickly(launcher: Scheduler, text: str, jobs: int) -> None:
    """Ten thousand jobs are read in no time to speak of, and never in one that grows with their square."""
    began = time.perf_counter()
    found = launcher.found(Output(0, text, at=1.0))
    assert len(found) == jobs
    assert time.perf_counter() - began < 30.0
