"""Jobs of sessions, in virtual time: submitted once, watched sparingly, and what becomes of them is what is told."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from portcall.bus import Bus
from portcall.errors import Conflict, StartFailed, UnknownPlugin
from portcall.jobs import verdict
from portcall.jobs.jobs import Jobs
from portcall.jobs.orders import BUCKET, Orders
from portcall.model import codec, lifecycle
from portcall.model import job as states
from portcall.model.event import Event
from portcall.model.job import Job
from portcall.model.launch import Host
from portcall.model.session import Session
from portcall.model.start import Outcome, Scheduled, StartOrder
from portcall.model.user import Account
from portcall.session.registry import Registry
from portcall.sessiond import start
from portcall.stores.memory import Memory
from portcall.testing import schedulers
from portcall.testing.contracts.launcher import host
from portcall.testing.schedulers import CommandsInMemory, SchedulerInMemory
from portcall.testing.time import VirtualClock, in_virtual_time

ANN = Account("ann", 1001, 1001, "/home/ann", "/bin/sh", ["ann"])
EVE = Account("eve", 1002, 1002, "/home/eve", "/bin/sh", ["eve"])


class LaunchersInMemory:
    """One scheduler, and Start Immediately, which is none."""

    def __init__(self, scheduler: SchedulerInMemory) -> None:
        self._scheduler = scheduler
        self.members: dict[str, Any] = {}

    def get(self, name: str) -> Any:
        if name == "gone":
            raise UnknownPlugin("there is no launcher 'gone'")
        return self._scheduler if name == "memory" else object()

    def host(self, order: StartOrder, account: Account) -> Host:
        return host()

    def configured(self) -> list[str]:
        return []

    def administered(self, name: str) -> dict[str, Any]:
        return self.members

    async def lookup(self, user: str) -> Account:
        return ANN


class Place:
    """A server's jobs. ``restart`` is what happens after a kill: all but the store and the scheduler is new."""

    def __init__(self, kind: type[SchedulerInMemory]) -> None:
        self.clock = VirtualClock()
        self.store = Memory(self.clock)
        self.scheduler = kind()
        self.launchers = LaunchersInMemory(self.scheduler)
        self.reached: set[str] = set()
        self.events: list[Event] = []
        self._make()

    def _make(self) -> None:
        bus = Bus()
        bus.listen(self.events.append)
        self.commands = CommandsInMemory(self.scheduler)
        self.registry = Registry(self.store, bus, self.clock)
        self.jobs = Jobs(
            self.launchers, self.registry, Orders(self.store), self.commands, self.clock, self.launchers,  # type: ignore[arg-type]
            self.reached.__contains__,
        )  # fmt: skip

    async def restart(self) -> None:
        await self.jobs.close()
        self._make()
        await self.registry.open()
        await self.jobs.open()

    async def record(
        self, session_id: str = "s", launcher: str = "memory", account: Account = ANN, **members: Any
    ) -> StartOrder:
        """As the pipeline writes it, before anything runs."""
        user = account.name
        order = StartOrder(session_id, user, user, "xterm", "800x600", "desktop", launcher=launcher)
        await self.jobs.keep(order)
        await self.registry.add(Session(
            session_id, "here", user, user, "xterm", created=self.clock.now(), launcher=launcher, **members
        ))  # fmt: skip
        return order

    async def submit(self, session_id: str = "s", account: Account = ANN) -> Outcome:
        return await self.jobs.submit(await self.record(session_id, account=account), account)

    def session(self, session_id: str = "s") -> Session:
        return self.registry.get(session_id)

    @property
    def questions(self) -> int:
        return len(self.scheduler.asked)

    async def open_orders(self) -> list[str]:
        return [entry.key for entry in await self.store.list(BUCKET)]


