"""Runs administrators' functions for a start: finds the enabled ones, calls their engines, writes to the trace."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from portcall.errors import FunctionFailed, PortcallError
from portcall.functions.base import Call, Engine, Result, Source, taken
from portcall.model import codec
from portcall.model.administered import EXECUTABLE, FunctionDocument
from portcall.model.function import BY_NAME, Changed, Continue, Measured, Outcome, read_result
from portcall.model.roster import Picked, Roster
from portcall.model.session import Session
from portcall.start.documents import Documents
from portcall.start.people import Person
from portcall.start.recorded import Make, Recorded
from portcall.start.trace import Trace

log = structlog.get_logger("function")
_TRACED = 2000  # characters of what a function printed


def source(document: FunctionDocument) -> Source:
    """A program ``NAME.v4`` is the balancer's script of that release."""
    contract = {"contract": "v4"} if document.engine == EXECUTABLE and document.source.endswith(".v4") else {}
    return Source(document.name, document.source, document.engine, contract)


def tell(name: str, printed: Iterable[str], **about: str) -> None:
    """To the server's log: what a function printed, for administrators to read."""
    for line in printed:
        log.info(line, function=name, **about)


@dataclass(frozen=True)
class Foreseen:
    """What a function said to an input before it was asked for it; good for that input alone."""

    document: FunctionDocument
    given: dict[str, Any]
    said: Result | PortcallError


NOTHING_FORESEEN: Mapping[str, Foreseen] = {}


class Functions:
    """``engines`` by name. What a function threw reaches the user as it is; all else says which function failed."""

    def __init__(self, documents: Documents, engines: Mapping[str, Engine], roster: Roster, recorded: Recorded) -> None:
        self._documents = documents
        self._engines = engines
        self.roster = roster
        self._recorded = recorded

    def engine(self, name: str) -> Engine:
        found = self._engines.get(name)
        if found is None:
            raise FunctionFailed(f"there is no engine {name!r}", cause="missing")
        return found

    async def check(self, document: FunctionDocument) -> None:
        """FunctionInvalid, with line and column, for code that cannot be read."""
        await self.engine(document.engine).check(source(document), BY_NAME[document.kind])

    async def foresee(self, wanted: Mapping[str, Make]) -> dict[str, Foreseen]:
        """By kind, what is likely to be asked next, in one journey to the engine where it can do that; it may be none.

        Nothing of it counts before ``first`` is asked for the same input.
        """
        calls: list[tuple[str, FunctionDocument, Call]] = []
        for name, make in wanted.items():
            enabled = self._documents.enabled(name)
            if enabled and (not calls or enabled[0].engine == calls[0][1].engine):
                calls.append((name, enabled[0], Call(BY_NAME[name], make())))
        if len(calls) < 2:
            return {}
        said = await self.engine(calls[0][1].engine).ahead([(source(document), call) for _, document, call in calls])
        return {
            name: Foreseen(document, call.input, one)
            for (name, document, call), one in zip(calls, said, strict=False)
        }  # fmt: skip

    async def first(
        self, kind: str, make: Make, trace: Trace, seed: int = 0, foreseen: Mapping[str, Foreseen] = NOTHING_FORESEEN,
    ) -> Outcome | None:  # fmt: skip
        """The outcome of the enabled function of ``kind``; None where there is none. ``make`` gives its input."""
        self._recorded.add(kind, make, trace.id)
        enabled = self._documents.enabled(kind)
        if not enabled:
            return None
        given, known = make(), foreseen.get(kind)
        said = known.said if known is not None and known.document == enabled[0] and known.given == given else None
        return await self.call(enabled[0], given, trace, seed, said=said)

    async def before(
        self, action: str, person: Person, data: dict[str, Any], session: Session | None = None
    ) -> dict[str, Any]:
        """What an action is to be done with, after all enabled event functions for it; what one throws refuses it."""
        for document in self._documents.enabled("event"):
            if document.on and action not in document.on:
                continue
            given: dict[str, Any] = {"action": action, "login": person.document(), "data": data}
            if session is not None:
                given["session"] = codec.to_document(session)
            kind = BY_NAME[document.kind]
            self._recorded.add(
                kind.name, functools.partial(dict, given), f"{action} {session.id if session is not None else ''}"
            )
            outcome, _, _ = await self._ask(document, Call(kind, given), None, action=action)
            if isinstance(outcome, Changed):
                data = outcome.data
        return data

    async def value(self, document: FunctionDocument, given: dict[str, Any]) -> Any:
        """What a metric measured."""
        outcome, _, _ = await self._ask(document, Call(BY_NAME[document.kind], given), None)
        return outcome.value if isinstance(outcome, Measured) else None

    async def call(
        self, document: FunctionDocument, given: dict[str, Any], trace: Trace, seed: int = 0,
        servers: Picked | None = None, said: Result | PortcallError | None = None,
    ) -> Outcome:  # fmt: skip
        """``said``: what it has said to that already."""
        kind = BY_NAME[document.kind]
        roster = self.roster if kind.servers else None
        try:
            outcome, printed, took = await self._ask(
                document, Call(kind, given, roster, servers, seed), said, start=trace.id
            )
        except PortcallError as error:
            trace.step(f"function {document.name}", error.code, str(error), given=given)
            raise
        shown = "went on" if isinstance(outcome, Continue) else type(outcome).__name__
        trace.step(f"function {document.name}", shown, "\n".join(printed)[:_TRACED], took=took, given=given)
        return outcome

    async def _ask(
        self, document: FunctionDocument, call: Call, said: Result | PortcallError | None, **about: str
    ) -> tuple[Outcome, tuple[str, ...], float]:
        """The outcome, what it printed, the seconds. What it printed is in the server's log however it ended, and in
        no error: that is for people to read who are not to know what administrators write down."""
        printed: tuple[str, ...] = ()
        try:
            if isinstance(said, PortcallError):
                raise said
            result = said or await self.engine(document.engine).run(source(document), call)
            printed = result.log
            return read_result(call.kind, result.value), printed, result.took
        except PortcallError as error:
            printed = printed or taken(error)
            raise
        finally:
            tell(document.name, printed, **about)
