"""What administrators set about launchers: told where it cannot be right, before every start is refused for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from portcall.errors import InvalidValue, PortcallError, SettingRefused, UnknownPlugin
from portcall.model.option import COUNT, DURATION, MEMORY, Option, read, read_all, written

if TYPE_CHECKING:
    from portcall.config import Config
    from portcall.jobs.launchers import Launchers
    from portcall.launchers.base import Launcher

DEFAULT, OPTIONS = "launcher", "launcher_options"
_SHAPES: tuple[tuple[str, type, str], ...] = (
    ("set", dict, "an object"), ("maximum", dict, "an object"), ("people", list, "a list"),
    ("extend", bool, "true or false"),
)  # fmt: skip


def member_of(setting: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What ``launcher_options`` has for this launcher, in its shape; InvalidValue for what is none."""
    found: dict[str, Any] = dict(setting).get(name, {})
    for member, kind, what in _SHAPES:
        if not isinstance(found.get(member, kind()), kind):
            raise InvalidValue(f"launcher_options: {name}.{member}: {what} is needed", field=OPTIONS)
    return found


def read_member(launcher: Launcher, member: Mapping[str, Any]) -> None:
    """InvalidValue, at the option, for what this launcher would never take."""
    known = [name for name, _, _ in _SHAPES]
    for name in member:
        if name not in known:
            raise InvalidValue(f"{name}: it is none of {', '.join(known)}", field=name)
    if not launcher.options:
        return  # its script is given whatever is set
    values = read_all(launcher.options, member.get("set", {}))
    highest = {name: value for name, value in member.get("maximum", {}).items() if value not in ("", None)}
    offered = [option.name for option in launcher.options if option.form]
    options = {option.name: option for option in launcher.options}
    for unknown in [*(highest.keys() - options.keys()), *(set(map(str, member.get("people", ()))) - set(offered))]:
        raise InvalidValue(f"{unknown}: it is no option that could be set so", field=unknown)
    for name, maximum in highest.items():
        read(options[name], maximum)
        check_maximum(options[name], values.get(name), maximum)


def check_maximum(option: Option, value: Any, maximum: Any) -> None:
    """``value`` as it was read, ``maximum`` as an administrator wrote it."""
    if value is None or maximum in (None, ""):
        return
    if option.kind in (COUNT, DURATION, MEMORY) and value > (most := read(option, maximum)):
        raise InvalidValue(f"{option.name}: {written(option, most)} at most", field=option.name)


def check(launchers: Launchers, before: Mapping[str, Any], name: str, value: Any) -> None:
    """SettingRefused where a setting's new value is about a launcher that is not here, or that could not use it.

    What was wrong before, by a file or by a launcher that is gone, keeps nobody from setting another one.
    """
    found = []
    if name == DEFAULT:
        found = [fault] if (fault := _of_default(launchers, value)) else []
    elif name == OPTIONS:
        changed = {one: member for one, member in value.items() if member != before.get(one)}
        found = _of_options(launchers, changed)
    for fault in found:
        raise SettingRefused(fault, field=name)


def faults(launchers: Launchers, config: Config) -> dict[str, str]:
    """Of the settings in force, by name: why starts would be refused."""
    of_options = _of_options(launchers, config[OPTIONS])
    found = {DEFAULT: _of_default(launchers, config[DEFAULT]), OPTIONS: " ".join(of_options)}
    return {name: fault for name, fault in found.items() if fault}


def _of_default(launchers: Launchers, name: str) -> str:
    try:
        launchers.options(name, {}, {})
    except UnknownPlugin as error:
        return f"launcher: {_unknown(launchers, error)}"
    except PortcallError as error:
        return f"launcher: {error}"
    return ""


def _of_options(launchers: Launchers, setting: Mapping[str, Any]) -> list[str]:
    found = []
    for name in setting:
        try:
            read_member(launchers.get(name), member_of(setting, name))
        except UnknownPlugin as error:
            found.append(f"launcher_options.{name}: {_unknown(launchers, error)}")
        except PortcallError as error:
            found.append(f"launcher_options.{name}: {error.detail.removeprefix(f'launcher_options: {name}.')}.")
    return found


def _unknown(launchers: Launchers, error: UnknownPlugin) -> str:
    return f"{error.detail}. One of your own can be set as soon as it is in {launchers.own}."