def placed(
    kind: type[SchedulerInMemory] = SchedulerInMemory,
) -> Callable[[Callable[[Place], Awaitable[None]]], Callable[[], None]]:
    def decorate(test: Callable[[Place], Awaitable[None]]) -> Callable[[], None]:
        async def work() -> None:
            place = Place(kind)
            await place.jobs.open()
            try:
                await test(place)
            finally:
                await place.jobs.close()

        functools.update_wrapper(work, test)
        del work.__wrapped__  # type: ignore[attr-defined]
        return in_virtual_time(work)

    return decorate


# submitting


@placed()
async def test_a_submission_is_written_with_its_job_and_its_order_is_done(place: Place) -> None:
    outcome = await place.submit()
    assert isinstance(outcome, Scheduled)
    job = place.session().job
    assert job is not None
    assert (job.id, job.state, job.submitted) == ("1", states.QUEUED, pytest.approx(place.clock.now(), abs=1))
    assert place.session().state == lifecycle.PENDING
    assert await place.open_orders() == []


@placed(schedulers.SchedulerThatRefuses)
async def test_a_refused_submission_is_an_error_and_is_not_tried_again(place: Place) -> None:
    with pytest.raises(StartFailed, match="the queue is closed"):
        await place.submit()
    assert await place.open_orders() == []
    await asyncio.sleep(600)
    assert place.commands.submissions == 1


@placed(schedulers.SchedulerThatLosesItsAnswers)
async def test_a_job_whose_answer_was_lost_is_found_by_its_name_and_not_submitted_again(place: Place) -> None:
    outcome = await place.submit()
    assert isinstance(outcome, Scheduled)
    assert "timed out" in outcome.text
    await asyncio.sleep(30)
    job = place.session().job
    assert job is not None
    assert job.id == "1"
    assert place.commands.submissions == 1
    assert len(place.scheduler.jobs) == 1
    assert await place.open_orders() == []


@placed(schedulers.SchedulerThatIsSilent)
async def test_what_could_not_be_submitted_is_submitted_once_when_the_scheduler_answers_again(place: Place) -> None:
    await place.submit()
    await asyncio.sleep(3600)
    assert place.session().state == lifecycle.PENDING
    assert place.scheduler.jobs == {}
    place.scheduler.silent = False  # type: ignore[attr-defined]
    await asyncio.sleep(130)
    job = place.session().job
    assert job is not None
    assert job.id == "1"
    assert len(place.scheduler.jobs) == 1


@placed()
async def test_an_order_of_a_killed_server_is_submitted_after_all(place: Place) -> None:
    await place.record()
    await place.restart()
    await asyncio.sleep(20)
    job = place.session().job
    assert job is not None
    assert job.id == "1"
    assert place.commands.submissions == 1


@placed()
async def test_a_job_submitted_by_a_killed_server_is_found_by_its_name(place: Place) -> None:
    await place.record()
    place.scheduler.submit(("submit", "portcall-s", "ann"), "ann")
    await place.restart()
    await asyncio.sleep(20)
    job = place.session().job
    assert job is not None
    assert (job.id, place.commands.submissions) == ("1", 0)
    assert await place.open_orders() == []


@placed()
async def test_a_job_of_that_name_of_somebody_else_is_not_taken_for_ours(place: Place) -> None:
    await place.record()
    place.scheduler.submit(("submit", "portcall-s", "mallory"), "mallory")
    await place.restart()
    await asyncio.sleep(20)
    job = place.session().job
    assert job is not None
    assert (job.id, place.commands.submissions) == ("2", 1)


@placed()
async def test_of_two_jobs_of_one_session_the_later_one_is_cancelled(place: Place) -> None:
    await place.record()
    place.scheduler.submit(("submit", "portcall-s", "ann"), "ann")
    place.scheduler.submit(("submit", "portcall-s", "ann"), "ann")
    await place.restart()
    await asyncio.sleep(20)
    assert place.scheduler.cancelled_jobs == ["2"]
    assert place.session().job.id == "1"  # type: ignore[union-attr]


