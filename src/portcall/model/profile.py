"""A profile: limits and looks that a session is started with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Optional


@dataclass(frozen=True)
class Profile:
    """Seconds throughout; 0 means no limit. The profile ``default`` always exists."""

    name: str
    description: str = ""
    display: str = "xvnc"
    geometry: str = "1280x800"
    maximum_geometry: str = "7680x4320"
    end_after_disconnected: float = 0.0
    disconnect_when_idle: float = 0.0
    warn_before: float = 120.0
    extend_by: float = 3600.0
    open_gl: bool = True
    clipboard: str = "both"
    window_manager: str = "openbox"
    unknown: Dict[str, Any] = field(default_factory=dict)


DEFAULT = Profile(name="default", description="What a session gets when nothing else is asked for.")
CLIPBOARD_MODES = ("both", "to-session", "from-session", "off")


def limit_for(profile: Profile) -> Optional[str]:
    """The largest geometry, or None where there is no limit."""
    return profile.maximum_geometry or None
