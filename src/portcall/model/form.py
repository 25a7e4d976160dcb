"""Forms: what administrators ask people before a start."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List

NUMBER, BOOLEAN, JSON, TEXT = "number", "boolean", "json", "text"
SERVER_LIST = "SERVERLIST"


@dataclass(frozen=True)
class Form:
    """``html`` as the administrator wrote it; ``static_data`` is for the form filter function."""

    id: str
    name: str
    html: str = ""
    description: str = ""
    static_data: Dict[str, Any] = field(default_factory=dict)
    unknown: Dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Input:
    """One named input of a form. ``choices`` are the values of a select or of radio buttons."""

    name: str
    kind: str = "text"
    data_type: str = TEXT
    required: bool = False
    label: str = ""
    value: str = ""
    choices: List[Dict[str, str]] = field(default_factory=list)
    multiple: bool = False


@dataclass(frozen=True)
class Bookmark:
    """A start that administrators prepared. ``forms`` are asked in their order; ``groups`` empty: for everybody."""

    id: str
    name: str
    command: str
    description: str = ""
    geometry: str = ""
    icon: str = ""
    profile: str = "default"
    keyboard_layout: str = ""
    forms: List[str] = field(default_factory=list)
    groups: List[str] = field(default_factory=list)
    launcher: str = ""
    launcher_options: Dict[str, Any] = field(default_factory=dict)
    params: Dict[str, Any] = field(default_factory=dict)
    unknown: Dict[str, Any] = field(default_factory=dict)
