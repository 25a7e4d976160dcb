"""Queries on server documents: the subset of MongoDB's that prefilters use. Pure; checked when saved."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from portcall.errors import InvalidValue

_MISSING = object()


def _compare(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compared(found: Any, given: Any) -> bool:
        try:
            return found is not _MISSING and test(found, given)
        except TypeError:  # a number with a text: neither less nor more
            return False

    return compared


def _equal(found: Any, given: Any) -> bool:
    return bool(found == given or (isinstance(found, list) and given in found))


def _among(found: Any, given: Any) -> bool:
    return any(_equal(found, item) for item in given)


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "$eq": _equal,
    "$ne": lambda found, given: not _equal(found, given),
    "$gt": _compare(lambda found, given: found > given),
    "$gte": _compare(lambda found, given: found >= given),
    "$lt": _compare(lambda found, given: found < given),
    "$lte": _compare(lambda found, given: found <= given),
    "$in": _among,
    "$nin": lambda found, given: not _among(found, given),
    "$exists": lambda found, given: (found is not _MISSING) == bool(given),
    "$regex": lambda found, given: isinstance(found, str) and re.search(given, found) is not None,
}
_JOINS = ("$and", "$or", "$nor")
_LONGEST = 200  # characters of a regular expression


def check(query: Mapping[str, Any]) -> None:
    """InvalidValue names the first thing that is not understood."""
    for name, wanted in query.items():
        if name in _JOINS:
            if not isinstance(wanted, list) or not all(isinstance(item, Mapping) for item in wanted):
                raise InvalidValue(f"{name}: a list of queries", field="prefilter")
            for item in wanted:
                check(item)
        elif name == "$not" or name.startswith("$"):
            raise InvalidValue(
                f"{name}: not known here; there are: {', '.join((*_JOINS, *_OPERATORS))}", field="prefilter"
            )
        elif isinstance(wanted, Mapping) and any(key.startswith("$") for key in wanted):
            for operator, given in wanted.items():
                _check_operator(name, operator, given)


def _check_operator(name: str, operator: str, given: Any) -> None:
    if operator not in _OPERATORS:
        raise InvalidValue(f"{name}: {operator} is not known; there are: {', '.join(_OPERATORS)}", field="prefilter")
    if operator in ("$in", "$nin") and not isinstance(given, list):
        raise InvalidValue(f"{name}: {operator} takes a list", field="prefilter")
    if operator == "$regex":
        try:
            if len(given) > _LONGEST:
                raise re.error("too long")
            re.compile(given)
        except (re.error, TypeError) as error:
            raise InvalidValue(f"{name}: {given!r}: {error}", field="prefilter") from None


@dataclass(frozen=True)
class Prefilter:
    """Whether a server's document fits; ``rule`` says in words which may."""

    query: Mapping[str, Any]

    @property
    def rule(self) -> str:
        return f"the prefilter {json.dumps(self.query, ensure_ascii=False)}"

    def __call__(self, document: Mapping[str, Any]) -> bool:
        return fits(document, self.query)


def fits(document: Mapping[str, Any], query: Mapping[str, Any]) -> bool:
    """Whether the document fulfils every part of ``query``; dots in names go into objects."""
    for name, wanted in query.items():
        if name == "$and" and not all(fits(document, item) for item in wanted):
            return False
        if name == "$or" and not any(fits(document, item) for item in wanted):
            return False
        if name == "$nor" and any(fits(document, item) for item in wanted):
            return False
        if name not in _JOINS and not _part(_find(document, name), wanted):
            return False
    return True


def _part(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping) and any(key.startswith("$") for key in wanted):
        return all(_OPERATORS[operator](found, given) for operator, given in wanted.items())
    return _equal(found, wanted)


def _find(document: Any, path: str) -> Any:
    for name in path.split("."):
        if isinstance(document, Mapping) and name in document:
            document = document[name]
        else:
            return _MISSING
    return document
