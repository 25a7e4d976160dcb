"""Settings: one row each, read from file, environment and flags; and what is refused is refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall.config import BY_NAME, SETTINGS, checked, directories, load
from portcall.errors import SettingRefused
from tests.fixtures.hostile import JSON, TEXTS


def environment(folder: Path, **more: str) -> dict[str, str]:
    return {"FX_CONFIG_DIR": str(folder), "FX_VAR_DIR": str(folder / "var"), **more}


def test_a_flag_beats_the_environment_and_that_the_file(tmp_path: Path) -> None:
    (tmp_path / "portcall.toml").write_text('port = 1001\ntitle = "from the file"\nhost = "::1"\n')
    given = environment(tmp_path, PORTCALL_PORT="1002", PORTCALL_TITLE="from the environment")
    config = load({"port": 1003, "host": None}, given)
    assert (config["port"], config["title"], config["host"]) == (1003, "from the environment", "::1")
    assert config.fixed["port"] == "--port"
    assert "PORTCALL_TITLE" in config.fixed["title"]
    assert config.fixed["host"].endswith("portcall.toml")
    assert "notice" not in config.fixed


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_default_is_a_value_that_the_row_allows(setting: Any) -> None:
    assert checked(setting, setting.default) == setting.default
    assert json.loads(json.dumps(setting.default)) == setting.default
    assert setting.help
    assert "\n" not in setting.help


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("port", "80", 80), ("metrics_public", "YES", True), ("metrics_public", "0", False),
        ("login_hours", "1.5", 1.5),
        ("login_hours", "2", 2.0), ("seats_groups", "staff=3, lab=5", {"staff": 3, "lab": 5}), ("seats_groups", "", {}),
        ("tls", "auto", "auto"),
    ],
)  # fmt: skip
def test_text_from_the_environment_is_read_in_the_rows_type(name: str, text: str, value: Any, tmp_path: Path) -> None:
    config = load(environment=environment(tmp_path, **{f"PORTCALL_{name.upper()}": text}))
    assert config[name] == value
    assert type(config[name]) is type(value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "eighty"), ("port", -1), ("port", 1.5), ("port", True), ("port", None), ("port", []), ("port", "1e3"),
        ("port", 65536), ("ssh_port", "99999"),
        ("metrics_public", "perhaps"), ("metrics_public", 1), ("login_hours", 0), ("login_hours", float("nan")),
        ("login_hours", float("inf")), ("login_hours", "inf"), ("login_hours", "nan"), ("login_hours", False),
        ("keep_ended", float("-inf")), ("login_hours", 10**400), ("tls", "maybe"),
        ("title", 5),
        ("title", "\ud800"), ("title", None), ("seats_groups", "staff"), ("seats_groups", {"staff": -1}),
        ("seats_groups", {"staff": 1.5}), ("seats_groups", {"staff": True}), ("seats_groups", {"\ud800": 1}),
        ("seats_groups", ["staff"]),
    ],
)  # fmt: skip
def test_what_no_row_allows_is_refused_by_its_name(name: str, value: Any) -> None:
    with pytest.raises(SettingRefused, match=name) as refusal:
        checked(BY_NAME[name], value)
    assert refusal.value.extra["field"] == name


@given(
    st.sampled_from(SETTINGS), st.one_of(st.sampled_from(sorted(TEXTS.values())), st.text(), st.floats(), st.integers())
)
def test_any_value_is_kept_in_the_rows_type_or_refused(setting: Any, value: Any) -> None:
    try:
        kept = checked(setting, value)
    except SettingRefused:
        return
    assert type(kept) is setting.kind
    json.dumps(kept, ensure_ascii=False, allow_nan=False).encode()


@pytest.mark.parametrize("text", JSON.values(), ids=JSON.keys())
@pytest.mark.parametrize("name", ["title", "seats_user", "login_hours", "seats_groups", "metrics_public"])
def test_any_json_is_kept_or_refused(name: str, text: str) -> None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return
    try:
        kept = checked(BY_NAME[name], value)
    except SettingRefused:
        return
    json.dumps(kept, allow_nan=False).encode()


@pytest.mark.parametrize(
    "text", ["port = ", "port = 'x'\nport = 'y'", "\udcff", "prot = 80", "port = 'eighty'", "[port]\nx = 1"]
)
def test_a_file_that_is_wrong_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "portcall.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(SettingRefused, match=r"portcall\.toml"):
        load(environment=environment(tmp_path))


def test_what_is_fixed_cannot_be_changed_while_running(tmp_path: Path) -> None:
    config = load({"title": "Lab"}, environment(tmp_path))
    with pytest.raises(SettingRefused, match="--title"):
        config.change("title", "other")
    with pytest.raises(SettingRefused, match="no setting"):
        config.change("tilte", "other")
    assert config.change("notice", "hello") == "hello"
    assert config["notice"] == "hello"


def test_directories_are_the_systems_for_a_service_and_ones_own_for_a_person() -> None:
    service = directories({}, False)
    assert (service.config, service.var, service.runtime) == (
        Path("/etc/portcall"), Path("/var/lib/portcall"), Path("/run/portcall"),
    )  # fmt: skip
    person = directories({"HOME": "/home/ann", "XDG_CONFIG_HOME": "/home/ann/c"}, True)
    assert person.config == Path("/home/ann/c/portcall")
    assert person.var.is_relative_to("/home/ann/.local/state/portcall")
    named = directories({"FX_CONFIG_DIR": "/a", "FX_VAR_DIR": "/b", "FX_TEMP_DIR": "/c"}, False, "/d")
    assert (named.config, named.var, named.tmp, named.runtime) == (Path("/a"), Path("/b"), Path("/c"), Path("/d"))