@placed()
async def test_what_is_about_to_be_submitted_is_not_submitted_by_the_watcher_too(place: Place) -> None:
    """A start may wait for its person's password between its record and its submission, while others are watched."""
    await place.submit("other")
    order = await place.record()
    await asyncio.sleep(120)
    assert place.commands.submissions == 1
    await place.jobs.submit(order, ANN)
    await asyncio.sleep(120)
    assert place.commands.submissions == 2


@placed()
async def test_an_order_whose_record_was_never_written_is_dropped(place: Place) -> None:
    order = StartOrder("s", "ann", "ann", "xterm", "800x600", "desktop", launcher="memory")
    await place.jobs.keep(order)
    await place.restart()
    await asyncio.sleep(60)
    assert place.scheduler.jobs == {}
    assert await place.open_orders() == []


@placed()
async def test_a_launcher_that_is_no_scheduler_leaves_no_order(place: Place) -> None:
    await place.record(launcher="direct")
    assert await place.open_orders() == []


# watching


@placed()
async def test_two_hundred_sessions_are_one_question_and_twelve_a_minute_at_most(place: Place) -> None:
    for number in range(200):
        await place.submit(f"s{number}")
        await asyncio.sleep(0.3)
    before = place.questions
    assert before <= 13
    await asyncio.sleep(60)
    assert place.questions - before <= 7  # every poll, when nothing is new
    assert all(len(one.argv) > 100 for one in place.scheduler.asked[-3:])


@placed()
async def test_what_waits_for_nothing_is_asked_about_less_often(place: Place) -> None:
    await place.submit()
    place.scheduler.becomes("s", state=states.RUNNING)
    place.reached.add("s")
    await place.registry.signal("s", lifecycle.READY, hostname="n1", message=None)
    await asyncio.sleep(40)
    before = place.questions
    await asyncio.sleep(300)
    assert place.questions - before == 10


@placed()
async def test_nobody_is_asked_when_there_is_nothing_to_ask(place: Place) -> None:
    await place.submit()
    place.scheduler.becomes("s", state=states.FAILED)
    await asyncio.sleep(60)
    before = place.questions
    await asyncio.sleep(3600)
    assert place.questions == before


@placed()
async def test_only_changes_are_written_and_told(place: Place) -> None:
    await place.submit()
    place.scheduler.becomes("s", said="PD", reason="Resources", place=3, starts_to=place.clock.now() + 600)
    await asyncio.sleep(30)
    job = place.session().job
    assert job is not None
    assert (job.reason, job.place, job.said) == ("Resources", 3, "PD")
    told = len(place.events)
    place.scheduler.becomes("s", starts_to=place.clock.now() + 610)  # seconds are no news
    await asyncio.sleep(600)
    assert len(place.events) == told
    place.scheduler.becomes("s", place=2)
    await asyncio.sleep(20)
    assert len(place.events) == told + 1


@placed(schedulers.SchedulerThatIsSilent)
async def test_a_silent_scheduler_is_asked_less_often_says_since_when_and_ends_nothing(place: Place) -> None:
    place.scheduler.silent = False  # type: ignore[attr-defined]
    await place.submit()
    await asyncio.sleep(20)
    heard = place.clock.now()
    place.scheduler.silent = True  # type: ignore[attr-defined]
    await asyncio.sleep(3600)
    before, told = place.questions, len(place.events)
    await asyncio.sleep(3600)
    assert place.questions - before <= 31
    assert len(place.events) == told
    session = place.session()
    assert session.state == lifecycle.PENDING
    assert session.job is not None
    assert session.job.state == states.UNKNOWN
    assert session.job.seen == pytest.approx(heard, abs=10)
    assert "timed out" in session.job.reason
    place.scheduler.silent = False  # type: ignore[attr-defined]
    await asyncio.sleep(130)
    assert place.session().job.state == states.QUEUED  # type: ignore[union-attr]


