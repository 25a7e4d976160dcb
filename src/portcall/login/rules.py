"""Permissions that were changed on their page: kept in the store, unless a file decides."""

from __future__ import annotations

from portcall.errors import SettingRefused
from portcall.login.permissions import Permissions, Rules, rules_of
from portcall.stores.base import Store

BUCKET, KEY = "permissions", "rules"


class StoredRules:
    """``revision`` 0: nobody has written any yet."""

    def __init__(self, permissions: Permissions, store: Store) -> None:
        self._permissions = permissions
        self._store = store
        self.revision = 0

    async def open(self) -> None:
        entry = await self._store.get(BUCKET, KEY)
        if entry is not None and entry.value:
            self.revision = entry.revision
            self._permissions.use(rules_of(entry.value))

    async def change(self, rules: Rules, revision: int | None) -> None:
        """In force at once. RevisionConflict where somebody else was faster."""
        if self._permissions.fixed is not None:
            raise SettingRefused(f"{self._permissions.fixed} says who may do what; change it there")
        document = {
            "default": rules.default, "users": rules.users, "groups": rules.groups, "boxes": sorted(rules.boxes),
        }  # fmt: skip
        self.revision = await self._store.put(BUCKET, KEY, document, revision)
        self._permissions.use(rules)
