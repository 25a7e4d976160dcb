"""The one place where dataclasses and JSON documents meet.

Names are snake_case in Python and camelCase in JSON. Unknown members are kept in ``unknown`` where the class has that
field, and written back: an older server meets newer documents. Reading is strict about types of known members.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import re
import types
from typing import Any, Callable, Dict, Type, TypeVar, Union, get_args, get_origin, get_type_hints

from portcall.errors import InvalidValue

T = TypeVar("T")
Reader = Callable[[Any, str], Any]  # a JSON value and its name → ours
_PLAIN = frozenset({str, int, float, bool, type(None)})
_UNIONS = (Union, getattr(types, "UnionType", Union))  # Python 3.10 made the second, for A | B


def camel(name: str) -> str:
    return re.sub(r"_([a-z0-9])", lambda match: match.group(1).upper(), name)


@functools.lru_cache(maxsize=None)
def _names(cls: Any) -> Dict[str, str]:
    """JSON's names of the fields → ours."""
    return {camel(field.name): field.name for field in dataclasses.fields(cls) if field.name != "unknown"}


@functools.lru_cache(maxsize=None)
def _readers(cls: Any) -> Dict[str, Reader]:
    hints = get_type_hints(cls)
    return {name: _reader(hints[field]) for name, field in _names(cls).items()}


def to_document(value: Any) -> Any:
    """JSON-ready dicts and lists of a dataclass (or of plain values, as they are)."""
    if type(value) in _PLAIN:  # most members are: a record is written at every change
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        document = dict(getattr(value, "unknown", None) or {})
        for name, field in _names(type(value)).items():
            member = getattr(value, field)
            document[name] = member if type(member) in _PLAIN else to_document(member)
        return document
    if isinstance(value, dict):
        return {str(key): to_document(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_document(item) for item in value]
    if hasattr(value, "value") and not isinstance(value, (str, int, float, bool)):
        return value.value
    return value


def from_document(cls: Type[T], document: Any) -> T:
    """The dataclass of a document. InvalidValue names the member that is wrong."""
    if not isinstance(document, dict):
        raise InvalidValue(f"{cls.__name__}: an object is needed, not {type(document).__name__}")
    kind: Any = cls  # a type is hashable, but mypy does not know it of T's
    known = _names(kind)
    values = {known[name]: read(document[name], name) for name, read in _readers(kind).items() if name in document}
    if "unknown" in kind.__dataclass_fields__:
        values["unknown"] = {name: item for name, item in document.items() if name not in known}
    try:
        return cls(**values)
    except TypeError as error:
        missing = ", ".join(re.findall(r"'(\w+)'", str(error))) or str(error)
        raise InvalidValue(f"{cls.__name__}: missing: {missing}", field=missing) from error


def dumps(value: Any) -> str:
    return json.dumps(to_document(value), separators=(",", ":"), ensure_ascii=False)


def loads(cls: Type[T], text: Union[str, bytes]) -> T:
    try:
        document = json.loads(text)
    except (ValueError, UnicodeDecodeError) as error:
        raise InvalidValue(f"not JSON: {error}") from error
    return from_document(cls, document)


def _wrong(value: Any, name: str) -> InvalidValue:
    return InvalidValue(f"{name}: {value!r} has the wrong type", field=name)


@functools.lru_cache(maxsize=None)
def _reader(hint: Any) -> Reader:
    """What checks and converts a value of this type; made once, since every message and every record is read so."""
    origin, args = get_origin(hint), get_args(hint)
    if hint is Any:
        return lambda value, _name: value
    if origin in _UNIONS:
        return _optional(_reader(next(arg for arg in args if arg is not type(None))), type(None) in args)
    if origin in (list, tuple):
        return _items(_reader(args[0]), origin)
    if origin is dict:
        return _members(_reader(args[1]))
    if dataclasses.is_dataclass(hint):
        return lambda value, _name: from_document(hint, value)  # type: ignore[arg-type]
    if hint in (str, bool, int, float):
        return _plain(hint)
    if isinstance(hint, type) and hasattr(hint, "__members__"):
        return _one_of(hint)
    raise TypeError(f"no JSON is known for {hint!r}")


def _optional(inner: Reader, may_be_none: bool) -> Reader:
    def read(value: Any, name: str) -> Any:
        return None if value is None and may_be_none else inner(value, name)

    return read


def _items(inner: Reader, kind: Any) -> Reader:
    def read(value: Any, name: str) -> Any:
        if not isinstance(value, (list, tuple)):
            raise _wrong(value, name)
        return kind([inner(item, name) for item in value])

    return read


def _members(inner: Reader) -> Reader:
    def read(value: Any, name: str) -> Any:
        if not isinstance(value, dict):
            raise _wrong(value, name)
        return {str(key): inner(item, f"{name}.{key}") for key, item in value.items()}

    return read


def _finite(value: Any, name: str) -> float:
    """JSON knows no other numbers, though Python reads and writes them."""
    if type(value) not in (float, int) or value - value != 0:
        raise _wrong(value, name)
    try:
        return float(value)
    except OverflowError:  # a whole number of hundreds of digits
        raise _wrong(value, name) from None


def _plain(kind: Any) -> Reader:
    """Exactly this type; a whole number is a float too, True is not a number."""
    if kind is float:
        return _finite

    def read(value: Any, name: str) -> Any:
        if type(value) is kind:
            return value
        if isinstance(value, bool) or not isinstance(value, kind):
            raise _wrong(value, name)
        return value

    return read


def _one_of(kind: Any) -> Reader:
    def read(value: Any, name: str) -> Any:
        try:
            return kind(value)
        except ValueError as error:
            raise InvalidValue(f"{name}: {value!r} is not one of the values known", field=name) from error

    return read
