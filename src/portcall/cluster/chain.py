"""The rules of load balancing, pure: what a step's verdict does to the candidates, and why each server was dropped.

The clustering guide, "The Return Value": a string is the server; an array the candidates of the next step; falsy leaves
them; an error stops; a chain that ends without a string is an error.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from portcall.errors import FunctionFailed, InvalidValue, NoServerFits, PortcallError
from portcall.model.function import Candidates, Chosen
from portcall.model.roster import Picked, Roster
from portcall.policies.base import Verdict

_NAMED = 5  # servers that a sentence names
LOGIN, START = "user/login", "session/start"

Rule = tuple[str, str, bool]  # in words, the column, the value that does not fit

# the clustering guide, "The Server List": these are filtered before the functions
BEFORE: dict[str, tuple[Rule, ...]] = {
    LOGIN: (
        ("logins are enabled", "loginsEnabled", False),
        ("not reserved", "reserved", True),
    ),
    START: (
        ("starts are enabled", "startsEnabled", False),
        ("not draining", "draining", True),
    ),
}


@dataclass(frozen=True)
class Step:
    """What one step did. ``before`` and ``after``: slots; ``result``: in words; ``took`` seconds."""

    name: str
    result: str
    rule: str
    before: Sequence[int]
    after: Sequence[int]
    figures: Sequence[Any] | None = None
    took: float = 0.0
    log: tuple[str, ...] = ()


@dataclass
class Decision:
    """``server_id`` was chosen, or ``error`` says why none was. Rows are made when somebody wants to see them."""

    roster: Roster
    action: str
    seed: int
    steps: list[Step] = field(default_factory=list)
    server_id: str = ""
    error: PortcallError | None = None
    revision: int = 0

    def rows(self) -> list[dict[str, Any]]:
        """For each server the rule and the figure that dropped it, or the last that kept it."""
        rows: dict[int, dict[str, Any]] = {}
        for step in self.steps:
            after = set(step.after)
            for slot in step.before:
                if slot in after or rows.get(slot, {}).get("kept") is not False:
                    figure = step.figures[slot] if step.figures is not None else None
                    rows[slot] = {
                        "serverId": self.roster.ids[slot], "kept": slot in after, "rule": step.rule, "figure": figure,
                        "step": step.name,
                    }  # fmt: skip
        chosen = self.server_id
        for row in rows.values():
            if chosen:
                row["kept"] = row["serverId"] == chosen
        return list(rows.values())

    def dropped(self) -> dict[str, int]:
        """How many servers each rule dropped."""
        counts: Counter[str] = Counter()
        for step in self.steps:
            if len(step.after) < len(step.before):
                counts[step.rule] += len(step.before) - len(set(step.after))
        return dict(counts)

    def document(self, most: int = 200) -> dict[str, Any]:
        """For the trace: every step; each server's row where there are no more than ``most``."""
        rows = self.rows() if len(self.roster.documents) <= most else []
        return {
            "action": self.action, "seed": self.seed, "serverId": self.server_id, "dropped": self.dropped(),
            "error": str(self.error) if self.error else "", "servers": rows,
            "steps": [
                {"name": step.name, "result": step.result, "rule": step.rule, "before": len(step.before),
                 "after": len(step.after), "took": round(step.took, 6), "log": list(step.log)}
                for step in self.steps
            ],
        }  # fmt: skip


