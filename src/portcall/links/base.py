"""The contract of a way to get a link running as a user."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from portcall.model.user import Account

Ask = Callable[[Any], Awaitable[list[str]]]  # authenticators.base.Round → answers


@dataclass(frozen=True)
class LinkPlan:
    """``command`` is the link's own argv; it holds no secret. ``connection``: see authenticators.base.Proof."""

    account: Account
    command: tuple[str, ...]
    ask: Ask | None = None
    connection: Any = None


class LinkKind(ABC):
    """``start`` returns once the process was started; that a link has registered is seen elsewhere."""

    name: str

    @abstractmethod
    def unavailable(self, account: Account) -> str:
        """Why this way cannot be taken for this account (a sentence that can be shown), or empty."""

    @abstractmethod
    async def start(self, plan: LinkPlan) -> None:
        """Start the link so that it outlives the server. NoLink with what the command said where it failed."""
