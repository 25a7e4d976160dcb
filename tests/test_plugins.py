"""Implementations are found by their file's name; a name is never more than a name."""

from __future__ import annotations

import pytest

from portcall import plugins
from portcall.errors import UnknownPlugin
from portcall.stores.memory import Memory
from tests.fixtures.hostile import TEXTS


def test_ours_are_found_by_file_name() -> None:
    assert plugins.find("stores", "memory") is Memory
    for kind in ("stores", "links", "authenticators", "launchers", "displays", "policies"):
        found = plugins.names(kind)
        assert found == sorted(found)
        assert found
        assert "base" not in found
        for name in found:
            assert not name.startswith("_")
            assert plugins.find(kind, name) is not None


@pytest.mark.parametrize("name", [*TEXTS.values(), "base", "_local", "nope", "memory.Memory", "Memory", "memory "])
def test_what_is_no_implementation_is_refused_with_what_there_is(name: str) -> None:
    with pytest.raises(UnknownPlugin, match="memory"):
        plugins.find("stores", name)


@pytest.mark.parametrize("kind", ["", "store", "web", "os", "stores.memory"])
def test_there_are_no_other_kinds(kind: str) -> None:
    with pytest.raises(UnknownPlugin, match="no kind"):
        plugins.find(kind, "path")
