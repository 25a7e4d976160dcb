"""What every scheduler must pass beside the launchers' contract. A subclass gives the fixture ``launcher``."""

from __future__ import annotations

import contextlib
import json
import os

import pytest

from portcall.errors import SchedulerSilent
from portcall.launchers.base import Found, Launcher, Scheduler
from portcall.model.job import RUNNING, STATES, Job
from portcall.model.start import Invocation, Output
from portcall.testing.contracts.launcher import HOSTILE, LauncherContract, order

_SHELLS = ("sh", "bash", "dash", "ksh", "zsh", "csh", "tcsh")
# What a scheduler that is ill, another program of its name, or an enemy in the queue may print.
BROKEN = (
    "", "\n", "\0", "{", "[]", "{}", "null", "5", '"text"', "[null, 5, [], {}]", '{"jobs": {"1": "R"}}', "[" * 5_000,
    '{"jobs": [{"id": {"a": 1}, "state": [], "place": "x", "startsFrom": 1e400, "hosts": 5}]}',
    '{"jobs": [{"id": "\\ud800", "state": "RUNNING\\u0000"}]}', '{"jobs": [{"id": 1' + "0" * 5_000 + "}]}",
    "<html>502 Bad Gateway</html>", "<?xml version='1.0'?><job_info>", "<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>",
    "JOBID USER STAT QUEUE\n", "|||||||||||||||||\n", "1|R\n", "a\tb\tc\n" * 1_000, "-1 -1 -1", "é🐙\ufffd\x1b[2J",
    "slurm_load_jobs error: Unable to contact slurm controller", "1" * 100_000, "\r\n\r\n", "\u2028\u2029\x85\x0c",
    "12345 PENDING (Resources)\n" * 10_000,
)  # fmt: skip


class SchedulerContract(LauncherContract):
    def test_success_is_an_outcome_for_this_session(self, launcher: Launcher) -> None:
        """Or silence, where none of its output names a job: that is looked for by its name then."""
        with contextlib.suppress(SchedulerSilent):
            super().test_success_is_an_outcome_for_this_session(launcher)

    def test_a_question_about_many_jobs_is_one_command(self, launcher: Scheduler) -> None:
        ids, names = [str(number) for number in range(1_000, 1_500)], [launcher.job_name(f"s{n}") for n in range(500)]
        made = launcher.query(ids, names)
        assert isinstance(made, Invocation)
        assert made.as_service
        asked(made, launcher)

    def test_between_two_questions_some_time_passes(self, launcher: Scheduler) -> None:
        assert launcher.poll >= 5  # 12 a minute at most

    def test_no_two_sessions_have_jobs_of_one_name(self, launcher: Scheduler) -> None:
        ids = ["a", "b", "A", "a-b", "a_b", "0123456789abcdef01234567", "x" * 64]
        names = [launcher.job_name(one) for one in ids]
        assert len(set(names)) == len(ids)
        assert all(name.isascii() and not set(name) & set(" \t\n'\"\\$`;|&<>*?[]()") for name in names)

    @pytest.mark.parametrize("code", [0, 1, 127])
    @pytest.mark.parametrize("text", BROKEN, ids=lambda text: ascii(text[:24]))
    def test_output_that_cannot_be_read_is_unknown_or_silence(self, launcher: Scheduler, text: str, code: int) -> None:
        for output in (Output(code, text), Output(code, "", text)):
            check_found(found_or_silent(launcher, output), launcher)

    @pytest.mark.parametrize("text", HOSTILE)
    def test_what_a_job_is_called_is_never_run(self, launcher: Scheduler, text: str) -> None:
        for made in (launcher.cancel(Job(launcher.name, text, RUNNING)), launcher.query([text], [])):
            asked(made, launcher)
            assert text not in made.argv[:1]
            assert not text.startswith("-") or text not in made.argv or "--" in made.argv or _is_value(made, text)

    def test_a_job_is_cancelled_by_one_command_without_a_shell(self, launcher: Scheduler) -> None:
        made = launcher.cancel(Job(launcher.name, "4711", RUNNING))
        runnable(made)
        assert any("4711" in word for word in made.argv) or "4711" in made.stdin

    def test_the_log_is_read_by_one_command_without_a_shell(self, launcher: Scheduler) -> None:
        made = launcher.log(Job(launcher.name, "4711", RUNNING, log="/home/ann/-a $(id).log"))
        if made is not None:
            runnable(made)

    def test_the_job_becomes_the_session(self, launcher: Scheduler) -> None:
        text = launcher.script(order(command="echo 'END-OF-ORDER'\nEND-OF-ORDER"), self.place())
        assert text.startswith("#!")
        assert sum(line == "END-OF-ORDER" for line in text.splitlines()) == 1  # what is typed does not end the order
        started = json.loads(text.split("<<'END-OF-ORDER'\n")[1].split("\nEND-OF-ORDER\n")[0])
        assert started["id"] == "s1"


def runnable(made: Invocation) -> None:
    """Words that the system takes, and no shell between."""
    words(made)
    assert os.path.basename(made.argv[0]) not in _SHELLS


def asked(made: Invocation, launcher: Scheduler) -> None:
    """Where two commands make one question, a shell runs them, with what is always the same text."""
    words(made)
    if os.path.basename(made.argv[0]) in _SHELLS:
        assert made.argv[:3] == launcher.query([], []).argv[:3]


def words(made: Invocation) -> None:
    assert made.argv
    for word in (*made.argv, made.stdin, *made.environment, *made.environment.values()):
        assert isinstance(word, str)
        word.encode()
    assert not any("\0" in word for word in (*made.argv, *made.environment.values()))


def found_or_silent(launcher: Scheduler, output: Output) -> list[Found]:
    """Any other exception fails the test."""
    try:
        return launcher.found(output)
    except SchedulerSilent:
        return []


def check_found(found: list[Found], launcher: Scheduler) -> None:
    for one in found:
        assert one.job.state in STATES
        assert one.job.launcher == launcher.name
        assert one.job.id or one.name


def _is_value(made: Invocation, text: str) -> bool:
    """It stands behind an option that takes it."""
    at = made.argv.index(text)
    return at > 0 and made.argv[at - 1].startswith("-")