@placed(schedulers.SchedulerThatIsSilent)
async def test_a_job_that_was_never_heard_of_says_that_nobody_answers_and_why(place: Place) -> None:
    place.scheduler.silent = False  # type: ignore[attr-defined]
    order = await place.record()
    place.scheduler.outcome = lambda order, output: Scheduled(order.id, "", Job("memory", output.stdout))  # type: ignore[method-assign]
    await place.jobs.submit(order, ANN)
    place.scheduler.silent = True  # type: ignore[attr-defined]
    await asyncio.sleep(30)
    job = place.session().job
    assert job is not None
    assert (job.state, job.reason) == (states.UNKNOWN, "Memory does not answer: timed out")
    assert job.seen == job.submitted
    place.scheduler.words = "qstat: cannot reach server"  # type: ignore[attr-defined]
    await asyncio.sleep(300)
    assert place.session().job == replace(job, reason="Memory does not answer: qstat: cannot reach server")


@placed(schedulers.SchedulerThatIsSilent)
async def test_a_job_that_is_found_by_its_name_says_that_nobody_answers_and_why(place: Place) -> None:
    place.scheduler.silent = False  # type: ignore[attr-defined]
    order = await place.record()
    place.scheduler.outcome = lambda order, output: Scheduled(order.id, "", Job("memory"))  # type: ignore[method-assign]
    await place.jobs.submit(order, ANN)
    place.scheduler.silent = True  # type: ignore[attr-defined]
    await asyncio.sleep(30)
    assert place.session().job.reason == "Memory does not answer: timed out"  # type: ignore[union-attr]


@placed(schedulers.SchedulerThatIsSilent)
async def test_a_submission_that_is_answered_ends_the_long_waits_of_a_silent_scheduler(place: Place) -> None:
    place.scheduler.silent = False  # type: ignore[attr-defined]
    await place.submit("one")
    place.scheduler.silent = True  # type: ignore[attr-defined]
    await asyncio.sleep(600)
    place.scheduler.silent = False  # type: ignore[attr-defined]
    await place.submit("two")
    await asyncio.sleep(7)
    assert place.session("one").job.state == states.QUEUED  # type: ignore[union-attr]


# what becomes of sessions


@placed()
async def test_a_job_that_failed_before_its_session_called_in_ends_it_with_its_words(place: Place) -> None:
    await place.submit()
    place.scheduler.logs["log"] = "xterm: not found\n"
    place.scheduler.becomes("s", state=states.FAILED, exit_code=127)
    await asyncio.sleep(15)
    session = place.session()
    assert session.state == lifecycle.ENDED
    assert session.reason == "The job 1 ended with exit code 127 before its session called in."
    assert (session.message, session.exit_code) == ("xterm: not found\n", 127)


@placed()
async def test_a_time_limit_is_told_as_the_reason(place: Place) -> None:
    await place.submit()
    place.scheduler.becomes("s", state=states.FAILED, reason="its time limit was reached")
    await asyncio.sleep(15)
    assert place.session().reason == "The job 1 was ended before its session called in: its time limit was reached."


@placed()
async def test_a_job_that_ended_well_leaves_its_session_half_a_minute_to_call_in(place: Place) -> None:
    await place.submit()
    place.scheduler.becomes("s", state=states.DONE, exit_code=0)
    await asyncio.sleep(30)
    assert place.session().state == lifecycle.PENDING
    await asyncio.sleep(30)
    assert place.session().state == lifecycle.ENDED


@placed()
async def test_a_job_that_nobody_knows_any_more_ends_its_session_after_half_a_minute(place: Place) -> None:
    await place.submit()
    await asyncio.sleep(10)
    place.scheduler.jobs.clear()
    await asyncio.sleep(30)
    assert place.session().state == lifecycle.PENDING
    await asyncio.sleep(30)
    assert place.session().state == lifecycle.ENDED
    assert "not known to Memory any more" in (place.session().reason or "")


@placed(schedulers.SchedulerThatHidesJobs)
async def test_a_job_that_only_its_user_may_see_is_not_taken_for_gone(place: Place) -> None:
    await place.submit()
    place.scheduler.becomes("s", place=7)
    await asyncio.sleep(3600)
    assert place.session().state == lifecycle.PENDING
    assert place.session().job.place == 7  # type: ignore[union-attr]


