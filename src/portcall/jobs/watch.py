"""One watcher for each scheduler: one question about all its jobs, however many sessions, people and pages there are.

A question is asked every ``poll`` seconds of the scheduler, a little sooner after something was submitted, less often
when nothing waits, and ever less often while the scheduler is silent; never more than twelve times a minute. Nothing
ends because a scheduler is silent.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

import structlog

from portcall.clock import Clock
from portcall.errors import PortcallError, SchedulerSilent
from portcall.jobs import verdict
from portcall.jobs.commands import Commands
from portcall.jobs.orders import Open, Orders
from portcall.jobs.turns import Turns, Work
from portcall.launchers.base import Found, Scheduler
from portcall.model import job as states
from portcall.model import lifecycle
from portcall.model.job import Job
from portcall.model.session import Session
from portcall.model.start import Output

log = structlog.get_logger("jobs")
SPACING = 5.2  # seconds between two questions at least: twelve a minute, whatever happens
_SOON = 1.0  # seconds from a submission to the first question about it
_CALM = 3.0  # times less often, when all that is watched runs
_LONGEST = 120.0  # seconds between questions to a scheduler that is silent
_SETTLE = 3.0  # seconds in which a submission that was cut off has reached its scheduler, or never will
_AFTER_END = 180.0  # seconds for which the job of a session that has ended is still asked about
_AT_ONCE = 8  # jobs of one user that are cancelled
_LARGE = 1 << 20  # characters; reading more than that would hold everything else up
_HELD_UP = 2.0  # seconds that one question waits for people's own processes; they go on beside the next
_ANSWERS_LATER = 600.0  # seconds at most between questions, as its user, about a job that we cannot see


class Sessions(Protocol):
    """The registry, as far as jobs need it."""

    def find(self, session_id: str) -> Session | None: ...
    def all(self) -> Iterable[Session]: ...
    async def change(self, session_id: str, **changes: Any) -> Session: ...
    async def signal(self, session_id: str, signal: str, **changes: Any) -> Session: ...


class Watch:
    """``resubmit`` makes a submission of an order that was not made; ``under_way`` tells of one that is being made;
    ``tail`` gives the end of a job's output; ``reached`` whether a session's own process is connected."""

    def __init__(
        self, scheduler: Scheduler, sessions: Sessions, orders: Orders, commands: Commands, clock: Clock,
        reached: Callable[[str], bool], under_way: Callable[[str], bool],
        resubmit: Callable[[Open], Awaitable[None]], tail: Callable[[Session], Awaitable[str]],
    ) -> None:  # fmt: skip
        self.scheduler = scheduler
        self._sessions, self._orders, self._commands, self._clock = sessions, orders, commands, clock
        self._reached, self._under_way, self._resubmit, self._tail = reached, under_way, resubmit, tail
        self._began = clock.monotonic()
        self._asked = self._began - SPACING  # when the last question was asked
        self._hurry: float | None = None  # when a question is wanted
        self._woken = asyncio.Event()
        self._silent = 0  # questions in a row that were not answered
        self._there: set[str] = set()  # users whose link has called since it was last asked who can submit
        self._heard: float | None = None  # when the scheduler was last heard, seconds since 1970
        self._names_next = True
        self._since: dict[str, float] = {}  # session → when its job was first over
        self._turns, self._calls, self._cancels = Turns(_HELD_UP), Turns(_HELD_UP), Turns(_HELD_UP)
        self._missing: dict[str, tuple[float, float]] = {}  # session → when its user is asked, and how long after again
        self.questions = 0
        self.cancelled: set[str] = set()  # sessions whose job we have cancelled ourselves: why, they know

    def wake(self, answered: bool = False) -> None:
        """Something was submitted, or is to be cancelled. ``answered``: the scheduler has just done something for us,
        so that it is not waited for any longer than if it had never been silent."""
        if answered:
            self._silent = 0
        if self._hurry is None:
            self._hurry = self._clock.monotonic() + _SOON
        self._woken.set()

    async def run(self) -> None:
        try:
            while True:
                await self._turn()
                try:
                    await self.once()
                except Exception:
                    log.exception("jobs", scheduler=self.scheduler.name)
        finally:
            for one in (self._turns, self._calls, self._cancels):
                await one.close()

    async def _turn(self) -> None:
        """Until it is time."""
        while True:
            due = self._due()
            now = self._clock.monotonic()
            if due is not None and due <= now:
                self._hurry = None
                return
            self._woken.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if due is None else due - now):
                    await self._woken.wait()

    @property
    def silent(self) -> bool:
        """Whether its scheduler did not answer the last question."""
        return self._silent > 0

    def _due(self) -> float | None:
        watched = self._watched()
        if not watched and not self._open():
            return None
        every = self.scheduler.poll
        if self._silent:
            every = min(_LONGEST, max(every, SPACING) * 2 ** min(self._silent, 8))
        elif not self._open() and not any(map(_interesting, watched)):
            every *= _CALM
        due = self._asked + max(every, SPACING)
        if self._hurry is not None and self._silent < 2:
            due = max(self._hurry, self._asked + SPACING)
        return due

    def _watched(self) -> list[Session]:
        """Sessions that live; those that have ended until it is known what became of their job."""
        found, now = [], self._clock.now()
        for session in self._sessions.all():
            if session.launcher != self.scheduler.name or session.job is None or not session.job.id:
                continue
            unsettled = session.job.state not in states.OVER and now - (session.ended or 0) < _AFTER_END
            if session.state in lifecycle.LIVE or unsettled:
                found.append(session)
        return found

    def _open(self) -> list[Open]:
        return [one for one in self._orders.of(self.scheduler.name) if not self._under_way(one.order.id)]

    async def once(self) -> None:
        """One question at most, and what follows from its answer."""
        watched = self._watched()
        asked = {session.job.id: session for session in watched if session.job and session.job.state not in states.OVER}
        names = await self._nameable()
        if names and (self._names_next or not asked):
            self._names_next = False
            await self._by_name(names)
        elif asked:
            self._names_next = True
            await self._by_id(asked)
        else:
            self._asked = self._clock.monotonic()
            self._silent = 0
        if not self._silent:
            await self._cancel_all()
        over: defaultdict[str, list[Work]] = defaultdict(list)
        for session in watched:
            if session.job is not None and session.job.state in states.OVER:
                over[session.user].append(partial(self._conclude, session, session.job))
        await self._turns.take(over)

    async def _question(self, ids: list[str], names: list[str]) -> list[Found] | None:
        """None where the scheduler does not answer."""
        self._asked = self._clock.monotonic()
        self.questions += 1
        output = await self._commands.as_service(self.scheduler.query(ids, names))
        try:
            found = await self._read(output)
        except SchedulerSilent as error:
            self._silent += 1
            log.warning("the scheduler does not answer", scheduler=self.scheduler.name, error=error.detail)
            await self._say_silent(error.detail)
            return None
        self._silent, self._heard = 0, self._clock.now()
        return found

    async def _read(self, output: Output) -> list[Found]:
        if len(output.stdout) < _LARGE:
            return self.scheduler.found(output)
        return await asyncio.to_thread(self.scheduler.found, output)

    async def _say_silent(self, words: str) -> None:
        """On every job, those too that have not been found yet: since when it is not heard of, and why. Written anew
        where the scheduler's words are others."""
        waiting = (self._sessions.find(one.order.id) for one in self._open())
        said = f"{self.scheduler.title} does not answer: {words}"
        for session in [*self._watched(), *(one for one in waiting if one is not None)]:
            job = session.job
            if job is None or job.state in states.OVER:
                continue
            known = job.state == states.UNKNOWN and job.reason.startswith(f"{self.scheduler.title} does not answer: ")
            seen = job.seen if known else self._heard or job.seen or job.submitted
            job = replace(job, state=states.UNKNOWN, said="", place=None, reason=said, seen=seen)
            await self._sessions.change(session.id, job=job)

    # jobs by their ids

    async def _by_id(self, asked: dict[str, Session]) -> None:
        found = await self._question(list(asked), [])
        if found is None:
            return
        known = {one.job.id: one for one in found}
        follows: defaultdict[str, list[Work]] = defaultdict(list)
        for job_id, session in asked.items():
            one = known.get(job_id)
            if one is not None and one.user not in ("", session.user):
                one = None  # the scheduler has begun to count anew
            if one is not None:
                self._missing.pop(session.id, None)
            follows[session.user].append(
                partial(self._look_closer, session) if one is None else partial(self._heard_of, session, one.job)
            )
        await self._turns.take(follows)

    async def _heard_of(self, session: Session, now: Job) -> None:
        before = session.job
        assert before is not None
        job = verdict.merged(before, now)
        if verdict.news(before, job):
            session = await self._sessions.change(session.id, job=replace(job, seen=self._clock.now()))
        if job.state in states.OVER:
            await self._conclude(session, job)

    async def _look_closer(self, session: Session) -> None:
        """A job that our question did not find. Some schedulers hide jobs from others: before it counts as gone, its
        user asks, ever less often where that is how it is found."""
        now, job = self._clock.monotonic(), session.job
        assert job is not None
        at, after = self._missing.setdefault(session.id, (now + verdict.GRACE, verdict.GRACE))
        if now < at:
            return
        self._missing[session.id] = (now + after, min(_ANSWERS_LATER, after * 2))
        gone = replace(job, state=states.UNKNOWN, said="", reason="", place=None)
        if self.scheduler.sees_all:
            asked = self.scheduler.became(gone)
            over = self.scheduler.ended(gone, await self._commands.as_service(asked)) if asked is not None else gone
            await self._conclude(session, over, gone=True)
            return
        try:
            question = replace(self.scheduler.query([job.id], []), as_service=False)
            output = await self._commands.as_user(session.user, question)
            mine = [one.job for one in self.scheduler.found(output) if one.job.id == job.id]
        except SchedulerSilent as error:
            log.info("nobody could ask for a job", session=session.id, job=job.id, error=str(error))
            return
        if mine:
            await self._heard_of(session, mine[0])
        else:
            await self._conclude(session, gone, gone=True)

    # orders whose job is not known

    async def _nameable(self) -> dict[str, Open]:
        """Those that can be found now by name. Their user's link has to be there: it has ended what was under way."""
        if self._clock.monotonic() - self._began < _SETTLE:
            self._hurry = self._began + _SETTLE
            return {}
        wanted = [one for one in self._open() if not one.job]
        users = sorted({one.order.user for one in wanted})
        await self._calls.take({user: [partial(self._call, user)] for user in users})
        there, self._there = self._there, set()
        return {self.scheduler.job_name(one.order.id): one for one in wanted if one.order.user in there}

    async def _call(self, user: str) -> None:
        try:
            await self._commands.link_is_there(user)
        except PortcallError as error:
            log.info("nobody can submit", user=user, error=str(error))
        else:
            self._there.add(user)

    async def _by_name(self, names: dict[str, Open]) -> None:
        found = await self._question([], list(names))
        if found is None:
            return
        follows: defaultdict[str, list[Work]] = defaultdict(list)
        for name, one in names.items():
            mine = [item.job for item in found if item.name == name and item.user in ("", one.order.user)]
            follows[one.order.user].append(partial(self._found_by_name, one, mine))
        await self._turns.take(follows)

    async def _found_by_name(self, one: Open, jobs: list[Job]) -> None:
        living = [job for job in jobs if job.state not in states.OVER] or jobs[:1]
        for job in living[1:]:
            log.error("a session has two jobs; the later one is cancelled", session=one.order.id, job=job.id)
            await self._commands.as_user(one.order.user, self.scheduler.cancel(job))
        session = self._sessions.find(one.order.id)
        if one.cancel or session is None or session.state == lifecycle.ENDED:
            if living and living[0].state not in states.OVER:
                await self._orders.cancel(one.order.id, living[0].id)
                await self._cancel(replace(one, cancel=True, job=living[0].id))
            else:
                await self._cancelled(one)
        elif living:
            log.info("found the job of an order by its name", session=one.order.id, job=living[0].id)
            before = session.job or Job(self.scheduler.name)
            job = replace(verdict.merged(before, living[0]), submitted=before.submitted or session.created)
            await self._sessions.change(session.id, job=replace(job, seen=self._clock.now()))
            await self._orders.done(one.order.id)
        elif not one.submitted:
            await self._resubmit(one)
        elif self._clock.now() - one.submitted > verdict.GRACE:
            await self._orders.done(one.order.id)
            await self._conclude(session, session.job or Job(self.scheduler.name), gone=True)

    # jobs that are not wanted any more

    async def _cancel_all(self) -> None:
        unwanted: defaultdict[str, list[Open]] = defaultdict(list)
        for one in self._open():
            if one.cancel and one.job:
                unwanted[one.order.user].append(one)

        async def cancel_each(those: list[Open]) -> None:
            few = asyncio.Semaphore(_AT_ONCE)

            async def cancel(one: Open) -> None:
                async with few:
                    await self._cancel(one)

            await asyncio.gather(*map(cancel, those))

        await self._cancels.take({user: [partial(cancel_each, those)] for user, those in unwanted.items()})

    async def _cancel(self, one: Open) -> None:
        try:
            job = Job(self.scheduler.name, one.job)
            output = await self._commands.as_user(one.order.user, self.scheduler.cancel(job))
        except PortcallError as error:
            log.info("not cancelled yet", session=one.order.id, job=one.job, error=str(error))
            return
        if self.scheduler.cancelled(output):
            await self._cancelled(one)
        else:
            log.warning("not cancelled", session=one.order.id, job=one.job, error=output.stderr.strip()[:500])

    async def _cancelled(self, one: Open) -> None:
        await self._orders.done(one.order.id)
        session = self._sessions.find(one.order.id)
        if session is not None:
            self.cancelled.add(session.id)
        if session is not None and session.state == lifecycle.ENDING and not self._reached(session.id):
            await self._sessions.signal(session.id, lifecycle.OVER, ended=self._clock.now(), clients=0)

    # what follows for the session

    async def _conclude(self, session: Session, job: Job, gone: bool = False) -> None:
        """Its job is over, or gone: a session that does not call in is over too."""
        now, title = self._clock.monotonic(), self.scheduler.title
        if session.state == lifecycle.ENDED:
            await self._afterword(session, job)
            return
        if self._reached(session.id):
            self._since.pop(session.id, None)
            return
        if now - self._since.setdefault(session.id, now) < verdict.patience(session, job, gone):
            return
        tail = await self._tail(session)
        current = self._sessions.find(session.id)  # it may have called in meanwhile
        if current is None or current.state not in lifecycle.LIVE or self._reached(session.id):
            return
        self._since.pop(session.id, None)
        self._missing.pop(session.id, None)
        reason = current.reason if current.state == lifecycle.ENDING else verdict.reason(current, job, gone, title)
        await self._sessions.signal(
            session.id, lifecycle.OVER, ended=self._clock.now(), clients=0, reason=reason, exit_code=job.exit_code,
            message=tail or current.message, job=replace(job, seen=self._clock.now()),
        )  # fmt: skip

    async def ended(self, session_id: str) -> None:
        """A session is over; that its job is may have been known before."""
        session = self._sessions.find(session_id)
        if session is not None and session.job is not None and session.job.state in states.OVER:
            await self._afterword(session, session.job)

    async def _afterword(self, session: Session, job: Job) -> None:
        """The session has said why it ended; where its scheduler ended it, the scheduler knows better."""
        if verdict.ended_by_scheduler(session, job) and session.id not in self.cancelled:
            reason = verdict.reason(session, job, False, self.scheduler.title)
            session = await self._sessions.change(session.id, reason=reason)
        if not session.message and (tail := await self._tail(session)):
            await self._sessions.change(session.id, message=tail)


def _interesting(session: Session) -> bool:
    return session.state == lifecycle.PENDING or (session.job is not None and verdict.unsettled(session, session.job))
