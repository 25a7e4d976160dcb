"""Schedulers in memory, that do what their name says; and the commands that reach them, as a server would run them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from portcall.errors import SchedulerSilent, StartFailed
from portcall.jobs.commands import Commands
from portcall.launchers.base import Found, Scheduler
from portcall.model import codec, job
from portcall.model.job import Job
from portcall.model.launch import Host
from portcall.model.start import Invocation, Outcome, Output, Scheduled, StartOrder
from portcall.model.user import Account


class SchedulerInMemory(Scheduler):
    """Everything that is submitted waits, until a test says what becomes of it in ``jobs``: name → Found."""

    name = "memory"
    title = "Memory"

    def __init__(self) -> None:
        self.jobs: dict[str, Found] = {}
        self.logs: dict[str, str] = {}
        self.cancelled_jobs: list[str] = []
        self.asked: list[Invocation] = []  # questions

    def invocation(self, order: StartOrder, host: Host) -> Invocation:
        return Invocation(("submit", self.job_name(order.id), order.user))

    def outcome(self, order: StartOrder, output: Output) -> Outcome:
        if output.code == 124:
            raise SchedulerSilent(output.stderr)
        if output.code != 0:
            raise StartFailed(output.stderr, log=output.stderr)
        return Scheduled(order.id, f"job {output.stdout}", Job(self.name, output.stdout, job.QUEUED, log="log"))

    def query(self, ids: Sequence[str], names: Sequence[str]) -> Invocation:
        return Invocation(("query", *ids, *names), as_service=True)

    def found(self, output: Output) -> list[Found]:
        if output.code != 0:
            raise SchedulerSilent(output.stderr)
        return [codec.from_document(Found, row) for row in json.loads(output.stdout)]

    def cancel(self, job: Job) -> Invocation:
        return Invocation(("cancel", job.id))

    def extend(self, job: Job, until: float) -> Invocation | None:
        return Invocation(("extend", job.id, str(until)))

    # what its commands do

    def run(self, argv: tuple[str, ...], user: str) -> Output:
        """``user`` is empty for the service."""
        commands = {
            "submit": self.submit, "query": self.answer, "cancel": self.drop, "extend": self.more_time,
            "tail": self.tail,
        }  # fmt: skip
        return commands[argv[0]](argv, user)

    def submit(self, argv: tuple[str, ...], user: str) -> Output:
        number = str(len(self.jobs) + 1)
        key = argv[1] if argv[1] not in self.jobs else f"{argv[1]} again"
        self.jobs[key] = Found(Job(self.name, number, job.QUEUED, log="log"), argv[1], argv[2])
        return Output(0, number)

    def answer(self, argv: tuple[str, ...], user: str) -> Output:
        rows = [one for one in self.jobs.values() if {one.job.id, one.name} & set(argv[1:])]
        return Output(0, json.dumps([codec.to_document(one) for one in rows]))

    def tail(self, argv: tuple[str, ...], user: str) -> Output:
        return Output(0, self.logs.get(argv[-1], ""))

    def drop(self, argv: tuple[str, ...], user: str) -> Output:
        self.cancelled_jobs.append(argv[1])
        for key, one in self.jobs.items():
            if one.job.id == argv[1]:
                self.jobs[key] = replace(one, job=replace(one.job, state=job.CANCELLED))
        return Output(0)

    def more_time(self, argv: tuple[str, ...], user: str) -> Output:
        return Output(0)

    def becomes(self, session_id: str, **members: Any) -> None:
        name = self.job_name(session_id)
        self.jobs[name] = replace(self.jobs[name], job=replace(self.jobs[name].job, **members))


class SchedulerThatIsSilent(SchedulerInMemory):
    """While ``silent``: nothing is done, nothing is answered."""

    silent = True
    words = "timed out"

    def run(self, argv: tuple[str, ...], user: str) -> Output:
        if self.silent and argv[0] != "tail":
            return Output(124, "", self.words)
        return super().run(argv, user)


class SchedulerThatLosesItsAnswers(SchedulerInMemory):
    """It takes the job, and nobody hears of it."""

    def submit(self, argv: tuple[str, ...], user: str) -> Output:
        super().submit(argv, user)
        return Output(124, "", "Socket timed out on send/recv operation")


class SchedulerThatHidesJobs(SchedulerInMemory):
    """Only who submitted a job sees it."""

    def answer(self, argv: tuple[str, ...], user: str) -> Output:
        return super().answer(argv, user) if user else Output(0, "[]")


class SchedulerThatRefuses(SchedulerInMemory):
    """The queue is closed, and nobody gets more time."""

    def submit(self, argv: tuple[str, ...], user: str) -> Output:
        return Output(1, "", "the queue is closed")

    def more_time(self, argv: tuple[str, ...], user: str) -> Output:
        return Output(1, "", "Access/permission denied for job 1")


class CommandsInMemory(Commands):
    """Runs what ``scheduler`` is asked; ``hold`` keeps submissions under way until it is set. The link of the user
    ``mute`` answers nothing until ``spoken``."""

    def __init__(self, scheduler: SchedulerInMemory) -> None:
        self._here = scheduler
        self.hold: asyncio.Event | None = None
        self.submissions = 0
        self.as_users: list[str] = []  # what people's links were asked to run
        self.mute, self.spoken = "", asyncio.Event()

    async def link_is_there(self, user: str) -> None:
        if user == self.mute:
            await self.spoken.wait()

    async def as_service(self, invocation: Invocation) -> Output:
        self._here.asked.append(invocation)
        return self._here.run(invocation.argv, "")

    async def as_user(self, user: str | Account, invocation: Invocation, bound: bool = False) -> Output:
        if invocation.as_service:
            return await self.as_service(invocation)
        name = user if isinstance(user, str) else user.name
        self.as_users.append(invocation.argv[0])
        if name == self.mute:
            await self.spoken.wait()
        if invocation.argv[0] == "submit":
            self.submissions += 1
            if self.hold is not None:
                await self.hold.wait()
        return self._here.run(invocation.argv, name)
