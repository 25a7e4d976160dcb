"""Which launchers there are, and what a start asks of them: options by who may say what."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall import plugins
from portcall.config import BY_NAME, checked
from portcall.errors import InvalidValue, SettingRefused, UnknownPlugin
from portcall.jobs.launchers import Launchers
from portcall.jobs.settings import site_settings
from portcall.launchers.base import Launcher
from portcall.launchers.direct import Direct
from portcall.model.option import COMMON
from portcall.model.user import Account
from portcall.testing.contracts.launcher import order
from tests.fixtures.settings import config_in

ANN = Account("ann", 1001, 1001, "/home/ann", "/bin/bash", ["ann"])


class Farm(Direct):
    """It can be asked all that schedulers can be."""

    name = "farm"
    options = COMMON


def launchers(folder: Path, administered: Mapping[str, Any] | None = None) -> Launchers:
    config = config_in(folder, launcher_options={"farm": administered or {}})

    def find(name: str) -> type[Launcher]:
        if name == "farm":
            return Farm
        found: type[Launcher] = plugins.find("launchers", name)
        return found

    return Launchers(
        config, find, lambda: [*plugins.names("launchers"), "farm"], lambda: folder / "tree",
        lambda order, account: None, lambda: site_settings(config.directories.config, {}),
    )  # fmt: skip


HOUR = 3600
# administrator's .set, .people (None: not given), params, bookmark's or function's, what is asked for
MERGED: list[tuple[dict[str, Any], list[str] | None, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ({}, None, {}, {}, {}),
    ({"queue": "a"}, None, {}, {}, {"queue": "a"}),
    ({"queue": "a"}, None, {"queue": "b"}, {}, {"queue": "b"}),
    ({"queue": "a"}, None, {"queue": "b"}, {"queue": "c"}, {"queue": "c"}),
    ({"queue": "a"}, ["time"], {"queue": "b", "time": "2:00:00"}, {}, {"queue": "a", "time": 2 * HOUR}),
    ({"queue": "a"}, [], {"queue": "b", "time": "60"}, {"time": 30}, {"queue": "a", "time": 1800}),
    ({"queue": "a"}, None, {"queue": "", "time": None}, {"queue": ""}, {"queue": "a"}),
    ({}, None, {"memory": "4G", "cores": 2.0, "gpus": "1"}, {}, {"memory": 4 << 30, "cores": 2, "gpus": 1}),
    ({}, None, {"colour": "red", "project": "wing"}, {}, {}),  # params that are no options
    ({"extra": ["--x"]}, None, {"extra": ["--wrap=id"]}, {}, {"extra": ["--x"]}),  # the administrator's alone
    ({"extra": ["--x"]}, ["extra"], {"extra": ["--wrap=id"]}, {}, {"extra": ["--x"]}),
]  # fmt: skip


@pytest.mark.parametrize(("set_", "people", "params", "chosen", "asked"), MERGED)
def test_the_bookmark_is_over_people_and_they_over_the_administrators_own(
    tmp_path: Path, set_: Any, people: Any, params: Any, chosen: Any, asked: Any
) -> None:
    administered = {"set": set_, **({} if people is None else {"people": people})}
    assert launchers(tmp_path, administered).options("farm", params, chosen) == asked


@pytest.mark.parametrize(("name", "maximum", "value"), [
    ("time", "4:00:00", "4:00:01"), ("memory", "8G", "8193M"), ("cores", 16, 17), ("gpus", 0, 1), ("time", 60, "61"),
])  # fmt: skip
def test_nobody_is_above_the_maximum(tmp_path: Path, name: str, maximum: Any, value: Any) -> None:
    some = launchers(tmp_path, {"maximum": {name: maximum}})
    for params, chosen in (({name: value}, {}), ({}, {name: value})):
        with pytest.raises(InvalidValue, match="at most") as failure:
            some.options("farm", params, chosen)
        assert failure.value.extra["field"] == name
    assert name in some.options("farm", {name: maximum}, {})


@given(
    maximum=st.integers(0, 10**5), params=st.integers(0, 10**6), chosen=st.none() | st.integers(0, 10**6),
    set_=st.none() | st.integers(0, 10**6),
)  # fmt: skip
def test_what_is_asked_for_is_never_above_the_maximum(maximum: int, params: int, chosen: Any, set_: Any) -> None:
    administered = {"maximum": {"cores": maximum}, "set": {} if set_ is None else {"cores": set_}}
    strongest = params if chosen is None else chosen
    with tempfile.TemporaryDirectory() as folder:
        some = launchers(Path(folder), administered)
        try:
            asked = some.options("farm", {"cores": params}, {"cores": chosen})
        except InvalidValue:
            assert strongest > maximum
        else:
            assert asked == {"cores": strongest}
            assert strongest <= maximum


def test_an_option_that_is_none_is_named_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="no option 'colour'; there are: queue, time"):
        launchers(tmp_path).options("farm", {}, {"colour": "red"})
    with pytest.raises(InvalidValue, match="queue: letters, digits"):
        launchers(tmp_path).options("farm", {"queue": "a; id"}, {})


def test_a_launcher_that_names_no_options_is_given_those_of_the_function_over_the_administrators(
    tmp_path: Path,
) -> None:
    config = config_in(tmp_path, launcher_options={"custom": {"set": {"a": 1, "b": 1}}})
    some = Launchers(config, lambda name: plugins.find("launchers", name), lambda: plugins.names("launchers"),
                     lambda: tmp_path, lambda order, account: None, dict)  # fmt: skip
    assert some.options("custom", {"a": 5, "c": 5}, {"b": 2}) == {"a": 1, "b": 2}


@pytest.mark.parametrize("wrong", [{"set": []}, {"maximum": 5}, {"people": {}}])
def test_what_was_administered_in_a_wrong_shape_is_named(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue, match=rf"launcher_options: farm\.{next(iter(wrong))}"):
        launchers(tmp_path, wrong).options("farm", {}, {})


def test_the_setting_takes_an_object_of_objects() -> None:
    row = BY_NAME["launcher_options"]
    assert checked(row, {"slurm": {"set": {"queue": "a"}}}) == {"slurm": {"set": {"queue": "a"}}}
    assert checked(row, '{"slurm": {"people": ["time"]}}') == {"slurm": {"people": ["time"]}}
    for wrong in ({"slurm": 5}, "slurm=5", "[]", [], '{"slurm": []}'):
        with pytest.raises(SettingRefused):
            checked(row, wrong)
    assert checked(BY_NAME["seats_groups"], "a=1") == {"a": 1}  # which has numbers


def test_ours_cannot_be_shadowed_and_a_sites_own_are_listed(tmp_path: Path) -> None:
    some = launchers(tmp_path)
    place = tmp_path / "config/launchers"
    place.mkdir()
    for name in ("direct", "mine"):
        (place / name).write_text("#!/bin/sh\n")
    assert isinstance(some.get("direct"), Direct)
    assert some.get("mine").name == "mine"
    assert {"custom", "direct", "mine", "template"} <= set(some.names())
    assert [name for name in some.names() if some.is_own(name)] == ["mine"]
    with pytest.raises(UnknownPlugin, match=r"no launcher 'gone'; there are: .*custom, direct.*mine"):
        some.get("gone")


def test_a_change_of_fastx_env_is_in_force_at_the_next_start(tmp_path: Path) -> None:
    some = launchers(tmp_path)
    path = tmp_path / "config/fastx.env"
    for script in ("/one", "/two"):
        path.write_text(f"LAUNCHER_SCRIPT={script}\n")
        assert some.get("custom").invocation(
            order(launcher="custom"), some.host(order(launcher="custom"), ANN)
        ).argv == (script,)


@pytest.mark.parametrize(("administered", "said"), [
    ({"set": {"tiem": 5}}, "no option 'tiem'"), ({"set": {"time": "soon"}}, "time: write MINUTES"),
    ({"set": {"time": "0:30:00"}, "maximum": {"time": 10}}, "time: 10 minutes at most"),
    ({"maximum": {"memory": "lots"}}, "memory: write such as 4G"),
])  # fmt: skip
def test_what_the_administrator_has_set_wrongly_is_said_to_be_theirs(
    tmp_path: Path, administered: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidValue) as failure:
        launchers(tmp_path, administered).options("farm", {}, {})
    assert said in str(failure.value)
    assert "launcher_options.farm: an administrator must mend it" in str(failure.value)
    assert failure.value.extra["field"] == "launcher_options"


@pytest.mark.parametrize(("name", "maximum", "value", "said"), [
    ("time", 10, 11, "10 minutes"), ("time", "1:00:00", 61, "1 hour"), ("time", "0:01:30", 2, "90 seconds"),
    ("memory", 512, "1G", "512 MiB"), ("memory", "4G", "5G", "4 GiB"), ("cores", 8, 9, "8"),
])  # fmt: skip
def test_a_maximum_is_said_with_its_unit(tmp_path: Path, name: str, maximum: Any, value: Any, said: str) -> None:
    with pytest.raises(InvalidValue) as failure:
        launchers(tmp_path, {"maximum": {name: maximum}}).options("farm", {name: value}, {})
    assert str(failure.value) == f"{name}: {said} at most"
