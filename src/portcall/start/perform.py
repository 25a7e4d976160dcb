"""What the session's server does with an order: steps B8 to B10, then until the session runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol

import structlog

from portcall.clock import Clock
from portcall.config import Config
from portcall.errors import (
    NotInTime,
    PortcallError,
    ProtocolError,
    StartFailed,
    StartsDisabled,
    Terminated,
    start_failure,
)
from portcall.jobs.commands import through
from portcall.jobs.jobs import Jobs
from portcall.jobs.launchers import Launchers
from portcall.jobs.refused import as_launch_failed
from portcall.launchers.base import Launcher, Scheduler
from portcall.model import codec, lifecycle
from portcall.model.session import Session
from portcall.model.start import Invocation, Outcome, Output, Scheduled, Started, StartOrder
from portcall.model.user import Account
from portcall.session import seats
from portcall.session.registry import Registry
from portcall.start.attempts import Attempt
from portcall.start.gate import Gate
from portcall.wire import messages

log = structlog.get_logger("start")
DIRECT = "direct"
_CORES_FACTOR = 1.5
_LAST_WORD = 5.0  # seconds beyond the session's own time limit
_PATIENCE = 3.0  # seconds that a command waits at most, while other displays come up
_MOST_LINKS = 3  # that may die over one order


class Link(Protocol):
    started_by: str

    async def request(self, make: Callable[[int], Any], timeout: float = 10.0) -> tuple[dict[str, Any], list[int]]: ...


class Perform:
    """``ensure_link`` comes from ``app``; ``service`` runs a command as the server's own user; ``groups_of`` gives a
    login's groups, for seats.

    When many start at once, everybody sees a screen before anybody's programs start, which take as much of the
    processors as the displays do. ``proceed`` tells a session that no display is coming up any more.
    """

    def __init__(
        self, config: Config, registry: Registry, clock: Clock, cores: int,
        ensure_link: Callable[..., Any], launchers: Launchers, jobs: Jobs,
        service: Callable[[Invocation], Awaitable[Output]], groups_of: Callable[[str], Iterable[str]],
        proceed: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._config = config
        self._registry = registry
        self._clock = clock
        self._ensure_link = ensure_link
        self._launchers = launchers
        self._jobs = jobs
        self._service = service
        self._groups_of = groups_of
        # Displays coming up at once: more only slow each other down (half of a start is one core's work)
        self._gate = Gate(lambda: int(config["starts_at_once"]) or round(_CORES_FACTOR * cores))
        self._coming_up: set[str] = set()  # sessions whose display is not alive yet
        self._proceed = proceed
        self._patient: set[str] = set()  # sessions whose command waits

    async def run(self, order: StartOrder, account: Account, attempt: Attempt) -> Outcome:
        """Started, or an error after which the session's record says what happened."""
        try:
            return await self._run(order, account, attempt)
        except asyncio.CancelledError:
            await self._jobs.forget(order.id)
            await self._failed(order.id, "The start was given up.", cause=Terminated.code, signal=attempt.given_up)
            raise
        except PortcallError as error:
            await self._jobs.forget(order.id)
            if self._came_up(order.id):
                log.info("the start failed after its session came up", session=order.id, error=str(error))
                return Started(order.id)
            if not self._called_in(order.id):
                await self._failed(order.id, str(error), str(error.extra.get("log") or "") or None, error.code)
            raise

    async def _run(self, order: StartOrder, account: Account, attempt: Attempt) -> Outcome:
        trace = attempt.trace
        enabled = bool(self._config["starts_enabled"])
        trace.step("starts enabled", "yes" if enabled else "no")
        if not enabled:
            raise StartsDisabled(f"The server {self._config.server_id} does not take new sessions.")
        launcher = self._launchers.get(order.launcher)
        invocation: Invocation | None = None
        if launcher.schedules:
            with as_launch_failed():
                invocation = launcher.invocation(order, self._launchers.host(order, account))
        link: Link | None = None
        if invocation is None or not invocation.as_service:
            link = await self._ensure_link(account, attempt.ask, self._link_step(attempt))
            trace.step("link", "ready", f"started by {link.started_by}")
        self._seats(order, attempt)
        if isinstance(launcher, Scheduler):
            return await self._submit(order, account, attempt)
        if invocation is not None:
            scheduled = await self._launch(launcher, invocation, link, order, attempt)
            if scheduled is not None:
                return scheduled
        elif link is not None:
            try:
                await self._through_the_gate(link, order, account, attempt)
            finally:
                self._go_on()
        try:
            session = await self._until(order, lambda now: now.state != lifecycle.PENDING)
        except StartFailed:
            if order.launcher == DIRECT:
                raise
            late = f"within {order.start_timeout:g} s it has not called in, and is waited for until it is ended"
            return Scheduled(order.id, f"The launcher says that the session was started; {late}.")
        if session.state not in lifecycle.CONNECTABLE:
            failure = start_failure(session.cause)
            raise failure(session.reason or "The session ended while it came up.", log=session.message or "")
        trace.step("running", session.display or "", took=max(0.0, self._clock.now() - session.created))
        return Started(order.id)

    async def expect(self, order: StartOrder) -> None:
        """Before its record is written: if this server is killed from now on, nothing is lost or done twice."""
        await self._jobs.keep(order)

    async def _submit(self, order: StartOrder, account: Account, attempt: Attempt) -> Outcome:
        """No display comes up here and now, so there is no gate."""
        attempt.given_up = lifecycle.ASKED  # from here on there may be a job, which is then cancelled
        with as_launch_failed():
            outcome = await self._jobs.submit(order, account)
        job = outcome.job if isinstance(outcome, Scheduled) else None
        attempt.trace.step("scheduled", job.id if job else "", outcome.text if isinstance(outcome, Scheduled) else "")
        return outcome

    async def _launch(
        self, launcher: Launcher, invocation: Invocation, link: Link | None, order: StartOrder, attempt: Attempt
    ) -> Scheduled | None:
        """What it brings up may come up anywhere, so there is no gate; None where it says that the session started."""
        attempt.given_up = lifecycle.ASKED  # from here on a process may call in, and must be told
        runtime = str(self._config.directories.runtime)
        output = await (self._service(invocation) if link is None else through(link, invocation, runtime))
        with as_launch_failed():
            outcome = launcher.outcome(order, output)
        if isinstance(outcome, Scheduled):
            attempt.trace.step("scheduled", outcome.job.id if outcome.job is not None else "", outcome.text)
            job = outcome.job and replace(outcome.job, submitted=self._clock.now())
            # what has called in meanwhile, or is over already, has its own word
            waits = self._registry.get(order.id).state == lifecycle.PENDING and not self._called_in(order.id)
            said = {"message": outcome.text[:65_536] or None} if waits else {}
            await self._registry.change(order.id, job=job, **said)
            return outcome
        attempt.trace.step("handed over", order.launcher)
        attempt.accepted.set()
        attempt.changed.set()
        return None

    async def _through_the_gate(self, link: Link, order: StartOrder, account: Account, attempt: Attempt) -> None:
        """Until its display is alive, or it is over."""
        trace = attempt.trace
        async with self._gate:
            trace.step("gate", "through")
            if self._gate.crowded:
                order = replace(order, patience=_PATIENCE)
                self._patient.add(order.id)
            self._coming_up.add(order.id)
            attempt.given_up = lifecycle.ASKED  # from here on a process may call in, and must be told
            try:
                await self._start_session(link, order, account, attempt)
                trace.step("handed over", "to the link")
                attempt.accepted.set()
                attempt.changed.set()
                await self._until(order, lambda now: now.state != lifecycle.PENDING or now.id not in self._coming_up)
            finally:
                self._coming_up.discard(order.id)

    def _go_on(self) -> None:
        """The last display of a crowd is up: now their commands."""
        if self._gate.empty:
            patient, self._patient = self._patient, set()
            for session_id in patient:
                self._proceed(session_id)

    async def _start_session(self, link: Link, order: StartOrder, account: Account, attempt: Attempt) -> None:
        """A link that dies over the order may have started the session, or not. The next one finds it or starts it:
        the same id twice is the same session.
        """
        for left in reversed(range(_MOST_LINKS)):
            try:
                await link.request(
                    lambda seq: messages.StartSession(seq, codec.to_document(order)), order.start_timeout
                )
                return
            except ProtocolError as error:
                before, link = link, await self._ensure_link(account, attempt.ask, self._link_step(attempt))
                if link is before or not left:  # it is there, and has not understood us
                    raise
                attempt.trace.step("link", "another", str(error))

    def alive(self, session_id: str) -> None:
        """Its display is: the next may come up. What login scripts do from then on is not the gate's matter."""
        self._coming_up.discard(session_id)
        self._registry.wake(session_id)

    async def _until(self, order: StartOrder, ready: Callable[[Session], bool]) -> Session:
        try:
            last_word = _LAST_WORD if order.launcher == DIRECT else 0.0
            return await self._registry.until(order.id, ready, order.start_timeout + last_word)
        except TimeoutError:
            raise NotInTime(
                f"The session did not come up within {order.start_timeout:g} s. Its log may say more."
            ) from None

    def _seats(self, order: StartOrder, attempt: Attempt) -> None:
        """This session's own record holds its seat already; who came first has the right to it."""
        own = self._registry.get(order.id)
        others = [other for other in self._registry.live() if (other.created, other.id) < (own.created, own.id)]
        limits: Mapping[str, int] = self._config["seats_groups"]
        logins = {other.login for other in others} if limits else set()
        try:
            seats.check(
                order.login, self._groups_of(order.login) if limits else (), others,
                {login: self._groups_of(login) for login in logins},
                self._config["seats_total"], self._config["seats_user"], limits,
            )  # fmt: skip
        except PortcallError as error:
            attempt.trace.step("seats", "refused", str(error))
            raise
        attempt.trace.step("seats", "free")

    def _link_step(self, attempt: Attempt) -> Callable[[str, float, str, str], None]:
        return lambda step, took, result, detail: attempt.trace.step(step, result, detail, took=took)

    def _came_up(self, session_id: str) -> bool:
        session = self._registry.find(session_id)
        return session is not None and session.state in lifecycle.CONNECTABLE

    def _called_in(self, session_id: str) -> bool:
        """Its own process did, for a launcher that failed afterwards; what it says decides from then on."""
        session = self._registry.find(session_id)
        return (
            session is not None and session.state == lifecycle.PENDING and session.launcher != DIRECT
            and bool(session.hostname)
        )  # fmt: skip

    async def _failed(
        self, session_id: str, reason: str, message: str | None = None, cause: str = StartFailed.code,
        signal: str = lifecycle.OVER,
    ) -> None:  # fmt: skip
        session = self._registry.find(session_id)
        if session is not None and session.state in lifecycle.LIVE and not self._came_up(session_id):
            changes: dict[str, Any] = {"message": message} if message else {}
            if signal == lifecycle.OVER:
                changes["ended"] = self._clock.now()
            if session.state != lifecycle.ENDING:  # who asked it to end has said why
                changes.update(reason=reason, cause=cause)
            await self._registry.signal(session_id, signal, **changes)
