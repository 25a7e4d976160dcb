"""What uses a form or a function: it would go on without it, and nobody would be told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from portcall.errors import InUse
from portcall.model.administered import FUNCTION_STEP, FunctionDocument
from portcall.model.function import BY_NAME
from portcall.start.documents import Documents

_ALL_ARE_ASKED, _NOBODY_ASKS = "event", "metric"


@dataclass(frozen=True)
class Use:
    """``kind`` is default-forms, bookmarks, chains, starts or actions; ``words`` are for a person."""

    kind: str
    id: str
    words: str


def refuse(what: str, name: str, uses: Iterable[Use]) -> None:
    """InUse names all of them, if there are any."""
    found = list(uses)
    if found:
        *most, last = (use.words for use in found)
        where = f"{', '.join(most)} and {last}" if most else last
        raise InUse(
            f"The {what} {name!r} is used by {where}: they would go on without it.",
            usedBy=[{"kind": use.kind, "id": use.id} for use in found],
        )


def of_form(documents: Documents, default_forms: Iterable[str], form_id: str) -> list[Use]:
    found = [Use("default-forms", "", "the default forms")] if form_id in default_forms else []
    return found + [
        Use("bookmarks", bookmark.id, f"the bookmark {bookmark.name!r}")
        for bookmark in documents.bookmarks.values()
        if form_id in bookmark.forms
    ]


def of_step(documents: Documents, function_id: str) -> list[Use]:
    """The chains that have it as a step."""
    step = f"{FUNCTION_STEP}{function_id}"
    return [
        Use("chains", chain.id, f"the chain {chain.id!r}") for chain in documents.chains.values() if step in chain.steps
    ]


def of_function(documents: Documents, function: FunctionDocument) -> list[Use]:
    """Its chains, and what asks it now for being enabled."""
    return of_step(documents, function.id) + _in_force(documents, function)


def _in_force(documents: Documents, function: FunctionDocument) -> list[Use]:
    kind, enabled = BY_NAME.get(function.kind), documents.enabled(function.kind)
    if kind is None or kind.name == _NOBODY_ASKS or kind.name.endswith("-balance") or function not in enabled:
        return []
    if kind.name == _ALL_ARE_ASKED:
        return [Use("actions", action, f"the action {action}") for action in function.on or kind.actions]
    if function is not enabled[0]:
        return []
    return [Use("starts", kind.name, f"starts (as {kind.title.lower()})")]
