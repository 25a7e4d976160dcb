"""What every display must pass. A subclass gives the fixture ``display``."""

from __future__ import annotations

import dataclasses

import pytest

from portcall.displays.base import Display, DisplayPlan
from portcall.testing.contracts.launcher import HOSTILE

PLAN = DisplayPlan("800x600", "/run/s/rfb", "/run/s/Xauthority", 7, "a name")


class DisplayContract:
    def test_it_has_a_name(self, display: Display) -> None:
        assert display.name.isidentifier()

    def test_the_same_plan_is_the_same_command(self, display: Display) -> None:
        assert display.argv(PLAN) == display.argv(PLAN)

    def test_it_shows_itself_on_the_socket_with_the_authority_given(self, display: Display) -> None:
        argv = display.argv(PLAN)
        text = "\n".join(argv)
        for needed in (PLAN.socket_path, PLAN.authority_path, PLAN.geometry, str(PLAN.display_fd)):
            assert needed in text

    @pytest.mark.parametrize("text", HOSTILE)
    def test_a_name_is_one_argument_whatever_it_is(self, display: Display, text: str) -> None:
        plain, hostile = display.argv(PLAN), display.argv(dataclasses.replace(PLAN, name=text))
        assert len(plain) == len(hostile)
        assert hostile[0] == plain[0]
        assert [one for one, other in zip(hostile, plain, strict=True) if one != other] in ([], [text])

    def test_what_is_missing_is_a_sentence_or_nothing(self, display: Display) -> None:
        missing = display.missing()
        assert isinstance(missing, str)
        assert "\n" not in missing
