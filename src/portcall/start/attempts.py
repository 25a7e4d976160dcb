"""Starts under way: each a task that may ask its person something, and goes on when answered."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from portcall.errors import BadRequest, NotFound, Terminated
from portcall.model import lifecycle
from portcall.model.start import NeedAuth, Outcome
from portcall.start.trace import Trace

_ANSWER_WITHIN = 180.0  # seconds


@dataclass(eq=False)
class Attempt:
    """``accepted`` is set as soon as the order is with the link: who does not want to wait is answered then."""

    id: str
    login: str
    session_id: str
    trace: Trace
    accepted: asyncio.Event = field(default_factory=asyncio.Event)
    question: asyncio.Future[Any] | None = None
    answers: asyncio.Future[list[str]] | None = None
    task: asyncio.Task[Outcome] | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    given_up: str = lifecycle.OVER  # the signal to its session where this start is given up

    async def ask(self, question: Any) -> list[str]:
        """Relay a round of prompts; its answers, or LoginFailed's kin when nobody answers in time."""
        loop = asyncio.get_running_loop()
        self.question, self.answers = loop.create_future(), loop.create_future()
        self.question.set_result(question)
        self.changed.set()
        try:
            return await asyncio.wait_for(self.answers, _ANSWER_WITHIN)
        except TimeoutError:
            raise BadRequest(f"The questions were not answered within {_ANSWER_WITHIN:g} s.") from None
        finally:
            self.question = self.answers = None


class Attempts:
    """An attempt is its login's alone. One that nobody waits for goes on; its end is seen in the session."""

    def __init__(self) -> None:
        self._attempts: dict[str, Attempt] = {}

    def begin(
        self, login: str, session_id: str, trace: Trace, work: Callable[[Attempt], Awaitable[Outcome]]
    ) -> Attempt:
        attempt = Attempt(secrets.token_urlsafe(12), login, session_id, trace)
        self._attempts[attempt.id] = attempt
        attempt.task = asyncio.ensure_future(work(attempt))

        def done(task: asyncio.Task[Outcome]) -> None:
            self._attempts.pop(attempt.id, None)
            attempt.changed.set()
            if not task.cancelled():
                task.exception()  # told by the session's record where nobody waits any more

        attempt.task.add_done_callback(done)
        return attempt

    def of_session(self, login: str, session_id: str) -> Attempt | None:
        for attempt in self._attempts.values():
            if attempt.session_id == session_id and attempt.login == login:
                return attempt
        return None

    def get(self, attempt_id: str, login: str) -> Attempt:
        attempt = self._attempts.get(attempt_id)
        if attempt is None or attempt.login != login:
            raise NotFound("This start is not waiting for answers: it has ended, or is not yours.")
        return attempt

    def answer(self, attempt_id: str, login: str, answers: list[str]) -> Attempt:
        attempt = self.get(attempt_id, login)
        if attempt.question is None or attempt.answers is None or attempt.answers.done():
            raise BadRequest("This start asks nothing at the moment.")
        attempt.question = None
        attempt.changed.clear()
        attempt.answers.set_result(answers)
        return attempt

    def abandon(self, attempt_id: str, login: str) -> None:
        attempt = self.get(attempt_id, login)
        if attempt.task is not None:
            attempt.task.cancel()

    async def progress(self, attempt: Attempt, wait: bool) -> Outcome | None:
        """The outcome, the next question, or (without ``wait``) None once the order is with the link."""
        assert attempt.task is not None
        while True:
            if attempt.task.cancelled():
                raise Terminated("The start was given up.")
            if attempt.task.done():
                return attempt.task.result()
            if attempt.question is not None:
                return need_auth(attempt, attempt.question.result())
            if not wait and attempt.accepted.is_set():
                return None
            attempt.changed.clear()
            await attempt.changed.wait()


def need_auth(attempt: Attempt, question: Any) -> NeedAuth:
    prompts = [{"text": prompt.text, "echo": prompt.echo} for prompt in question.prompts]
    return NeedAuth(attempt.id, prompts, question.title, question.instructions)
