"""One end of a control connection, sans-I/O: bytes in, messages out; requests matched with replies.

The caller reads bytes (with descriptors) from its socket and feeds them; sends what ``outgoing`` gives; and is told by
``on_reply`` callbacks when an answer came. Works the same in asyncio and in a poll loop.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Tuple

from portcall.errors import PortcallError, ProtocolError, from_problem
from portcall.wire import framing, messages

MAX_UNCLAIMED = 64  # descriptors that came and no message speaks of yet

OnReply = Callable[[Dict[str, Any], List[int], Optional[PortcallError]], None]


class Channel:
    """A message says in ``fds`` how many descriptors travel with it; they arrive in the order of the messages."""

    def __init__(self) -> None:
        self._framer = framing.Framer()
        self._descriptors: List[int] = []
        self._waiting: Dict[int, OnReply] = {}
        self._seq = 0
        self._out: List[Tuple[bytes, List[int]]] = []

    def send(self, message: Any, descriptors: Optional[List[int]] = None) -> None:
        """Queue a message (with descriptors, which stay the caller's to close after they were sent)."""
        document = messages.to_wire(message)
        if descriptors:
            document["fds"] = len(descriptors)
        self._out.append((framing.encode(document), list(descriptors or ())))

    def request(self, make: Callable[[int], Any], on_reply: OnReply) -> int:
        """Queue the request that ``make(seq)`` gives; ``on_reply`` gets result, descriptors, error (or None)."""
        self._seq += 1
        self._waiting[self._seq] = on_reply
        self.send(make(self._seq))
        return self._seq

    def reply(self, seq: int, result: Optional[Dict[str, Any]] = None, descriptors: Optional[List[int]] = None) -> None:
        self.send(messages.Reply(seq, result or {}), descriptors)

    def refuse(self, seq: int, error: PortcallError) -> None:
        self.send(messages.Reply(seq, {}, error.problem()))

    def outgoing(self) -> List[Tuple[bytes, List[int]]]:
        """What to send now, in order; descriptors go with the first byte of their chunk."""
        out, self._out = self._out, []
        return out

    def feed(self, data: bytes, descriptors: Optional[List[int]] = None) -> List[Tuple[Any, List[int]]]:
        """Messages (replies excepted) with their descriptors, whose owner is now the caller.

        After a ProtocolError all descriptors are still here, for ``close`` to give.
        """
        self._descriptors += descriptors or []
        arrived: List[Tuple[Any, List[int]]] = []
        try:
            for document in self._framer.feed(data):
                message = messages.from_wire(document)
                if isinstance(message, messages.Reply):
                    self._answered(message, document.get("fds", 0))
                else:
                    arrived.append((message, self._take(document.get("fds", 0))))
            if len(self._descriptors) > MAX_UNCLAIMED:
                raise ProtocolError("descriptors that no message speaks of")
        except PortcallError:
            for _, taken in arrived:
                self._descriptors += taken
            raise
        return arrived

    def close(self, error: Optional[PortcallError] = None) -> List[int]:
        """Fail what still waits; returns descriptors nobody took, for the caller to close."""
        waiting, self._waiting = self._waiting, {}
        for on_reply in waiting.values():
            on_reply({}, [], error or ProtocolError("the connection was closed"))
        left, self._descriptors = self._descriptors, []
        return left

    def _take(self, count: Any) -> List[int]:
        if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= len(self._descriptors):
            raise ProtocolError("a message without the descriptors that it speaks of")
        taken, self._descriptors = self._descriptors[:count], self._descriptors[count:]
        return taken

    def _answered(self, reply: messages.Reply, count: Any) -> None:
        on_reply = self._waiting.pop(reply.seq, None)
        if on_reply is None:
            raise ProtocolError(f"a reply to a request that was not made: {reply.seq}")
        on_reply(reply.result, self._take(count), from_problem(reply.error) if reply.error else None)
