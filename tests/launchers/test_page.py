"""The page on schedulers names what the launchers have."""

from __future__ import annotations

import re

import pytest

from portcall import plugins
from portcall.launchers._batch import Batch
from portcall.model.option import COMMON, read_all
from tests.installation import TOP

PAGE = (TOP / "docs/howto/schedulers.md").read_text()
NAMES = ("slurm", "lsf", "pbs", "torque", "moab", "gridengine")


@pytest.mark.parametrize("name", NAMES)
def test_the_page_names_each_with_its_variables_and_own_options(name: str) -> None:
    launcher = plugins.find("launchers", name)()
    assert f"| `{name}` |" in PAGE
    options = [option.name for option in launcher.options if option not in COMMON]
    assert all(word in PAGE for word in (*launcher.needs, *options))


def test_every_batch_system_is_on_it() -> None:
    batch = [name for name in plugins.names("launchers") if issubclass(plugins.find("launchers", name), Batch)]
    assert set(batch) <= set(NAMES)


def test_the_options_shown_are_options() -> None:
    found = re.search(r"set = \{ (.*?) \}", PAGE)
    assert found is not None
    given = dict(re.findall(r'(\w+) = "(.*?)"', found.group(1)))
    assert read_all(plugins.find("launchers", "gridengine").options, given)["time"] == 8 * 3600
