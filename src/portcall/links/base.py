"""The contract of a way to get a link running as a user."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from portcall.model.user import Account

Ask = Callable[[Any], Awaitable[list[str]]]  # authenticators.base.Round → answers


@dataclass(frozen=True)
class LinkPlan:
    """``command`` is the link's own argv; it holds no secret. ``connection``: see authenticators.base.Proof."""

    account: Account
    command: tuple[str, ...]
    ask: Ask | None = None
    connection: Any = None


class Settings(Protocol):
    """What an implementation is given of the configuration: ``portcall.config.Config``."""

    def __getitem__(self, name: str) -> Any: ...


class LinkKind(ABC):
    """Made with ``(settings)``. ``start`` returns once the process was started; that a link has registered is seen
    elsewhere, and may be before ``start`` returns: it stays for a moment to see whether the command fails.

    A link that has registered has pointed its standard streams to /dev/null.
    """

    name: str

    @abstractmethod
    def unavailable(self, account: Account) -> str:
        """Why this way cannot be taken for this account (a sentence that can be shown), or empty."""

    @abstractmethod
    async def start(self, plan: LinkPlan) -> None:
        """Start the link so that it outlives the server. NoLink with what the command said where it failed."""