@placed(schedulers.SchedulerThatHidesJobs)
async def test_where_the_service_sees_all_nobody_is_asked_in_its_place(place: Place) -> None:
    place.scheduler.sees_all = True
    await place.submit()
    await asyncio.sleep(90)
    assert place.session().state == lifecycle.ENDED
    assert place.commands.as_users == ["submit", "tail"]


@placed()
async def test_the_schedulers_reason_is_told_also_when_its_word_came_first(place: Place) -> None:
    await place.submit()
    place.reached.add("s")
    await place.registry.signal("s", lifecycle.READY, hostname="node1", started=place.clock.now())
    place.scheduler.becomes("s", state=states.CANCELLED)
    await asyncio.sleep(40)
    assert place.session().state == lifecycle.RUNNING  # its own process says when it is over
    assert place.session().job.state == states.CANCELLED  # type: ignore[union-attr]
    place.reached.discard("s")
    ended = await place.registry.signal("s", lifecycle.OVER, ended=place.clock.now(), reason="it was told to end")
    place.jobs.happened(codec.to_document(ended))
    await asyncio.sleep(1)
    assert place.session().reason == "The job 1 was cancelled."


@placed()
async def test_a_session_that_called_in_is_not_ended_by_what_its_job_says(place: Place) -> None:
    await place.submit()
    place.reached.add("s")
    place.scheduler.becomes("s", state=states.FAILED)
    await asyncio.sleep(300)
    assert place.session().state == lifecycle.PENDING
    place.reached.clear()  # and now it is silent too
    await place.registry.change("s", hostname="n1")
    await asyncio.sleep(90)
    assert place.session().state == lifecycle.ENDED


@placed()
async def test_a_session_that_its_scheduler_ended_says_so_and_keeps_the_output(place: Place) -> None:
    await place.submit()
    place.reached.add("s")
    await place.registry.signal("s", lifecycle.READY, hostname="n1", message=None)
    await asyncio.sleep(60)
    place.scheduler.logs["log"] = "CANCELLED DUE TO TIME LIMIT\n"
    await place.registry.signal("s", lifecycle.OVER, ended=place.clock.now(), reason="signal 15")
    place.reached.clear()
    place.scheduler.becomes("s", state=states.FAILED, reason="its time limit was reached")
    await asyncio.sleep(60)
    assert place.session().reason == "The job 1 was ended: its time limit was reached."
    assert place.session().message == "CANCELLED DUE TO TIME LIMIT\n"
    assert place.session().job.state == states.FAILED  # type: ignore[union-attr]


@placed()
async def test_who_killed_the_jobs_process_is_told_as_far_as_its_scheduler_knows(place: Place) -> None:
    for session_id, reason, told in (
        ("s", "the process that followed it ended", "The job 1 ended with exit code 137 (killed by signal 9)."),
        ("t", "the command ended with exit code 137", "the command ended with exit code 137"),  # it knows better
    ):
        await place.submit(session_id)
        place.reached.add(session_id)
        await place.registry.signal(session_id, lifecycle.READY, hostname="n1")
        await place.registry.signal(session_id, lifecycle.OVER, ended=place.clock.now(), reason=reason)
        place.reached.clear()
        place.scheduler.becomes(session_id, state=states.FAILED, exit_code=137)
        await asyncio.sleep(60)
        assert place.session(session_id).reason == told


def test_those_words_are_what_session_processes_say() -> None:
    said = "".join((Path(start.__file__).parent / name).read_text() for name in ("start.py", "run.py"))
    assert all(f'"{words}"' in said for words in verdict.FROM_OUTSIDE)


@placed()
async def test_what_a_submission_printed_is_nothing_for_a_session_that_has_called_in(place: Place) -> None:
    order = await place.record()
    place.reached.add("s")
    await place.jobs.submit(order, ANN)
    assert place.session().message is None
    assert place.session().job is not None


