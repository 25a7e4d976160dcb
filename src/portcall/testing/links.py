"""Links that do what their name says; each stands for a link process that has registered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from portcall.errors import PortcallError, ProtocolError, StartFailed
from portcall.model import codec, lifecycle
from portcall.model.start import StartOrder
from portcall.model.user import Account
from portcall.session.registry import Registry
from portcall.wire import messages


class LinkThatStarts:
    """Every session comes up at once. ``asked`` is all that the server asked for."""

    started_by = "server"

    def __init__(self, account: Account, registry: Registry) -> None:
        self.account = account
        self.asked: list[Any] = []
        self._registry = registry
        self._displays = 0

    async def request(self, make: Callable[[int], Any], timeout: float = 10.0) -> tuple[dict[str, Any], list[int]]:
        message = make(1)
        self.asked.append(message)
        if isinstance(message, messages.StartSession):
            await self.start(codec.from_document(StartOrder, message.order))
        return {"sessions": []}, []

    def send(self, message: Any) -> None:
        self.asked.append(message)

    async def start(self, order: StartOrder) -> None:
        self._displays += 1
        await self._registry.signal(order.id, lifecycle.READY, display=f":{self._displays}", started=1.0)

    @property
    def orders(self) -> list[StartOrder]:
        return [
            codec.from_document(StartOrder, item.order)
            for item in self.asked
            if isinstance(item, messages.StartSession)
        ]


class LinkThatTakesItsTime(LinkThatStarts):
    """Sessions come up when ``go`` is set."""

    def __init__(self, account: Account, registry: Registry) -> None:
        super().__init__(account, registry)
        self.go = asyncio.Event()
        self._coming: set[asyncio.Task[None]] = set()

    async def start(self, order: StartOrder) -> None:
        async def come_up() -> None:
            await self.go.wait()
            await super(LinkThatTakesItsTime, self).start(order)

        task = asyncio.get_running_loop().create_task(come_up())
        self._coming.add(task)
        task.add_done_callback(self._coming.discard)


class LinkThatNeverAnswers(LinkThatStarts):
    """It was asked, and nothing comes."""

    async def request(self, make: Callable[[int], Any], timeout: float = 10.0) -> tuple[dict[str, Any], list[int]]:
        self.asked.append(make(1))
        await asyncio.get_running_loop().create_future()
        raise AssertionError("nobody ends this wait but who began it")


class LinkThatRefuses(LinkThatStarts):
    """It cannot fork, or its disk is full."""

    def __init__(self, account: Account, registry: Registry, error: PortcallError | None = None) -> None:
        super().__init__(account, registry)
        self._error = error or StartFailed("No space left on device", log="cannot write session.json")

    async def start(self, order: StartOrder) -> None:
        raise self._error


class LinkThatDiesOverIt(LinkThatStarts):
    """It is killed when it has the order, before it has said anything; ``died`` is called."""

    def __init__(self, account: Account, registry: Registry, died: Callable[[Any], Any]) -> None:
        super().__init__(account, registry)
        self._died = died

    async def start(self, order: StartOrder) -> None:
        self._died(self)
        raise ProtocolError("the connection was closed")


class LinkWhoseSessionsDie(LinkThatStarts):
    """The display ends before it is alive, and says why."""

    async def start(self, order: StartOrder) -> None:
        await self._registry.signal(
            order.id, lifecycle.OVER, ended=1.0, reason="The display has ended with code 1.", cause="start-failed",
            message="(EE) no screens found",
        )  # fmt: skip


class LinkThatFailsAfterItsSessionCameUp(LinkThatStarts):
    """The session registered; then the launcher's answer was an error."""

    async def start(self, order: StartOrder) -> None:
        await super().start(order)
        raise StartFailed("The scheduler did not answer in time.")
