"""A site's ``fastx.env``, read for launchers; the server's own environment stays what its service gave it."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from portcall.errors import InvalidValue, SettingRefused
from portcall.model import dotenv

# what the environment may say over the file; the rest of it is the server's own
_KNOWN = ("LAUNCHER_", "LAUNCH_", "WEBLINK_", "FX_")


def site_settings(config_dir: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """``fastx.env`` of the configuration directory, under the environment, which is stronger."""
    path = config_dir / "fastx.env"
    try:
        with path.open(encoding="utf-8") as file:
            if os.fstat(file.fileno()).st_mode & stat.S_IWOTH:  # it names what is run, as people and as the server
                raise InvalidValue(f"{path} can be written by everybody: chmod o-w {path}", field="launcher")
            values = dotenv.values(file.read())
    except FileNotFoundError:
        values = {}
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidValue(f"{path}: {getattr(error, 'strerror', None) or error}", field="launcher") from error
    return {**values, **{name: value for name, value in environment.items() if name.startswith(_KNOWN)}}


def weblink_port(settings: Mapping[str, str]) -> str:
    """``WEBLINK_PORT``, empty where there is none; SettingRefused where it is no port."""
    text = settings.get("WEBLINK_PORT", "").strip()
    if text and not (text.isascii() and text.isdigit() and int(text) <= 65_535):
        raise SettingRefused(f"WEBLINK_PORT: {text!r} is not a port", field="WEBLINK_PORT")
    return text
