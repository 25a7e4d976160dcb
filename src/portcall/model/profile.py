"""A profile: limits and looks that a session is started with, and who may choose it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Collection, Dict, Iterable, List, Optional

from portcall.errors import InvalidValue, ProfileForbidden
from portcall.model.start import SCRIPTS


@dataclass(frozen=True)
class Profile:
    """Seconds throughout; 0 means no limit. The profile ``default`` always exists, and is everybody's.

    ``groups`` are Linux groups, empty: for everybody. ``hidden``: for bookmarks alone. ``on_…`` are event scripts, run
    as the session's user.
    """

    name: str
    description: str = ""
    groups: List[str] = field(default_factory=list)
    hidden: bool = False
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
    on_start: str = ""
    on_connect: str = ""
    on_disconnect: str = ""
    on_params: str = ""
    on_terminate: str = ""
    unknown: Dict[str, Any] = field(default_factory=dict)


DEFAULT = Profile(name="default", description="What a session gets when nothing else is asked for.")
CLIPBOARD_MODES = ("both", "to-session", "from-session", "off")
Groups = Optional[Collection[str]]  # of a person; None: an administrator's, whom no group keeps out


def limit_for(profile: Profile) -> Optional[str]:
    """The largest geometry, or None where there is no limit."""
    return profile.maximum_geometry or None


def check_everybodys(profile: Profile) -> None:
    """InvalidValue where the default one is not for everybody: starts that name none would have none."""
    for member, kept in (("groups", profile.groups), ("hidden", profile.hidden)):
        if kept and profile.name == DEFAULT.name:
            raise InvalidValue(f"{member}: the profile {DEFAULT.name} is for everybody", field=member)


def scripts(profile: Profile) -> Dict[str, str]:
    """Those that are set."""
    found = {f"on_{event}": getattr(profile, f"on_{event}") for event in SCRIPTS}
    return {name: text for name, text in found.items() if text.strip()}


def admits(profile: Profile, groups: Groups) -> bool:
    """Whether who is in these groups may have it at all."""
    if groups is None or not profile.groups or profile.name == DEFAULT.name:
        return True
    return any(group in groups for group in profile.groups)


def offered(profile: Profile, groups: Groups) -> bool:
    """Whether who is in these groups may choose it."""
    return admits(profile, groups) and (not profile.hidden or profile.name == DEFAULT.name)


def check_use(profile: Profile, groups: Groups, given: bool, there: Iterable[Profile]) -> None:
    """ProfileForbidden says why not, and what to do. ``given``: a bookmark or an administrators' function names it,
    no person; ``there`` are all profiles."""
    if offered(profile, groups) or (given and admits(profile, groups)):
        return
    names = [one.name for one in there if offered(one, groups)]
    instead = f"You may choose: {', '.join(names)}."
    if admits(profile, groups):
        why = f"The profile {profile.name!r} is for bookmarks alone: start one that has it, or choose another profile."
    else:
        *most, last = profile.groups
        of = f"groups {', '.join(most)} and {last}" if most else f"group {last}"
        why = f"The profile {profile.name!r} is for members of the {of}, and you are none."
        instead = "Ask your administrators, or start something else." if given else instead
    raise ProfileForbidden(f"{why} {instead}", field="profile", profiles=names)
