"""Jobs of sessions: submitted once, watched, cancelled, extended; what a killed server left open is taken up again."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import structlog

from portcall.clock import Clock
from portcall.errors import Conflict, InvalidValue, PortcallError, SchedulerSilent, UnknownPlugin
from portcall.jobs import identity, verdict
from portcall.jobs.commands import Commands
from portcall.jobs.launchers import Launchers
from portcall.jobs.orders import Open, Orders
from portcall.jobs.ready import Ready
from portcall.jobs.refused import as_launch_failed
from portcall.jobs.watch import Sessions, Watch
from portcall.launchers.base import Scheduler
from portcall.model import job as states
from portcall.model import lifecycle
from portcall.model.job import Job
from portcall.model.option import TIME, read
from portcall.model.session import Session
from portcall.model.shown import printable
from portcall.model.start import Outcome, Scheduled, StartOrder
from portcall.model.user import Account

log = structlog.get_logger("jobs")
_AT_ONCE = 8  # submissions; schedulers are slower when they are crowded
_OF_ONE = 4  # of them by one user, whose link may answer late or never: the others are not to wait for that
_TAIL = 65_536  # characters of a job's output that its session keeps


class Accounts(Protocol):
    async def lookup(self, user: str) -> Account: ...


class Jobs:
    """A job is submitted once: where it is not known whether it was, its scheduler is asked for it by name.

    ``reached`` tells whether a session's own process is connected.
    """

    def __init__(
        self, launchers: Launchers, sessions: Sessions, orders: Orders, commands: Commands, clock: Clock,
        accounts: Accounts, reached: Callable[[str], bool],
    ) -> None:  # fmt: skip
        self._launchers, self._sessions, self._orders = launchers, sessions, orders
        self._commands, self._clock, self._accounts, self._reached = commands, clock, accounts, reached
        self.ready = Ready(commands.as_service, clock, self._task)
        self._watches: dict[str, Watch] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._under_way: dict[str, asyncio.Task[Outcome]] = {}  # submissions, by session
        self._coming: set[str] = set()  # sessions whose start is on its way to its submission
        self._states: dict[str, str] = {}  # of sessions that have jobs
        self._few = asyncio.Semaphore(_AT_ONCE)
        self._few_of: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(_OF_ONE))

    async def open(self) -> None:
        """What the last run of this server left open, and what it watched."""
        await self._orders.open()
        for one in self._orders.all():
            session = self._sessions.find(one.order.id)
            if one.cancel:
                continue
            if session is None or session.state == lifecycle.ENDED or self.scheduler(one.order.launcher) is None:
                await self._orders.done(one.order.id)
            elif session.state == lifecycle.ENDING:
                await self._orders.cancel(one.order.id)
        launchers = {one.order.launcher for one in self._orders.all()}
        for launcher in launchers | {session.launcher for session in self._sessions.all() if session.job is not None}:
            self._wake(launcher)
        for launcher in self._launchers.configured():
            self._task(self._tidy(launcher))

    async def _tidy(self, launcher: str) -> None:
        scheduler = self.scheduler(launcher)
        invocation = scheduler.tidy() if scheduler is not None else None
        if invocation is not None:
            output = await self._commands.as_service(invocation)
            if output.code != 0:
                log.warning("nothing was tidied", launcher=launcher, error=output.stderr.strip()[:500])

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def scheduler(self, launcher: str) -> Scheduler | None:
        """None for one that is no scheduler, or that is not there any more."""
        try:
            found = self._launchers.get(launcher)
        except (UnknownPlugin, InvalidValue):  # a site's own may be gone, or broken by now
            return None
        return found if isinstance(found, Scheduler) else None

    @property
    def questions(self) -> dict[str, int]:
        """How often each scheduler was asked."""
        return {name: watch.questions for name, watch in self._watches.items()}

    # submitting

    async def keep(self, order: StartOrder) -> None:
        """Before the session's record is written: from then on it is found and submitted, whatever happens."""
        if self.scheduler(order.launcher) is not None:
            self._coming.add(order.id)
            await self._orders.keep(order)

    async def forget(self, session_id: str) -> None:
        """It was refused before anything was submitted."""
        self._coming.discard(session_id)
        if session_id not in self._under_way:
            await self._orders.done(session_id)

    async def submit(self, order: StartOrder, account: Account) -> Outcome:
        """Goes on to its end if nobody waits any more: what has become of it is written where it is looked for."""
        task = self._under_way.get(order.id)
        if task is None:
            task = self._under_way[order.id] = self._task(self._submit(order, account))

            def done(task: asyncio.Task[Outcome]) -> None:
                del self._under_way[order.id]
                self._coming.discard(order.id)
                self._wake(order.launcher, answered=_has_job(task))

            task.add_done_callback(done)
        return await asyncio.shield(task)

    def _is_under_way(self, session_id: str) -> bool:
        """Not the watcher's matter yet: it would submit what is about to be submitted."""
        return session_id in self._under_way or session_id in self._coming

    async def _submit(self, order: StartOrder, account: Account) -> Outcome:
        scheduler = self.scheduler(order.launcher)
        if scheduler is None:
            raise UnknownPlugin(f"the launcher {order.launcher} is not there any more")
        try:
            host = self._launchers.host(order, account)
            invocation = scheduler.invocation(order, host)
            if host.identity and any(host.identity in word for word in invocation.argv):
                await asyncio.to_thread(identity.write, Path(host.identity), account, host.group_ids)
            async with self._few_of[account.name], self._few:
                output = await self._commands.as_user(account, invocation, bound=True)
            outcome = scheduler.outcome(order, output)
        except SchedulerSilent as silent:
            return await self._unsure(scheduler, order, silent)
        except PortcallError:
            await self._orders.done(order.id)
            raise
        if isinstance(outcome, Scheduled) and outcome.job is not None:
            outcome = replace(outcome, job=replace(outcome.job, submitted=self._clock.now()))
        await self._submitted(order, outcome)
        return outcome

    async def _submitted(self, order: StartOrder, outcome: Outcome) -> None:
        job = outcome.job if isinstance(outcome, Scheduled) else None
        session = self._sessions.find(order.id)
        unwanted = self._orders.find(order.id)
        if session is not None:
            text = outcome.text[:_TAIL] if isinstance(outcome, Scheduled) else ""
            # a session that has called in, or is over, before its submission had answered, has its own word
            waits = session.state in (lifecycle.PENDING, lifecycle.ENDING) and not self._reached(order.id)
            said = text if waits else session.message
            session = await self._sessions.change(order.id, job=job, message=said or None)
        given_up = session is None or session.state in (lifecycle.ENDING, lifecycle.ENDED)
        if job is not None and (given_up or (unwanted is not None and unwanted.cancel)):
            await self._orders.cancel(order.id, job.id, order)
        elif job is not None and not job.id:
            await self._orders.submitted(order.id, self._clock.now())
        else:
            await self._orders.done(order.id)

    async def _unsure(self, scheduler: Scheduler, order: StartOrder, silent: SchedulerSilent) -> Outcome:
        """It may have taken the job all the same: the watcher looks for it, and submits it if it is not there."""
        log.warning("it is not known whether a job was submitted", session=order.id, error=silent.detail)
        said = f"{scheduler.title} does not answer: {silent.detail}"
        job = Job(order.launcher, reason=said)
        session = self._sessions.find(order.id)
        if session is not None and session.state in lifecycle.LIVE:
            await self._sessions.change(order.id, job=job)
        return Scheduled(order.id, f"{said}\nThe job is submitted as soon as it does.", job)

    async def _resubmit(self, one: Open) -> None:
        """An order that was not submitted, as its scheduler says."""
        account = await self._accounts.lookup(one.order.user)
        if self._orders.find(one.order.id) is None or one.order.id in self._under_way:
            return

        async def submit() -> None:
            try:
                with as_launch_failed():
                    await self.submit(one.order, account)
            except PortcallError as error:
                session = self._sessions.find(one.order.id)
                if session is not None and session.state in (lifecycle.PENDING, lifecycle.ENDING):
                    message = str(error.extra.get("log") or "") or None
                    await self._sessions.signal(
                        session.id, lifecycle.OVER, ended=self._clock.now(), reason=error.detail, message=message,
                        cause=session.cause or error.code,
                    )  # fmt: skip

        self._task(submit())

    # what people ask for

    async def cancel(self, session: Session) -> bool:
        """Whether nothing of its job is left to come; else that is remembered, and done once the scheduler answers."""
        scheduler, job = self.scheduler(session.launcher), session.job
        if scheduler is None or (job is not None and job.state in states.OVER):
            return True
        if job is None or not job.id:
            if self._orders.find(session.id) is None:
                return True  # nothing was submitted
            await self._orders.cancel(session.id)
            self._wake(session.launcher)
            return False
        try:
            invocation = scheduler.cancel(job)
        except PortcallError as error:  # a session that comes up all the same is told to end as soon as it calls in
            log.warning("cannot be cancelled", session=session.id, job=job.id, error=str(error))
            return True
        try:
            output = await self._commands.as_user(session.user, invocation)
            if scheduler.cancelled(output):
                self._wake(session.launcher)
                self._watches[session.launcher].cancelled.add(session.id)
                return True
            said = output.stderr.strip() or f"exit code {output.code}"
        except SchedulerSilent as silent:
            said = silent.detail
        log.warning("not cancelled yet", session=session.id, job=job.id, error=said[:500])
        order = StartOrder(
            session.id, session.login, session.user, session.command, session.geometry, session.window_mode,
            launcher=session.launcher,
        )  # fmt: skip
        await self._orders.cancel(session.id, job.id, order)
        self._wake(session.launcher)
        return False

    async def extend(self, session: Session, by: float) -> Session:
        """The end of the job's time, so many seconds later; Conflict in the scheduler's words where it will not."""
        scheduler, job = self.scheduler(session.launcher), session.job
        if scheduler is None or job is None or not job.id or job.state in states.OVER:
            return session
        if job.ends_at is None:
            self._see_that_it_has_no_end(scheduler, session, job)
            return session
        until, administered = job.ends_at + by, self._launchers.administered(session.launcher)
        if administered.get("extend"):
            until = _within(administered, job, until)
        invocation = scheduler.extend(job, until)
        if invocation is None:
            raise Conflict(f"{scheduler.title} cannot give a job more time.")
        if administered.get("extend"):
            await self._see_that_it_is_its_own(scheduler, session, job)
            invocation = replace(invocation, as_service=True)
        output = await self._commands.as_user(session.user, invocation)
        if output.code != 0:
            said = printable((output.stderr or output.stdout).strip(), lines=True)[:500] or f"exit code {output.code}"
            raise Conflict(f"{scheduler.title} does not give the job more time: {said}")
        self._wake(session.launcher)
        return await self._sessions.change(session.id, job=replace(job, ends_at=until))

    def _see_that_it_has_no_end(self, scheduler: Scheduler, session: Session, job: Job) -> None:
        """Conflict where it may have one that is not known: its scheduler's last word is older than its session."""
        watch = self._watches.get(session.launcher)
        if watch is not None and watch.silent:
            raise Conflict(f"{scheduler.title} does not answer: when the job's time ends is not known now.")
        if verdict.unsettled(session, job):
            self._wake(session.launcher)
            raise Conflict(f"{scheduler.title} has not said yet when the job's time ends: try it again in a moment.")

    async def _see_that_it_is_its_own(self, scheduler: Scheduler, session: Session, job: Job) -> None:
        """Which job it is, the submission has told, and so its user's link: the service may do more than they."""
        name = scheduler.job_name(session.id)
        try:
            found = scheduler.found(await self._commands.as_service(scheduler.query([], [name])))
        except SchedulerSilent as silent:
            raise Conflict(f"{scheduler.title} does not answer: {silent.detail}") from silent
        if not any(one.job.id == job.id and one.name == name and one.user in ("", session.user) for one in found):
            raise Conflict(f"{scheduler.title} does not know the job {job.id} as this session's.")

    async def output(self, session: Session) -> str:
        """The end of what its job has printed; empty where there is none, or nobody can read it now."""
        scheduler, job = self.scheduler(session.launcher), session.job
        invocation = scheduler.log(job) if scheduler is not None and job is not None else None
        if invocation is None:
            return ""
        try:
            output = await self._commands.as_user(session.user, invocation)
        except SchedulerSilent as error:
            log.info("nobody could read a job's output", session=session.id, error=str(error))
            return ""
        return output.stdout[-_TAIL:] if output.code == 0 else ""

    def happened(self, document: dict[str, Any]) -> None:
        """A session's record has changed: where its state has, its scheduler has something new to say of its job."""
        session_id, state = document["id"], document["state"]
        if document.get("job") and self._states.get(session_id) != state:
            self._states[session_id] = state
            if state != lifecycle.PENDING:  # one that runs was started by a scheduler that is there
                self._wake(document["launcher"], answered=state == lifecycle.RUNNING)
            watch = self._watches.get(document["launcher"])
            if state == lifecycle.ENDED and watch is not None:
                self._task(watch.ended(session_id))

    def gone(self, session_id: str) -> None:
        self._states.pop(session_id, None)
        for watch in self._watches.values():
            watch.cancelled.discard(session_id)

    def _wake(self, launcher: str, answered: bool = False) -> None:
        watch, scheduler = self._watches.get(launcher), self.scheduler(launcher)
        if scheduler is None:
            return
        if watch is None:
            watch = self._watches[launcher] = Watch(
                scheduler, self._sessions, self._orders, self._commands, self._clock, self._reached,
                self._is_under_way, self._resubmit, self.output,
            )  # fmt: skip
            self._task(watch.run())
        watch.scheduler = scheduler  # as its site has it now
        watch.wake(answered)

    def _task(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _has_job(submission: asyncio.Task[Outcome]) -> bool:
    """Whether its scheduler has answered it."""
    if submission.cancelled() or submission.exception() is not None:
        return False
    outcome = submission.result()
    return isinstance(outcome, Scheduled) and outcome.job is not None and bool(outcome.job.id)


def _within(administered: dict[str, Any], job: Job, until: float) -> float:
    """As far as the administrator's ``maximum`` goes: the service may have what people may not."""
    most = administered.get("maximum", {}).get("time")
    if most is None or job.started is None or job.ends_at is None:
        return until
    until = min(until, job.started + read(TIME, most))
    if until <= job.ends_at:
        raise Conflict(f"The job cannot be given more time: {most} at most.")
    return until
