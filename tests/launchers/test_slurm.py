"""Slurm: what it is asked, and what its commands print, as 22.05 and others print it."""

from __future__ import annotations

import pytest

from portcall.errors import SchedulerSilent, StartFailed
from portcall.launchers.slurm import Slurm
from portcall.model import job as states
from portcall.model.job import Job
from portcall.model.option import read_all
from portcall.model.start import Output, Scheduled
from portcall.testing.contracts.launcher import host, order
from portcall.testing.contracts.scheduler import SchedulerContract

# squeue --all --noheader --states=all --Format … of Slurm 22.05.8, with jobs that were made to end so
RECORDED = """\
3|games|CANCELLED|0|0|1795176414|1795176414|N/A|main||JobHeldUser|
1|games|COMPLETED|0|4294901759|1795176345|1795176375|1795176344|main|n1|None|
2|games|FAILED|4021|4294901758|1795176375|1795176375|1795176344|main|n1|JobLaunchFailure|
4|games|FAILED|768|4294901757|1795176415|1795176415|1795176414|main|n1|NonZeroExitCode|
5|games|FAILED|9|4294901756|1795176415|1795176415|1795176414|main|n1|JobLaunchFailure|
7|games|RUNNING|0|4294901754|1795176417|1795180017|1795176414|main|n1|None|
8|games|PENDING|0|4294901758|1795179945|1795180245|1795176344|main||Resources|
9|games|PENDING|0|4294901757|N/A|N/A|1795176344|main||Priority|
10|games|PENDING|0|0|N/A|N/A|N/A|main||JobHeldUser|
"""


class TestContract(SchedulerContract):
    @pytest.fixture
    def launcher(self) -> Slurm:
        return Slurm()


def found(text: str) -> dict[str, Job]:
    return {one.job.id: one.job for one in Slurm().found(Output(0, text))}


def test_recorded_states_and_ends() -> None:
    jobs = found(RECORDED)
    told = {number: (job.state, job.exit_code) for number, job in jobs.items()}
    assert told == {
        "1": (states.DONE, 0), "2": (states.FAILED, None), "3": (states.CANCELLED, 0), "4": (states.FAILED, 3),
        "5": (states.FAILED, 137), "7": (states.RUNNING, None), "8": (states.QUEUED, None), "9": (states.QUEUED, None),
        "10": (states.HELD, None),
    }  # fmt: skip
    assert "could not be started on its node" in jobs["2"].reason
    assert jobs["4"].reason == ""  # its exit code says it


def test_a_job_that_runs_has_an_end_and_a_node() -> None:
    job = found(RECORDED)["7"]
    assert (job.started, job.ends_at, job.hosts, job.starts_to) == (1795176417.0, 1795180017.0, ["n1"], None)


def test_a_job_that_waits_has_a_reason_a_place_and_where_slurm_knows_a_time() -> None:
    jobs = found(RECORDED)
    assert (jobs["8"].reason, jobs["8"].place) == ("Resources", 1)
    assert (jobs["8"].starts_from, jobs["8"].starts_to) == (1795176344.0, 1795179945.0)
    assert (jobs["9"].reason, jobs["9"].place, jobs["9"].starts_to) == ("Priority", 2, None)
    assert jobs["10"].place is None


def test_places_are_counted_by_priority_in_each_partition() -> None:
    def row(number: int, priority: int, partition: str) -> str:
        return f"{number}|u|PENDING|0|{priority}|N/A|N/A|N/A|{partition}||Priority|\n"

    rows = [row(1, 5, "a"), row(2, 9, "a"), row(3, 7, "b"), row(4, 6, "a,b"), row(5, 5, "a")]
    places = {number: job.place for number, job in found("".join(rows)).items()}
    assert places == {"2": 1, "4": 2, "1": 3, "5": 4, "3": 1}


@pytest.mark.parametrize(
    ("said", "state", "why"),
    [
        ("TIMEOUT", states.FAILED, "its time limit was reached"),
        ("OUT_OF_MEMORY", states.FAILED, "it was out of memory"),
        ("NODE_FAIL", states.FAILED, "its node failed"),
        ("PREEMPTED", states.FAILED, "another job took its place"),
        ("CONFIGURING", states.STARTING, "x"),
        ("COMPLETING", states.ENDING, "x"),
        ("SUSPENDED", states.HELD, "x"),
        ("REQUEUE_HOLD", states.HELD, "x"),
        ("QUANTUM", states.UNKNOWN, "x"),
    ],
)
def test_every_word_of_slurm_has_a_state_and_a_new_one_is_unknown(said: str, state: str, why: str) -> None:
    job = found(f"1|u|{said}|0|5|N/A|N/A|N/A|main|n1|x|\n")["1"]
    assert (job.state, job.said, job.reason) == (state, said, why)


@pytest.mark.parametrize(
    ("text", "code"), [("0", 0), ("256", 1), ("768", 3), ("15", 143), ("3:0", 3), ("0:9", 137), ("", None), ("x", None)]
)
def test_exit_codes_of_older_and_newer_versions(text: str, code: int | None) -> None:
    assert found(f"1|u|FAILED|{text}|5|N/A|N/A|N/A|main|n1|NonZeroExitCode|\n")["1"].exit_code == code


