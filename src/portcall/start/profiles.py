"""Profiles: the shipped default, and those that administrators wrote."""

from __future__ import annotations

from portcall.cluster.collection import Collection
from portcall.errors import UnknownProfile
from portcall.model.profile import DEFAULT, Profile


class Profiles:
    """A profile named ``default`` always exists; an administrator's takes the place of the shipped one."""

    def __init__(self, collection: Collection[Profile]) -> None:
        self._collection = collection

    def get(self, name: str) -> Profile:
        profile = self.find(name or DEFAULT.name)
        if profile is None:
            there = ", ".join(profile.name for profile in self.all())
            raise UnknownProfile(f"there is no profile {name!r}; there are: {there}", field="profile")
        return profile

    def find(self, name: str) -> Profile | None:
        return self._collection.find(name) or (DEFAULT if name == DEFAULT.name else None)

    def of(self, name: str) -> Profile:
        """For a session that lives: the default, where its profile was removed meanwhile."""
        return self.find(name) or self.get(DEFAULT.name)

    def all(self) -> list[Profile]:
        written = self._collection.values()
        return written if any(item.name == DEFAULT.name for item in written) else [DEFAULT, *written]
