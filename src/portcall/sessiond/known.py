"""What is known of a server on this host while it is away: its public document, profiles, seats."""

from __future__ import annotations

import contextlib
import grp
import json
import os
import pwd
from dataclasses import dataclass, field
from typing import Any

from portcall.errors import InvalidValue, SeatsTaken, UnknownProfile
from portcall.model import codec
from portcall.model.profile import DEFAULT, Profile, check_use, offered
from portcall.model.start import ROOTLESS, SCRIPTS, parse_geometry
from portcall.sessiond import places, processes
from portcall.sessiond.peer import dial

SYSTEM = "/run/portcall"


@dataclass(frozen=True)
class Known:
    """``sockets``: where a server may be; more than one only where none has left a word."""

    sockets: list[str]
    document: dict[str, Any] = field(default_factory=dict)
    profiles: dict[str, Any] = field(default_factory=dict)

    @property
    def answers(self) -> bool:
        """Whether a server is there now."""
        for path in self.sockets:
            sock = dial(path)
            if sock is not None:
                sock.close()
                return True
        return False

    def profile(self, name: str) -> Profile:
        found = self.profiles.get(name)
        if found is None and name == DEFAULT.name:
            return DEFAULT
        if found is None:
            there = ", ".join(one.name for one in self._all() if offered(one, own_groups()))
            raise UnknownProfile(f"there is no profile {name!r}; there are: {there}")
        return codec.from_document(Profile, found)

    def check_use(self, profile: Profile) -> None:
        """ProfileForbidden where the caller may not choose it: a server that is there decides by itself."""
        if profile.hidden or profile.groups:
            check_use(profile, own_groups(), False, self._all())

    def _all(self) -> list[Profile]:
        documents = {DEFAULT.name: codec.to_document(DEFAULT), **self.profiles}
        return [codec.from_document(Profile, documents[name]) for name in sorted(documents)]


def look(config_path: str = "") -> Known:
    """The server of this configuration, else the system's, else one's own."""
    settings = _toml(f"{config_path}/portcall.toml") if config_path else {}
    directories = [str(settings.get("runtime_dir") or ""), os.environ.get("PORTCALL_RUNTIME_DIR") or ""]
    directories = [one for one in directories if one] or [SYSTEM, places.base_directory()]
    profiles = (
        {name: _profile(name, table) for name, table in _toml(f"{config_path}/profiles.toml").items()}
        if config_path
        else {}
    )
    for directory in directories:
        document = _public(directory)
        if document is not None:
            theirs = document.get("profiles", {})
            known = {**theirs, **{name: {**mine, **_scripts(theirs.get(name))} for name, mine in profiles.items()}}
            return Known([str(document.get("socket") or f"{directory}/server.sock")], document, known)
    return Known([f"{directory}/server.sock" for directory in directories], {}, profiles)


def own_groups() -> list[str]:
    """Names of the groups that the caller is in."""
    found = []
    for gid in {os.getgid(), *os.getgroups()}:
        with contextlib.suppress(KeyError):  # a group without a name
            found.append(grp.getgrgid(gid).gr_name)
    return found


def check_geometry(profile: Profile, geometry: str) -> None:
    """InvalidValue where the profile allows less."""
    if geometry == ROOTLESS or not profile.maximum_geometry:
        return
    (width, height), (most_width, most_height) = parse_geometry(geometry), parse_geometry(profile.maximum_geometry)
    if width > most_width or height > most_height:
        raise InvalidValue(
            f"geometry {geometry}: the profile {profile.name} allows {profile.maximum_geometry}", field="geometry"
        )


def check_seats(limits: dict[str, Any], base: str) -> None:
    """SeatsTaken by the last known limits. Own sessions are counted by directories, others' by processes."""
    uid = os.getuid()
    counts = sessions_by_uid()
    own = sum(1 for name in places.names(base) if places.held(base, name))
    counts[uid] = max(own, counts.get(uid, 0))
    _refuse(sum(counts.values()), limits.get("seatsTotal"), "on this server")
    _refuse(counts[uid], limits.get("seatsUser"), "for each user")
    name = pwd.getpwuid(uid).pw_name
    for group, limit in (limits.get("seatsGroups") or {}).items():
        members = _members(group)
        if name in members:
            used = sum(count for one, count in counts.items() if _name(one) in members)
            _refuse(used, limit, f"for the group {group}")


def sessions_by_uid() -> dict[int, int]:
    """Session daemons on this host, by user."""
    counts: dict[int, int] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            status = processes.stat(int(entry))
            # one that has ended may wait long for an init that does not care
            if status is None or status.name != processes.SESSION_NAME or status.state in "ZX":
                continue
            with contextlib.suppress(OSError):
                uid = os.stat(f"/proc/{entry}").st_uid
                counts[uid] = counts.get(uid, 0) + 1
    return counts


def _refuse(used: int, limit: Any, what: str) -> None:
    if isinstance(limit, int) and limit > 0 and used >= limit:
        raise SeatsTaken(f"all {limit} sessions {what} are taken; end one first")


def _members(group: str) -> set[str]:
    try:
        entry = grp.getgrnam(group)
    except KeyError:
        return set()
    return {*entry.gr_mem, *(one.pw_name for one in pwd.getpwall() if one.pw_gid == entry.gr_gid)}


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""


def _public(directory: str) -> dict[str, Any] | None:
    """Only from a directory of root, of oneself, or that root made: nobody else may tell us where to connect."""
    try:
        owner, parent = os.stat(directory).st_uid, os.stat(os.path.dirname(directory) or "/")
        if owner not in (0, os.getuid()) and (parent.st_uid != 0 or parent.st_mode & 0o022):
            return None
        with open(f"{directory}/public.json") as file:
            document = json.load(file)
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def _toml(path: str) -> dict[str, Any]:
    try:
        import tomllib
    except ImportError:  # before Python 3.11
        return {}
    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise InvalidValue(f"{path}: {error}", field="config_path") from error


def _scripts(theirs: Any) -> dict[str, str]:
    """The event scripts of a server's own profile, which hold for sessions on its host."""
    names = [f"on{event.title()}" for event in SCRIPTS]
    return {name: theirs.get(name, "") for name in names} if theirs else {}


def _profile(name: str, table: Any) -> dict[str, Any]:
    if not isinstance(table, dict):
        raise InvalidValue(f"profiles.toml: {name} is not a table", field="config_path")
    return {**codec.to_document(DEFAULT), **{codec.camel(key): value for key, value in table.items()}, "name": name}
