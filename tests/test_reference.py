"""The reference pages say what the tables say."""

from __future__ import annotations

import runpy

import pytest

from tests.installation import TOP

PAGES = runpy.run_path(str(TOP / "scripts/make-reference"))["PAGES"]


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_reference_page_is_what_its_table_makes(name: str) -> None:
    assert (TOP / f"docs/reference/{name}.md").read_text() == PAGES[name](), "run scripts/make-reference"