def test_padding_of_other_versions_does_not_matter() -> None:
    job = found("7   |games   |RUNNING  |0  |1 |1795176417 |1795180017 |1795176414 |main |n1   |None     |\n")["7"]
    assert (job.state, job.ends_at, job.reason) == (states.RUNNING, 1795180017.0, "")


def test_names_are_asked_for_only_where_they_are_all_our_own() -> None:
    """People choose names, line ends included: a line that a name forges could end somebody else's session."""
    assert ",Name:" not in " ".join(Slurm().query(["1", "2"], []).argv)
    asked = Slurm().query([], ["portcall-a", "portcall-b"])
    assert "--name=portcall-a,portcall-b" in asked.argv
    rows = "5|ann|PENDING|0|5|N/A|N/A|N/A|main||Priority|portcall-a|\n"
    assert [(one.name, one.user, one.job.id) for one in Slurm().found(Output(0, rows))] == [("portcall-a", "ann", "5")]


def test_a_job_that_slurm_forgot_is_gone() -> None:
    assert Slurm().found(Output(1, "", "slurm_load_jobs error: Invalid job id specified\n")) == []


def test_without_a_slurm_conf_it_says_what_to_set() -> None:
    said = (
        "sbatch: error: resolve_ctls_from_dns_srv: res_nsearch error: Unknown host\n"
        "sbatch: error: fetch_config: DNS SRV lookup failed\n"
        "sbatch: fatal: Could not establish a configuration source\n"
    )
    with pytest.raises(StartFailed, match="set SLURM_CONF in") as failed:
        Slurm().outcome(order(), Output(1, "", said))
    assert "configuration source" in failed.value.detail
    with pytest.raises(SchedulerSilent, match="set SLURM_CONF in"):
        Slurm().found(Output(1, "", said))


@pytest.mark.parametrize(
    "output",
    [
        Output(1, "", "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n"),
        Output(1, "", "slurm_load_jobs error: Socket timed out on send/recv operation\n"),
        Output(124, "", "squeue: the time limit of 30 s was reached\n"),
        Output(127, "", "squeue: No such file or directory"),
        Output(0, "7|games|RUNNING|0|1|17951764"),  # cut off
    ],
)
def test_a_slurm_that_does_not_answer_is_silent(output: Output) -> None:
    with pytest.raises(SchedulerSilent):
        Slurm().found(output)


@pytest.mark.parametrize(
    "words",
    [
        "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation",
        "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)",
        "sbatch: error: Batch job submission failed: Zero Bytes were transmitted or received",
    ],
)
def test_after_a_submission_that_timed_out_nobody_knows_whether_it_was_taken(words: str) -> None:
    with pytest.raises(SchedulerSilent):
        Slurm().outcome(order(), Output(1, "", words))


@pytest.mark.parametrize(
    "words",
    [
        "sbatch: error: invalid partition specified: nosuch\n"
        "sbatch: error: Batch job submission failed: Invalid partition name specified",
        "sbatch: error: Memory specification can not be satisfied",
        "sbatch: error: Batch job submission failed: Invalid account or account/partition combination specified",
    ],
)
def test_a_refusal_is_told_in_slurms_words(words: str) -> None:
    with pytest.raises(StartFailed) as refused:
        Slurm().outcome(order(), Output(1, "", words))
    assert words.splitlines()[0] in str(refused.value)


@pytest.mark.parametrize("printed", ["12\n", "12;cluster\n", "Welcome to the cluster\n12\n"])
def test_the_jobs_id_is_found_in_what_sbatch_prints(printed: str) -> None:
    outcome = Slurm().outcome(order(), Output(0, printed))
    assert isinstance(outcome, Scheduled)
    assert outcome.job is not None
    assert (outcome.job.id, outcome.job.state) == ("12", states.QUEUED)


def test_options_become_arguments_and_the_administrators_own_come_after_them() -> None:
    values = read_all(Slurm.options, {
        "queue": "long", "time": "1:30:00", "cores": 4, "memory": "4G", "gpus": 2, "account": "p1",
        "extra": ["--constraint=avx"],
    })  # fmt: skip
    argv = Slurm().invocation(order(options=values), host()).argv
    wanted = ["--partition=long", "--time=90:00", "--cpus-per-task=4", "--mem=4096M", "--gres=gpu:2", "--account=p1"]
    assert [word for word in argv if word in wanted] == wanted
    assert argv.index("--constraint=avx") > argv.index("--account=p1")
    assert argv[-1] == "--job-name=portcall-s1"  # by which it is found again, whatever else is set


def test_more_time_is_asked_for_in_minutes() -> None:
    job = Job("slurm", "7", states.RUNNING, ends_at=1000.0)
    extended = Slurm().extend(job, 1090.0)
    assert extended is not None
    assert extended.argv == ("scontrol", "update", "JobId=7", "TimeLimit=+2")
    assert Slurm().extend(Job("slurm", "7"), 1090.0) is None


def test_the_sites_slurm_is_the_one_that_is_asked() -> None:
    slurm = Slurm()
    slurm.site = {"SLURM_CONF": "/opt/slurm/slurm.conf"}
    for made in (slurm.invocation(order(), host()), slurm.query(["1"], []), slurm.cancel(Job("slurm", "1"))):
        assert made.environment["SLURM_CONF"] == "/opt/slurm/slurm.conf"


def test_neither_locale_nor_time_zone_of_our_questions_go_on_into_the_job() -> None:
    assert not {"LC_ALL", "TZ"} & set(Slurm().invocation(order(), host()).environment)