# cancelling


@placed()
async def test_a_job_is_cancelled_at_once(place: Place) -> None:
    await place.submit()
    assert await place.jobs.cancel(place.session())
    assert place.scheduler.cancelled_jobs == ["1"]


@placed()
async def test_a_job_whose_submission_is_under_way_is_cancelled_as_soon_as_it_is_known(place: Place) -> None:
    place.commands.hold = asyncio.Event()
    order = await place.record()
    waiting = asyncio.ensure_future(place.jobs.submit(order, ANN))
    await asyncio.sleep(1)
    await place.registry.signal("s", lifecycle.ASKED, reason="It was ended by ann.")
    waiting.cancel()
    assert not await place.jobs.cancel(place.session())
    assert place.session().state == lifecycle.ENDING
    place.commands.hold.set()
    await asyncio.sleep(15)
    assert place.scheduler.cancelled_jobs == ["1"]
    assert place.session().state == lifecycle.ENDED
    assert place.session().reason == "It was ended by ann."
    assert await place.open_orders() == []


@placed()
async def test_a_purge_while_it_is_submitted_leaves_no_job(place: Place) -> None:
    place.commands.hold = asyncio.Event()
    order = await place.record()
    waiting = asyncio.ensure_future(place.jobs.submit(order, ANN))
    await asyncio.sleep(1)
    await place.jobs.cancel(place.session())
    await place.registry.purge("s")
    place.commands.hold.set()
    await waiting
    await asyncio.sleep(15)
    assert place.scheduler.cancelled_jobs == ["1"]
    assert await place.open_orders() == []


@placed(schedulers.SchedulerThatIsSilent)
async def test_what_a_silent_scheduler_could_not_cancel_is_cancelled_when_it_answers_even_after_a_restart(
    place: Place,
) -> None:
    place.scheduler.silent = False  # type: ignore[attr-defined]
    await place.submit()
    place.scheduler.silent = True  # type: ignore[attr-defined]
    await place.registry.signal("s", lifecycle.ASKED, reason="It was ended by ann.")
    assert not await place.jobs.cancel(place.session())
    await asyncio.sleep(60)
    assert place.session().state == lifecycle.ENDING
    await place.registry.purge("s")
    await place.restart()
    await asyncio.sleep(60)
    place.scheduler.silent = False  # type: ignore[attr-defined]
    await asyncio.sleep(130)
    assert place.scheduler.cancelled_jobs == ["1"]
    assert await place.open_orders() == []


@placed()
async def test_a_session_without_any_job_needs_no_scheduler(place: Place) -> None:
    await place.record()
    await place.jobs.forget("s")
    assert await place.jobs.cancel(place.session())
    assert await place.jobs.cancel(replace(place.session(), launcher="gone"))
    assert await place.jobs.cancel(replace(place.session(), launcher="direct"))


# more time


@placed()
async def test_more_time_is_written_at_once(place: Place) -> None:
    await place.submit()
    place.scheduler.becomes("s", state=states.RUNNING, ends_at=place.clock.now() + 600)
    await asyncio.sleep(15)
    before = place.session().job.ends_at  # type: ignore[union-attr]
    session = await place.jobs.extend(place.session(), 3600)
    assert session.job.ends_at == before + 3600  # type: ignore[union-attr,operator]


@placed()
async def test_more_time_by_the_service_stays_within_the_administrators_maximum(place: Place) -> None:
    place.launchers.members = {"extend": True, "maximum": {"time": "1:00:00"}}
    await place.submit()
    begin = place.clock.now()
    place.scheduler.becomes("s", state=states.RUNNING, started=begin, ends_at=begin + 600)
    await asyncio.sleep(15)
    session = await place.jobs.extend(place.session(), 7200)
    assert session.job.ends_at == begin + 3600  # type: ignore[union-attr]
    assert place.scheduler.asked[-1].argv[0] == "extend"  # by the service
    with pytest.raises(Conflict, match="1:00:00 at most"):
        await place.jobs.extend(session, 7200)


