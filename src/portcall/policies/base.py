"""The contract of a policy: one step of load balancing, decided over columns of the server list."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from portcall.errors import PortcallError
from portcall.model.function import Candidates, Chosen, Continue, Outcome
from portcall.model.roster import Picked, Roster


@dataclass(frozen=True)
class Question:
    """``input``: what a function of this kind is given, without ``servers``: these are the candidates.

    ``picked``: the candidates as a function left them, with documents that it changed.
    """

    input: dict[str, Any]
    roster: Roster
    candidates: Sequence[int]
    seed: int = 0
    picked: Picked | None = None

    @property
    def login(self) -> str:
        user = self.input.get("user") or {}
        return str(user.get("login") or user.get("sub") or "")

    @property
    def params(self) -> dict[str, Any]:
        params = (self.input.get("data") or {}).get("params")
        return params if isinstance(params, dict) else {}

    def column(self, path: str) -> list[Any]:
        return self.roster.column(path)

    def any_of(self, slots: Sequence[int]) -> Chosen:
        """One of them, by the seed."""
        slot = slots[0] if len(slots) == 1 else random.Random(self.seed).choice(slots)
        return Chosen(self.roster.ids[slot])

    def if_candidate(self, server_id: object) -> Outcome:
        """That server if it is a candidate, else the next step decides."""
        slot = self.roster.slot(server_id) if isinstance(server_id, str) else None
        return Chosen(self.roster.ids[slot]) if slot is not None and slot in self.candidates else Continue()


@dataclass(frozen=True)
class Verdict:
    """``rule``: in words, what a server must be like. ``figures``: by slot, what it was judged by. ``took``: seconds,
    if it was asked together with others."""

    outcome: Outcome
    rule: str = ""
    figures: Sequence[Any] | None = None
    log: tuple[str, ...] = field(default=())
    took: float | None = None


class Policy(ABC):
    """``decide`` touches nothing: the same question has the same verdict.

    ``javascript``: the same in an administrator's words, to be copied and changed. ``immediate``: ``decide`` answers;
    otherwise only ``ask`` does.
    """

    name: str
    title: str
    help: str
    javascript: str
    immediate = True

    @abstractmethod
    def decide(self, question: Question) -> Verdict: ...

    async def ask(self, question: Question) -> Verdict:
        return self.decide(question)

    async def ask_with(
        self, following: Sequence[Policy], question: Callable[[int], Question]
    ) -> list[Verdict | PortcallError]:
        """Its verdict, and those of as many of the following as can be asked at once, up to the first that ends the
        chain. ``question(1)`` is for the first that follows; what its candidates are, is the one before's to say."""
        return [await self.ask(question(0))]


class Passed(Policy):
    """A step that is passed over; the trace says why."""

    name, help, javascript = "passed", "", ""

    def __init__(self, title: str, why: str) -> None:
        self.title = title
        self._why = why

    def decide(self, question: Question) -> Verdict:
        return Verdict(Continue(), log=(self._why,))


def least(question: Question, figures: list[Any], rule: str) -> Verdict:
    """The candidate with the smallest figure, one of them by the seed; None comes last."""
    if not question.candidates:
        return Verdict(Continue(), rule)
    known = [slot for slot in question.candidates if figures[slot] is not None]
    if not known:
        return Verdict(question.any_of(question.candidates), rule, figures)
    smallest = min(map(figures.__getitem__, known))
    return Verdict(question.any_of([slot for slot in known if figures[slot] == smallest]), rule, figures)


def keep(question: Question, fits: Callable[[int], Any], rule: str, figures: Sequence[Any] | None = None) -> Verdict:
    """The candidates that fit; may be none."""
    found = Picked(slot for slot in question.candidates if fits(slot))
    found.plain = True
    return Verdict(Candidates(found), rule, figures)


def load(question: Question) -> list[int]:
    """Sessions by slot, those that do not run yet counted."""
    sessions, pending = question.column("sessions"), question.column("pending")
    return [(running or 0) + (waiting or 0) for running, waiting in zip(sessions, pending, strict=True)]


def having(values: Iterable[Any]) -> list[bool]:
    """Whether static data say so."""
    return [bool(value) and value != "false" for value in values]
