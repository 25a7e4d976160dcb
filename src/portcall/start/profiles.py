"""Profiles: the shipped default, and those of ``profiles.toml`` in the configuration directory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from portcall.config import read_toml
from portcall.errors import InvalidValue, SettingRefused, UnknownProfile
from portcall.model import codec
from portcall.model.profile import CLIPBOARD_MODES, DEFAULT, Profile
from portcall.model.start import ROOTLESS, parse_geometry

_BY_FIELD = {"name", "unknown"}


class Profiles:
    """``[name]`` tables of snake_case members of model.profile.Profile; ``[default]`` changes the default one."""

    def __init__(self, config_dir: Path) -> None:
        self._path = config_dir / "profiles.toml"
        self._profiles = self._read()

    def reload(self) -> None:
        """Read the file again; what it held before stays in force where it cannot be read."""
        self._profiles = self._read()

    def get(self, name: str) -> Profile:
        profile = self._profiles.get(name or DEFAULT.name)
        if profile is None:
            raise UnknownProfile(
                f"there is no profile {name!r}; there are: {', '.join(self._profiles)}", field="profile"
            )
        return profile

    def all(self) -> list[Profile]:
        return list(self._profiles.values())

    def _read(self) -> dict[str, Profile]:
        profiles = {DEFAULT.name: DEFAULT}
        for name, table in read_toml(self._path).items():
            if not isinstance(table, dict):
                raise SettingRefused(f"{self._path}: {name} is not a table: write [{name}]")
            profiles[name] = self._profile(name, table)
        return profiles

    def _profile(self, name: str, table: dict[str, Any]) -> Profile:
        known = set(Profile.__dataclass_fields__) - _BY_FIELD
        for key in table:
            if key not in known:
                raise SettingRefused(f"{self._path}: [{name}] {key}: not known; there are: {', '.join(sorted(known))}")
        document = codec.to_document(DEFAULT) | {codec.camel(key): value for key, value in table.items()}
        try:
            profile = codec.from_document(Profile, document | {"name": name})
            if profile.geometry != ROOTLESS:
                parse_geometry(profile.geometry)
            if profile.maximum_geometry:
                parse_geometry(profile.maximum_geometry)
        except InvalidValue as error:
            raise SettingRefused(f"{self._path}: [{name}] {error}") from error
        if profile.clipboard not in CLIPBOARD_MODES:
            raise SettingRefused(f"{self._path}: [{name}] clipboard: one of {', '.join(CLIPBOARD_MODES)}")
        return profile
