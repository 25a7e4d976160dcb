"""The command of a schedule function keeps the launchers' contract."""

from __future__ import annotations

import json

import pytest

from portcall.errors import InvalidValue, StartFailed
from portcall.launchers.template import Template
from portcall.model.start import ORDER_VARIABLE, Output, Scheduled
from portcall.testing.contracts.launcher import LauncherContract, host, order


class TestTemplate(LauncherContract):
    @pytest.fixture
    def launcher(self) -> Template:
        return Template()

    def test_a_start_script_anywhere_below_it_becomes_this_session(self, launcher: Template) -> None:
        """S2: bsub … /usr/lib/fastx/3/scripts/start …"""
        made = launcher.invocation(order(options={"command": "bsub start --command xterm"}), host())
        assert made.argv == ("/bin/sh", "-c", "bsub start --command xterm")
        assert json.loads(made.environment[ORDER_VARIABLE])["id"] == "s1"

    def test_what_it_prints_is_shown(self, launcher: Template) -> None:
        outcome = launcher.outcome(order(), Output(0, "Job <5> is submitted to queue <normal>.\n"))
        assert outcome == Scheduled("s1", "Job <5> is submitted to queue <normal>.")
        with pytest.raises(StartFailed, match="no such queue") as failure:
            launcher.outcome(order(), Output(255, "", "no such queue\n"))
        assert failure.value.extra["log"] == "no such queue"


@pytest.mark.parametrize("options", [{}, {"command": ""}, {"command": " \n"}])
def test_without_a_line_of_a_schedule_function_it_is_refused_with_words_that_say_so(options: dict[str, str]) -> None:
    with pytest.raises(InvalidValue, match="a schedule function must return it"):
        Template().check(options)
    Template().check({"command": "bsub xterm"})