class Chain:
    """One decision being made: ``candidates`` go into the next step, ``apply`` takes what came out of it.

    ``wished``: the server that the user asked for, whether or not there is one.
    """

    def __init__(
        self, roster: Roster, action: str, seed: int, prefilter: Callable[[Any], bool] | None = None, wished: Any = None
    ) -> None:
        self.decision = Decision(roster, action, seed, revision=roster.revision)
        self.picked: Picked | None = None
        self.candidates: Sequence[int] = roster.slots()
        self._roster = roster
        self._wished = wished
        everything = len(self.candidates)
        for rule, path, unfit in BEFORE.get(action, ()):
            values = roster.column(path)
            if unfit in values:
                self._filter(rule, [slot for slot in self.candidates if values[slot] is not unfit], values)
        if prefilter is not None:
            rule = str(getattr(prefilter, "rule", "the prefilter"))
            self._filter(rule, [slot for slot in self.candidates if prefilter(roster.document(slot))], None)
        if len(self.candidates) < everything:
            self.picked = Picked(self.candidates)
        if not self.candidates:
            self._fail(f"No server fits: of {_count(everything)} none is left before the first function.")

    @property
    def over(self) -> bool:
        return bool(self.decision.server_id) or self.decision.error is not None

    def apply(self, name: str, verdict: Verdict, took: float = 0.0) -> None:
        outcome = verdict.outcome
        if isinstance(outcome, Chosen):
            self._choose(name, outcome.server_id, verdict, took)
        elif isinstance(outcome, Candidates):
            self._narrow(name, outcome.servers, verdict, took)
        else:
            self._step(name, "goes on", verdict, self.candidates, took, kept=True)

    def threw(self, name: str, error: PortcallError, took: float = 0.0) -> None:
        """The step ended with an error: everything stops. What it printed is not for who reads the error."""
        log = tuple(str(error.extra.pop("log", None) or "").splitlines())
        self.decision.steps.append(Step(name, f"error: {error}", "", self.candidates, self.candidates, None, took, log))
        self._end(error)

    def exhausted(self) -> None:
        """There is no further step."""
        left = [self._roster.ids[slot] for slot in self.candidates]
        named = ", ".join(left[:5]) + (", …" if len(left) > 5 else "")
        if not self.decision.steps or not any(step.name for step in self.decision.steps):
            self._fail("No server fits: no load balancing function is set.")
        else:
            self._fail(f"No load balancing function chose a server; {_count(len(left))} left: {named}.")

    def _filter(self, rule: str, fitting: list[int], figures: Sequence[Any] | None) -> None:
        seen = list(figures) if figures is not None else None
        self.decision.steps.append(Step("", f"{len(fitting)} left", rule, self.candidates, fitting, seen))
        self.candidates = fitting

    def _choose(self, name: str, server_id: str, verdict: Verdict, took: float) -> None:
        slot = self._roster.slot(server_id)
        if slot is None:
            shown = repr(server_id[:100])
            error: PortcallError = FunctionFailed(
                f"{name} chose the server {shown}, which is not in the cluster", function=name, cause="result"
            )
            if server_id == self._wished:  # the step did as it should: the fault is the user's
                error = InvalidValue(f"serverId: there is no server {shown} in the cluster", field="serverId")
            self.threw(name, error, took)
            return
        # it may be one that was filtered out: the session server has the last word (B8)
        self._step(name, f"chose {server_id}", verdict, [slot], took)
        self.decision.server_id = server_id

    def _narrow(self, name: str, servers: Picked, verdict: Verdict, took: float) -> None:
        slots: list[int] = list(cast("Sequence[int]", servers)) if servers.plain else []
        for item in servers if not servers.plain else ():
            slot = item if isinstance(item, int) else self._roster.slot(str(item["serverId"]))
            if slot is None:
                assert isinstance(item, dict)
                error = FunctionFailed(
                    f"{name} returned the server {item['serverId']!r}, which is not in the cluster", function=name,
                    cause="result",
                )  # fmt: skip
                self.threw(name, error, took)
                return
            slots.append(slot)
        before = len(self.candidates)
        self._step(name, f"{len(slots)} of {before} left", verdict, slots, took)
        self.candidates, self.picked = slots, servers
        if not slots:
            self._fail(f"No server fits: {name} left none of {_count(before)}.")

    def _step(
        self, name: str, result: str, verdict: Verdict, after: Sequence[int], took: float, kept: bool = False
    ) -> None:
        before = self.candidates
        rule = verdict.rule or name
        figures = None if kept else verdict.figures
        self.decision.steps.append(Step(name, result, rule, before, after, figures, took, verdict.log))

    def _fail(self, message: str) -> None:
        dropped = self.decision.dropped()
        rows = self.decision.rows()
        why = " ".join(f"“{rule}” does not hold for {who}." for rule, who in _left_out(rows).items())
        fits = f" What would fit: a server for which holds: {', '.join(dropped)}." if dropped else ""
        self._end(NoServerFits(f"{message} {why}{fits}" if why else message), rows)

    def _end(self, error: PortcallError, rows: list[dict[str, Any]] | None = None) -> None:
        self.decision.error = error
        error.extra["servers"] = (self.decision.rows() if rows is None else rows)[:1000]


def _left_out(rows: list[dict[str, Any]]) -> dict[str, str]:
    """By rule the servers that it dropped, with their figures; of many the first."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if not row["kept"]:
            found.setdefault(row["rule"], []).append(row)
    return {
        rule: ", ".join(map(_named, those[:_NAMED])) + (f" and {len(those) - _NAMED} more" if those[_NAMED:] else "")
        for rule, those in found.items()
    }


def _named(row: dict[str, Any]) -> str:
    figure = row["figure"]
    if figure is None:
        return str(row["serverId"])
    return f"{row['serverId']} ({str(figure).lower() if isinstance(figure, bool) else str(figure)[:40]})"


def _count(number: int) -> str:
    return "1 server" if number == 1 else f"{number} servers"
