"""Profiles: the shipped default, and those that administrators wrote; which of them a person may choose."""

from __future__ import annotations

from portcall.cluster.collection import Collection
from portcall.errors import UnknownProfile
from portcall.model.profile import DEFAULT, Groups, Profile, check_use, offered


class Profiles:
    """A profile named ``default`` always exists; an administrator's takes the place of the shipped one."""

    def __init__(self, collection: Collection[Profile]) -> None:
        self._collection = collection

    def get(self, name: str, groups: Groups = None) -> Profile:
        """UnknownProfile names those that who is in ``groups`` may choose."""
        profile = self.find(name or DEFAULT.name)
        if profile is None:
            there = ", ".join(profile.name for profile in self.offered(groups))
            raise UnknownProfile(f"there is no profile {name!r}; there are: {there}", field="profile")
        return profile

    def use(self, name: str, groups: Groups, given: bool = False) -> Profile:
        """For a start; ``given``: by a bookmark or an administrators' function. ProfileForbidden says why not."""
        profile = self.get(name, groups)
        check_use(profile, groups, given, self.all())
        return profile

    def find(self, name: str) -> Profile | None:
        return self._collection.find(name) or (DEFAULT if name == DEFAULT.name else None)

    def of(self, name: str) -> Profile:
        """For a session that lives: the default, where its profile was removed meanwhile."""
        return self.find(name) or self.get(DEFAULT.name)

    def all(self) -> list[Profile]:
        written = self._collection.values()
        return written if any(item.name == DEFAULT.name for item in written) else [DEFAULT, *written]

    def offered(self, groups: Groups) -> list[Profile]:
        """Those that who is in these groups may choose."""
        return [profile for profile in self.all() if offered(profile, groups)]
