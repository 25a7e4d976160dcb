"""The server's log: no secret, no line that somebody else wrote, and the last lines for who follows."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from portcall import logs
from tests.fixtures.hostile import TEXTS


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()
    logging.basicConfig(handlers=[logging.NullHandler()], force=True)


@pytest.mark.parametrize("name", ["text", "json"])
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_what_people_type_stays_within_its_line(name: str, text: str, capfd: pytest.CaptureFixture[str]) -> None:
    logs.set_up("info", name)
    structlog.get_logger("web").warning("refused", name=text, command=[text])
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "\x1b]0" not in lines[0]
    assert "\x1b[31mred" not in lines[0]
    if name == "json":
        assert json.loads(lines[0])["event"] == "refused"


@pytest.mark.parametrize("name", ["token", "password", "Ticket", "cookie_value", "Authorization", "answers"])
def test_members_named_like_secrets_are_never_written(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    logs.set_up("info", "json")
    structlog.get_logger("web").info("login", **{name: "s3cr3t-value"})
    assert "s3cr3t-value" not in capfd.readouterr().err
    assert "s3cr3t-value" not in str(logs.follow.kept)


def test_what_is_not_severe_enough_is_not_written(capfd: pytest.CaptureFixture[str]) -> None:
    logs.set_up("warning", "json")
    structlog.get_logger("web").info("quiet")
    structlog.get_logger("web").warning("loud")
    logging.getLogger("some.library").warning("from a library")
    written = capfd.readouterr().err
    assert "quiet" not in written
    assert "loud" in written
    assert "from a library" in written


async def test_who_follows_gets_new_lines_and_is_forgotten_afterwards(capfd: pytest.CaptureFixture[str]) -> None:
    logs.set_up("info", "json")
    queue = logs.follow.begin()
    structlog.get_logger("web").info("one", number=1, odd=object)
    line = await queue.get()
    assert (line["event"], line["number"], line["level"]) == ("one", 1, "info")
    for number in range(5000):
        structlog.get_logger("web").info("many", number=number)
    assert queue.qsize() <= 2000  # who does not read does not fill the memory
    logs.follow.end(queue)
    assert not logs.follow._queues
    assert len(logs.follow.kept) <= 2000
    capfd.readouterr()
