"""The contract of an authenticator: a conversation that ends in a user's name or in LoginFailed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Prompt:
    """``echo`` False: a secret."""

    text: str
    echo: bool = False


@dataclass(frozen=True)
class Round:
    """What the person is asked at once; answered by as many strings. ``sign`` (base64) asks for a signature instead."""

    prompts: tuple[Prompt, ...] = ()
    title: str = ""
    instructions: str = ""
    sign: str = ""


Ask = Callable[[Round], Awaitable[list[str]]]


@dataclass(frozen=True)
class Proof:
    """Who it is. ``connection`` may be an open, authenticated connection on which a link can be started."""

    user: str
    method: str
    connection: Any = None


class Settings(Protocol):
    """What an implementation is given of the configuration: ``portcall.config.Config``."""

    one_person: bool
    directories: Any

    def __getitem__(self, name: str) -> Any: ...


class Authenticator(ABC):
    """Made with ``(settings, clock)``. One instance serves all logins. It holds no secret longer than the conversation.

    ``asks_user``, ``asks_password``: what a page asks for before the conversation begins.
    """

    name: str
    title: str
    asks_user: bool = True
    asks_password: bool = True

    @abstractmethod
    def unavailable(self) -> str:
        """Why this cannot be offered here (a sentence), or empty."""

    @abstractmethod
    async def authenticate(self, user: str, given: dict[str, Any], ask: Ask, address: str) -> Proof:
        """``given`` is what came with the first request (``password``, ``publicKey``, ``token``).

        Raises LoginFailed with the same words for an unknown user, a wrong password and a locked account. May be
        cancelled at any point, and then leaves nothing running.
        """
