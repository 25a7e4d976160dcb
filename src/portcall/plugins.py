"""Finds implementations of a kind by name: ours by file name first, then entry points ``portcall.<kind>``."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from typing import Any, List

from portcall.errors import UnknownPlugin

KINDS = ("authenticators", "displays", "functions", "launchers", "links", "policies", "stores")
_ONE = {"policies": "policy"}
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


def find(kind: str, name: str) -> Any:
    """The class that implements ``name``: its module's ``IMPLEMENTATION``.

    Raises UnknownPlugin, which lists what there is. A foreign implementation never shadows ours.
    """
    if kind not in KINDS:
        raise UnknownPlugin(f"there is no kind {kind!r}")
    if _NAME.match(name) and name != "base":
        module_name = f"portcall.{kind}.{name}"
        if module_name in sys.modules:
            return sys.modules[module_name].IMPLEMENTATION
        if importlib.util.find_spec(f"portcall.{kind}") and importlib.util.find_spec(module_name):
            return importlib.import_module(module_name).IMPLEMENTATION
        for entry in _entry_points(kind):
            if entry.name == name:
                return entry.load()
    raise UnknownPlugin(f"there is no {_ONE.get(kind, kind[:-1])} {name!r}; there are: {', '.join(names(kind))}")


def names(kind: str) -> List[str]:
    """All that ``find`` would find, sorted."""
    import pkgutil

    package = importlib.import_module(f"portcall.{kind}")
    ours = {module.name for module in pkgutil.iter_modules(package.__path__)}
    public = {name for name in ours if name != "base" and not name.startswith("_")}
    return sorted(public | {entry.name for entry in _entry_points(kind)})


def _entry_points(kind: str) -> List[Any]:
    from importlib import metadata

    found: Any = metadata.entry_points()
    group = f"portcall.{kind}"
    return list(found.select(group=group) if hasattr(found, "select") else found.get(group, []))
