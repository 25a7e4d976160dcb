"""Where many start at once, a session shows its screen first and starts its command when the server says so."""

from __future__ import annotations

import pytest

from portcall.wire import messages
from tests.fixtures.ground import Ground

pytestmark = pytest.mark.serial


def _steps(ground: Ground, session: str) -> list[str]:
    return [report.step for report in ground.server.session(session).said(messages.SessionReport) if report.step]


def test_a_patient_command_starts_when_the_server_says_so(ground: Ground) -> None:
    session = ground.start(ground.order("exec sleep 1000", patience=25.0))
    ground.server.report(session, messages.SessionReport, lambda report: report.step == "display-alive")
    peer = ground.server.session(session)
    peer.ask(lambda seq: messages.ReadLog(seq))  # it has gone on since, were it not patient
    assert _steps(ground, session)[-1] == "display-alive"
    peer.tell(messages.Proceed())
    ground.server.running(session)
    assert _steps(ground, session)[-2:] == ["others-first", "command-started"]


def test_patience_has_an_end(ground: Ground) -> None:
    session = ground.running(ground.order("exec sleep 1000", patience=0.5))
    assert _steps(ground, session)[-2:] == ["others-first", "command-started"]


def test_a_word_that_comes_before_the_display_is_alive_is_remembered(ground: Ground) -> None:
    session = ground.start(ground.order("exec sleep 1000", patience=25.0))
    ground.server.session(session).tell(messages.Proceed())
    ground.server.running(session)


def test_a_patient_session_can_be_ended(ground: Ground) -> None:
    session = ground.start(ground.order("exec sleep 1000", patience=25.0))
    ground.server.report(session, messages.SessionReport, lambda report: report.step == "display-alive")
    ground.end(session)
    ground.nothing_left(session)
