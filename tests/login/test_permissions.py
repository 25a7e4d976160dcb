"""Levels and the table of actions."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from portcall.errors import Forbidden, SettingRefused
from portcall.login.permissions import ACTIONS, LEVELS, Permissions
from portcall.model.user import Login
from tests.fixtures.settings import config_in

DOCUMENT = Path(__file__).parents[2] / "docs/design/http-api.md"


def permissions(folder: Path, text: str | None = None, one_person: bool = False) -> Permissions:
    config = config_in(folder, one_person)
    if text is not None:
        (config.directories.config / "permissions.toml").write_text(text)
    return Permissions(config)


def login(level: str, user: str = "ann") -> Login:
    return Login(user, "server", 0, 1, "web", "id", level=level)


def test_every_action_of_the_document_has_a_row() -> None:
    lines = [line.split("|") for line in DOCUMENT.read_text().splitlines() if line.startswith("| ")]
    named = {line[2].strip() for line in lines if "/" in line[2]}
    assert named - set(ACTIONS) == set()


def test_without_a_file_everybody_is_a_full_user(tmp_path: Path) -> None:
    assert permissions(tmp_path).level("ann", ["staff"]) == "full"


@pytest.mark.parametrize(
    ("user", "groups", "level"),
    [
        ("ann", [], "admin"),
        ("bob", [], "limited"),
        ("bob", ["support"], "manager"),
        ("bob", ["support", "wheel"], "admin"),
        ("eve", ["wheel"], "disabled"),
        ("zoe", [], "full"),
        ("zoe", ["guests"], "disabled"),
        ("zoe", ["guests", "support"], "manager"),
    ],
)
def test_the_highest_level_wins_but_disabled_by_name_beats_all(
    tmp_path: Path, user: str, groups: list[str], level: str
) -> None:
    text = """
        [users]
        ann = "admin"
        bob = "limited"
        eve = "disabled"
        [groups]
        support = "manager"
        wheel = "admin"
        guests = "disabled"
    """
    assert permissions(tmp_path, text).level(user, groups) == level


def test_the_default_may_be_that_nobody_gets_in(tmp_path: Path) -> None:
    assert permissions(tmp_path, 'default = "disabled"\n').level("ann", ["staff"]) == "disabled"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('default = "owner"\n', 1, "there is no level 'owner'"),
        ('[users]\nann = "full"\n"bob" = "boss"\n', 3, "there is no level 'boss'"),
        ("[groups]\nann = 7\n", 2, "there is no level 7"),
        ('\n[user]\nann = "full"\n', 2, "there is no such entry"),
        ('[manager]\nboxes = ["session/fly"]\n', 2, "there is no box 'session/fly'"),
        ('[manager]\nboxes = ["token/create"]\n', 2, "there is no box 'token/create'"),
        ('[manager]\nboxes = "all"\n', 2, "a list of actions"),
        ("[users]\nann = \n", 2, "line 2"),
    ],
)
def test_an_error_names_file_and_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    with pytest.raises(SettingRefused) as refusal:
        permissions(tmp_path, text)
    assert words in refusal.value.detail
    assert f"permissions.toml:{line}:" in refusal.value.detail or f"line {line}" in refusal.value.detail


def test_a_change_holds_at_once_and_a_broken_one_not_at_all(tmp_path: Path) -> None:
    rules = permissions(tmp_path, '[users]\nann = "limited"\n')
    rules.path.write_text('[users]\nann = "manager"\n')
    assert rules.level("ann", []) == "manager"
    rules.path.write_text('[users]\nann = "king"\n')
    assert rules.level("ann", []) == "manager"


def test_a_file_that_goes_lets_nobody_in_until_the_server_starts_again(tmp_path: Path) -> None:
    rules = permissions(tmp_path, '[users]\nmallory = "disabled"\n')
    rules.path.unlink()
    assert rules.level("mallory", []) == "disabled"
    rules.path.write_text('[users]\nmallory = "limited"\n')
    assert rules.level("mallory", []) == "limited"
    rules.path.unlink()
    assert permissions(tmp_path).level("mallory", []) == "full"


def test_one_person_is_admin_and_nobody_else_is_anything(tmp_path: Path) -> None:
    rules = permissions(tmp_path, 'default = "full"\n', one_person=True)
    assert rules.level(pwd.getpwuid(os.geteuid()).pw_name, []) == "admin"
    assert rules.level("nobody", ["wheel"]) == "disabled"


@pytest.mark.parametrize("action", ACTIONS)
def test_a_disabled_user_may_do_nothing_and_an_admin_everything(tmp_path: Path, action: str) -> None:
    rules = permissions(tmp_path)
    assert rules.scope(login("disabled"), action) == "none"
    with pytest.raises(Forbidden):
        rules.check(login("disabled"), action, "ann")
    rules.check(login("admin"), action, "ann")


@pytest.mark.parametrize("action", [name for name, row in ACTIONS.items() if row.box])
def test_a_managers_box_gives_that_action_on_anybodys_and_no_other(tmp_path: Path, action: str) -> None:
    rules = permissions(tmp_path, f'[manager]\nboxes = ["{action}"]\n')
    rules.check(login("manager"), action, "somebody else")
    for other in set(ACTIONS) - {action}:
        assert rules.scope(login("manager"), other) == rules.scope(login("full"), other)


@pytest.mark.parametrize("level", LEVELS)
def test_a_higher_level_never_may_less(tmp_path: Path, level: str) -> None:
    rules, rank = permissions(tmp_path), ["none", "own", "any"].index
    for action in ACTIONS:
        for higher in LEVELS[LEVELS.index(level) :]:
            assert rank(rules.scope(login(higher), action)) >= rank(rules.scope(login(level), action))


def test_own_is_own(tmp_path: Path) -> None:
    rules = permissions(tmp_path)
    rules.check(login("full"), "session/terminate", "ann")
    with pytest.raises(Forbidden, match="only where it is your own"):
        rules.check(login("full"), "session/terminate", "bob")
    with pytest.raises(Forbidden, match="does not let you"):
        rules.check(login("full"), "server/settings")


def test_a_limited_user_starts_bookmarks_only(tmp_path: Path) -> None:
    rules = permissions(tmp_path)
    with pytest.raises(Forbidden, match="bookmarks only"):
        rules.check_start(login("limited"))
    rules.check_start(login("limited"), from_bookmark=True)
    rules.check_start(login("full"))
    with pytest.raises(Forbidden):
        rules.check_start(login("disabled"), from_bookmark=True)
