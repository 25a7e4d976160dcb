"""The one place where dataclasses and JSON documents meet.

Names are snake_case in Python and camelCase in JSON. Unknown members are kept in ``unknown`` where the class has that
field, and written back: an older server meets newer documents. Reading is strict about types of known members.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import re
from typing import Any, Dict, Type, TypeVar, Union, get_args, get_origin, get_type_hints

from portcall.errors import InvalidValue

T = TypeVar("T")
_PLAIN = frozenset({str, int, float, bool, type(None)})


def camel(name: str) -> str:
    return re.sub(r"_([a-z0-9])", lambda match: match.group(1).upper(), name)


@functools.lru_cache(maxsize=None)
def _fields(cls: type) -> Dict[str, Any]:
    hints = get_type_hints(cls)
    return {
        camel(field.name): (field, hints[field.name])
        for field in dataclasses.fields(cls)
        if field.name != "unknown"
    }


def to_document(value: Any) -> Any:
    """JSON-ready dicts and lists of a dataclass (or of plain values, as they are)."""
    if type(value) in _PLAIN:  # most members are: a record is written at every change
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        document = dict(getattr(value, "unknown", None) or {})
        for name, (field, _) in _fields(type(value)).items():
            member = getattr(value, field.name)
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
    known = _fields(cls)  # type: ignore[arg-type]
    values: Dict[str, Any] = {}
    for name, (field, hint) in known.items():
        if name in document:
            values[field.name] = _read(hint, document[name], name)
    if "unknown" in cls.__dataclass_fields__:  # type: ignore[attr-defined]
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


def _read(hint: Any, value: Any, name: str) -> Any:
    origin = get_origin(hint)
    if hint is Any:
        return value
    if origin is Union:
        if value is None and type(None) in get_args(hint):
            return None
        return _read(next(arg for arg in get_args(hint) if arg is not type(None)), value, name)
    if origin in (list, tuple) and isinstance(value, (list, tuple)):
        items = [_read(get_args(hint)[0], item, name) for item in value]
        return items if origin is list else tuple(items)
    if origin is dict and isinstance(value, dict):
        return {str(key): _read(get_args(hint)[1], item, f"{name}.{key}") for key, item in value.items()}
    if dataclasses.is_dataclass(hint):
        return from_document(hint, value)  # type: ignore[arg-type]
    if hint is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if hint is int and isinstance(value, int) and not isinstance(value, bool):
        return value
    if hint in (str, bool) and isinstance(value, hint):
        return value
    if origin is None and isinstance(hint, type) and hasattr(hint, "__members__"):
        try:
            return hint(value)
        except ValueError as error:
            raise InvalidValue(f"{name}: {value!r} is not one of the values known", field=name) from error
    raise InvalidValue(f"{name}: {value!r} has the wrong type", field=name)
