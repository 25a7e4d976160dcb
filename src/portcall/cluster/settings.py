"""Settings that change while the server runs: kept in the store, in force at once."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

from portcall.config import BY_NAME, Config, checked
from portcall.errors import SettingRefused
from portcall.model import codec
from portcall.model.profile import Profile
from portcall.stores.base import Store

BUCKET = "settings"


class Settings:
    """What file, environment or flag decide stays theirs (``config.fixed``). ``check(name, value)`` raises what is
    wrong with a value that has its type, as only the parts can tell."""

    def __init__(
        self, config: Config, store: Store, check: Callable[[str, Any], None] = lambda name, value: None
    ) -> None:
        self._config = config
        self._store = store
        self._check = check

    async def open(self) -> None:
        for entry in await self._store.list(BUCKET):
            if entry.key in BY_NAME and entry.key not in self._config.fixed and entry.value:
                self._config.values[entry.key] = entry.value["value"]

    async def change(self, name: str, value: Any) -> None:
        """SettingRefused for what takes effect at a start only, is fixed, or is wrong."""
        if name in BY_NAME and not BY_NAME[name].live:
            raise SettingRefused(f"{name} takes effect at a start only: set it in portcall.toml", field=name)
        if name in BY_NAME and name not in self._config.fixed:
            self._check(name, checked(BY_NAME[name], value))
        kept = self._config.change(name, value)
        await self._store.put(BUCKET, name, {"value": kept})

    def publish(self, url: str, profiles: list[Profile]) -> None:
        """``public.json``: what the user side may know while the server is away."""
        config = self._config
        document = {
            "serverId": config.server_id,
            "socket": str(config.directories.socket),
            "api": str(config.directories.runtime / "api.sock"),
            "url": url,
            "serverUid": os.geteuid(),
            "profiles": {profile.name: codec.to_document(profile) for profile in profiles},
            "limits": {
                "seatsTotal": config["seats_total"], "seatsUser": config["seats_user"],
                "seatsGroups": config["seats_groups"],
            },
            "startsEnabled": config["starts_enabled"],
            "startTimeout": config["start_timeout"],
        }  # fmt: skip
        path = config.directories.runtime / "public.json"
        draft = path.with_suffix(".new")
        draft.write_text(json.dumps(document))
        draft.chmod(0o644)
        draft.replace(path)
