"""A start on the gateway, as a straight line: steps B1 to B7 of the order of operations, then the hand-over."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from portcall.clock import Clock
from portcall.config import Config
from portcall.errors import Conflict, InvalidValue, PortcallError
from portcall.jobs.dry import SIGNATURE
from portcall.model import codec, lifecycle
from portcall.model.form import Bookmark
from portcall.model.ids import new_session_id
from portcall.model.profile import Profile
from portcall.model.session import Session
from portcall.model.start import (
    ORDER_VALID,
    RESERVED_PARAMS,
    ROOTLESS,
    NeedForm,
    Outcome,
    Scheduled,
    StartOrder,
    StartRequest,
    check,
    check_given,
    check_name,
    check_params,
    parse_geometry,
)
from portcall.model.user import Account, Login
from portcall.session.registry import Registry
from portcall.start.attempts import Attempt, Attempts
from portcall.start.people import Person
from portcall.start.perform import Perform
from portcall.start.profiles import Profiles
from portcall.start.steps import Steps
from portcall.start.trace import Trace, Traces


class Pipeline:
    """``allow(login, request)`` raises Forbidden; ``sign`` makes an order's signature; ``choose`` balances."""

    def __init__(
        self, config: Config, registry: Registry, traces: Traces, attempts: Attempts, perform: Perform,
        profiles: Profiles, steps: Steps, clock: Clock, allow: Callable[[Login, StartRequest], None],
        sign: Callable[..., str], choose: Callable[..., Any], account: Callable[[str], Any],
        bookmark: Callable[[Login, str], Bookmark | None],
    ) -> None:  # fmt: skip
        self._config = config
        self._registry = registry
        self._traces = traces
        self._attempts = attempts
        self._perform = perform
        self._profiles = profiles
        self._steps = steps
        self._clock = clock
        self._allow = allow
        self._sign = sign
        self._choose = choose
        self._account = account
        self._bookmark = bookmark
        self._deciding: dict[str, asyncio.Event] = {}  # by session id: one request at a time decides about it

    async def start(
        self, login: Login, request: StartRequest, seen: dict[str, Any], wait: bool
    ) -> tuple[str, Outcome | None]:
        """The session's id, and the outcome (None: on its way, and the caller did not want to wait).

        ``seen`` is what the server saw of the client; it goes where ``params`` claims such things.
        """
        check_given(request)
        session_id = self.session_id(login, request)
        while (decision := self._deciding.get(session_id)) is not None:
            await decision.wait()
        known = self._registry.find(session_id)
        if known is not None:
            return await self._again(login, known, wait)
        if self._registry.purged(session_id):
            raise Conflict("This session was purged. Start another one.")
        decision = self._deciding[session_id] = asyncio.Event()
        try:
            begun = await self._begin(login, request, seen, session_id)
        finally:
            del self._deciding[session_id]
            decision.set()
        return session_id, begun if isinstance(begun, NeedForm) else await self._attempts.progress(begun, wait)

    async def _begin(
        self, login: Login, request: StartRequest, seen: dict[str, Any], session_id: str
    ) -> Attempt | NeedForm:
        trace = self._traces.begin(session_id, login.sub)
        trace.step("request", "received", f"from {seen.get('clientIP', '')}", given=codec.to_document(request))  # B1
        try:
            decided = await self._decide(login, request, seen, session_id, trace)
        except PortcallError as error:
            trace.step("refused", error.code, str(error))
            await self._traces.close(trace, "refused")
            error.extra.setdefault("trace", trace.id)
            raise
        if isinstance(decided, NeedForm):
            await self._traces.close(trace, "form")
            return decided
        order, account = decided
        return self._attempts.begin(login.sub, session_id, trace, lambda begun: self._run(order, account, begun))

    async def preview(self, login: Login, request: StartRequest) -> tuple[StartOrder, Account]:
        """The order that this start would make with ``request.launcher``; its signature is good for nothing."""
        check_given(request)
        account = await self._account(login.sub)
        bookmark = self._bookmark(login, request.bookmark_id)
        request = self._steps.answer(check(_from(bookmark, request)), bookmark)
        profile = self._profiles.use(request.profile, login.within(account.groups), _gives(bookmark, request.profile))
        options = self._steps.options(request.launcher, bookmark, request)
        order = self._order(login, request, {}, self.session_id(login, request), profile, request.launcher, options)
        return replace(order, signature=SIGNATURE), account

    async def answer(self, login: Login, attempt_id: str, answers: list[str], wait: bool) -> tuple[str, Outcome | None]:
        attempt = self._attempts.answer(attempt_id, login.sub, answers)
        return attempt.session_id, await self._attempts.progress(attempt, wait)

    def session_id(self, login: Login, request: StartRequest) -> str:
        """The session id is made first. The same key is the same session, for ever and on every server."""
        if request.id:
            return request.id
        if request.key:
            return hashlib.sha256(f"{login.sub}\0{request.key}".encode("utf-8", "surrogatepass")).hexdigest()[:24]
        return new_session_id()

    async def _decide(
        self, login: Login, request: StartRequest, seen: dict[str, Any], session_id: str, trace: Trace
    ) -> tuple[StartOrder, Account] | NeedForm:
        self._allow(login, request)  # B2
        trace.step("permissions", "may start", login.level)
        account = await self._account(login.sub)  # with the groups that bookmarks are for
        bookmark = self._bookmark(login, request.bookmark_id)
        request = self._steps.answer(check(_from(bookmark, request)), bookmark)
        groups, named = login.within(account.groups), request.profile
        self._profiles.use(named, groups, _gives(bookmark, named))
        person = Person(login, tuple(account.groups), tuple(self._registry.documents(login.sub)))
        foreseen = await self._steps.foresee(request, bookmark, person)
        form = await self._steps.form(request, bookmark, person, trace, foreseen)  # B3, B4
        if form is not None or request.review:
            return NeedForm(form or {})
        launcher, options = await self._steps.schedule(request, bookmark, person, trace, foreseen)  # B5
        request = check(await self._steps.event(request, launcher, person, trace, foreseen))  # B6
        given = request.profile != named or _gives(bookmark, named)  # what an event function names, nobody chose
        profile = self._profiles.use(request.profile, groups, given)
        await self._choose(request, person, session_id, trace)  # B7
        order = self._order(login, request, seen, session_id, profile, launcher, options)
        await self._perform.expect(order)
        await self._registry.add(self._record(order, seen))
        trace.step("record", "written")
        return order, account

    def _order(
        self,
        login: Login,
        request: StartRequest,
        seen: dict[str, Any],
        session_id: str,
        profile: Profile,
        launcher: str,
        options: dict[str, Any],
    ) -> StartOrder:
        geometry = request.geometry or profile.geometry
        rootless = geometry == ROOTLESS
        largest = profile.maximum_geometry
        if not rootless and largest:
            width, height = parse_geometry(geometry)
            most_width, most_height = parse_geometry(largest)
            if width > most_width or height > most_height:
                raise InvalidValue(
                    f"geometry {geometry}: the profile {profile.name} allows {largest} at most", field="geometry"
                )
        # C5: reserved names are the server's
        params = {key: value for key, value in request.params.items() if key not in RESERVED_PARAMS}
        params.update(seen)
        name = request.name or str(request.params.get("name") or "")
        params.update({"name": name} if name else {})
        if request.bookmark_id:
            params["bookmarkId"] = request.bookmark_id
            params.update({"icon": request.params["icon"]} if request.params.get("icon") else {})
        for historical in ("userdata", "userid"):
            if getattr(request, historical) is not None:
                params[historical] = getattr(request, historical)
        check_name(name)  # it may have come with the params
        check_params(params)
        signature = self._sign(session_id, login.sub, login.sub, profile.name, self._clock.now() + ORDER_VALID)
        limits = codec.to_document(profile)
        return StartOrder(
            session_id, login.sub, login.sub, request.command, geometry, ROOTLESS if rootless else "desktop", name,
            params, profile.name, request.keyboard_layout, launcher, limits, self._config["start_timeout"], signature,
            options,
        )  # fmt: skip

    def _record(self, order: StartOrder, seen: dict[str, Any]) -> Session:
        return Session(
            order.id, self._config.server_id, order.login, order.user, order.command, geometry=order.geometry,
            window_mode=order.window_mode, name=order.name, params=order.params, profile=order.profile,
            keyboard_layout=order.keyboard_layout, created=self._clock.now(), launcher=order.launcher,
        )  # fmt: skip

    async def _run(self, order: StartOrder, account: Account, attempt: Attempt) -> Outcome:
        try:
            outcome = await self._perform.run(order, account, attempt)
        except PortcallError as error:
            attempt.trace.step("failed", error.code, str(error))
            await self._traces.close(attempt.trace, "failed")
            error.extra.setdefault("session", order.id)
            raise
        await self._traces.close(attempt.trace, "scheduled" if isinstance(outcome, Scheduled) else "started")
        return outcome

    async def _again(self, login: Login, known: Session, wait: bool) -> tuple[str, Outcome | None]:
        """A repeated start: the same session, whatever became of it meanwhile."""
        if known.login != login.sub:
            raise Conflict("this session id is taken")
        attempt = self._attempts.of_session(login.sub, known.id)
        if attempt is not None:
            return known.id, await self._attempts.progress(attempt, wait)
        if wait and known.state == lifecycle.PENDING:
            with contextlib.suppress(TimeoutError):  # its record says how far it has come
                await self._registry.until(
                    known.id, lambda session: session.state != lifecycle.PENDING, self._config["start_timeout"]
                )
        return known.id, None


def _gives(bookmark: Bookmark | None, profile: str) -> bool:
    """Whether it is the bookmark's profile, not the person's choice."""
    return bookmark is not None and bookmark.profile == profile


def _from(bookmark: Bookmark | None, request: StartRequest) -> StartRequest:
    """What the bookmark says, with what may be chosen beside it: size, name, keyboard and answers."""
    if bookmark is None:
        return replace(request, keyboard_layout=request.keyboard_layout or "us")
    sent = {name: value for name, value in request.params.items() if name != "icon"}  # C5: it is the bookmark's
    params = {**bookmark.params, **sent, **({"icon": bookmark.icon} if bookmark.icon else {})}
    return replace(
        request, command=bookmark.command, geometry=request.geometry or bookmark.geometry, params=params,
        name=request.name or bookmark.name, profile=bookmark.profile or request.profile,
        keyboard_layout=request.keyboard_layout or bookmark.keyboard_layout or "us",
    )  # fmt: skip