@placed()
async def test_the_service_gives_nobody_elses_job_more_time(place: Place) -> None:
    """A link is its user's own process: it may say of a submission that it became any job."""
    place.launchers.members = {"extend": True}
    await place.submit("other", EVE)
    await place.submit()
    job = replace(place.session("other").job, started=1.0, ends_at=place.clock.now() + 600)  # type: ignore[type-var]
    session = await place.registry.change("s", job=job)
    with pytest.raises(Conflict, match="does not know the job 1 as this session's"):
        await place.jobs.extend(session, 7200)
    assert "extend" not in [made.argv[0] for made in place.scheduler.asked]


@placed(schedulers.SchedulerThatIsSilent)
async def test_more_time_is_not_said_to_be_given_where_nobody_knows_when_it_ends(place: Place) -> None:
    place.scheduler.silent = False  # type: ignore[attr-defined]
    await place.submit()
    await place.registry.signal("s", lifecycle.READY, hostname="node1")
    with pytest.raises(Conflict, match="has not said yet when"):
        await place.jobs.extend(place.session(), 900.0)
    place.scheduler.silent = True  # type: ignore[attr-defined]
    await asyncio.sleep(30)
    with pytest.raises(Conflict, match="Memory does not answer"):
        await place.jobs.extend(place.session(), 900.0)
    place.scheduler.silent = False  # type: ignore[attr-defined]
    place.scheduler.becomes("s", state=states.RUNNING)
    await asyncio.sleep(130)
    assert await place.jobs.extend(place.session(), 900.0) == place.session()  # it has no end


@placed(schedulers.SchedulerThatRefuses)
async def test_more_time_that_is_refused_is_a_conflict_in_the_schedulers_words(place: Place) -> None:
    SchedulerInMemory.submit(place.scheduler, ("submit", "portcall-s", "ann"), "ann")
    await place.record()
    await place.restart()
    place.scheduler.becomes("s", state=states.RUNNING, ends_at=place.clock.now() + 600)
    await asyncio.sleep(15)
    with pytest.raises(Conflict, match=r"Access/permission denied for job 1"):
        await place.jobs.extend(place.session(), 3600)


@placed()
async def test_the_output_of_a_pending_job_can_be_read(place: Place) -> None:
    await place.submit()
    place.scheduler.logs["log"] = "loading modules\n"
    assert await place.jobs.output(place.session()) == "loading modules\n"


# people who keep others waiting


@placed()
async def test_who_does_not_answer_holds_nobody_else_up(place: Place) -> None:
    """A link is its user's own process, and so is the log in the home: a pipe that nobody writes to."""
    for number in range(20):
        await place.submit(f"eve{number}", EVE)
        place.scheduler.becomes(f"eve{number}", state=states.FAILED)
    await place.submit("s")
    place.scheduler.becomes("s", state=states.FAILED, reason="its node failed")
    place.commands.mute = "eve"
    await asyncio.sleep(30)
    assert place.session("s").state == lifecycle.ENDED
    await place.submit("t")
    place.scheduler.becomes("t", reason="Priority")
    await asyncio.sleep(30)
    job = place.session("t").job
    assert job is not None
    assert job.reason == "Priority"
    place.commands.mute = ""
    place.commands.spoken.set()
    await asyncio.sleep(60)
    assert {place.session(f"eve{number}").state for number in range(20)} == {lifecycle.ENDED}


@placed()
async def test_submissions_that_hang_leave_room_for_other_peoples(place: Place) -> None:
    place.commands.mute = "eve"
    hanging = [asyncio.ensure_future(place.submit(f"eve{number}", EVE)) for number in range(20)]
    await asyncio.sleep(1)
    async with asyncio.timeout(1):
        await place.submit("s")
    place.commands.spoken.set()
    await asyncio.gather(*hanging)
    assert len(place.scheduler.jobs) == 21
