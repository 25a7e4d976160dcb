"""A link for the server's own user: started as any other program."""

from __future__ import annotations

import os

from portcall.links import _process
from portcall.links.base import LinkKind, LinkPlan, Settings
from portcall.model.user import Account


class SameUser(LinkKind):
    name = "same_user"

    def __init__(self, settings: Settings) -> None:
        pass

    def unavailable(self, account: Account) -> str:
        return "" if account.uid == os.geteuid() else "the server runs as somebody else"

    async def start(self, plan: LinkPlan) -> None:
        kept = {name: value for name, value in os.environ.items() if name.startswith(("LC_", "XDG_")) or name == "TZ"}
        await _process.start(plan.command, {**kept, **_process.login_environment(plan.account)})


IMPLEMENTATION = SameUser
