"""Load balancing: runs a chain of policies and functions over the server list, and counts what it placed."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from typing import Any

from portcall.cluster.chain import Chain, Decision
from portcall.cluster.placed import Placed
from portcall.errors import PortcallError
from portcall.model.roster import Roster
from portcall.policies.base import Policy, Question, Verdict

Prefilter = Callable[[Any], bool] | None
_64 = (1 << 64) - 1


class Balance:
    """``choose`` decides and places; servers' records and the rest of a start are told to ``placed``.

    One decision is made at a time where a chain waits for something, so that each sees what the one before it placed.
    """

    def __init__(self, placed: Placed, roster: Roster, random_: random.Random | None = None) -> None:
        self.placed = placed
        self.roster = roster
        self._random = random_ or random.SystemRandom()
        self._turn = asyncio.Lock()

    async def choose(
        self, chain: Sequence[Policy], action: str, input_: dict[str, Any], session_id: str = "",
        seed: int | None = None, prefilter: Prefilter = None,
    ) -> Decision:  # fmt: skip
        """The decision, with its error if there is one. The session counts for its server from now on.

        ``input_`` is what functions are given, without ``action`` and ``servers``. The same seed, servers and chain
        give the same decision.
        """
        if all(policy.immediate for policy in chain):
            return self.choose_now(chain, action, input_, session_id, seed, prefilter)
        async with self._turn:
            going = self._begin(action, input_, seed, prefilter)
            given = {"action": action, **input_}
            number = 0
            while number < len(chain) and not going.over:
                number += await self._ask(going, chain[number:], number, given)
            return self._end(going, session_id)

    async def _ask(self, going: Chain, chain: Sequence[Policy], number: int, given: dict[str, Any]) -> int:
        """How many steps were made."""
        began = time.perf_counter()
        said: Sequence[Verdict | PortcallError]
        try:
            said = await chain[0].ask_with(chain[1:], lambda ahead: self._question(going, given, number + ahead))
        except PortcallError as error:
            said = [error]
        for policy, verdict in zip(chain, said, strict=False):
            if going.over:
                break
            took = time.perf_counter() - began
            if isinstance(verdict, PortcallError):
                going.threw(policy.title, verdict, took)
            else:
                going.apply(policy.title, verdict, took if verdict.took is None else verdict.took)
        return len(said)

    def choose_now(
        self, chain: Sequence[Policy], action: str, input_: dict[str, Any], session_id: str = "",
        seed: int | None = None, prefilter: Prefilter = None,
    ) -> Decision:  # fmt: skip
        """The same for a chain of shipped policies alone, which wait for nothing."""
        going = self._begin(action, input_, seed, prefilter)
        given = {"action": action, **input_}
        for number, policy in enumerate(chain):
            if going.over:
                break
            began = time.perf_counter()
            try:
                verdict = policy.decide(self._question(going, given, number))
            except PortcallError as error:
                going.threw(policy.title, error, time.perf_counter() - began)
            else:
                going.apply(policy.title, verdict, time.perf_counter() - began)
        return self._end(going, session_id)

    def _begin(self, action: str, input_: dict[str, Any], seed: int | None, prefilter: Prefilter) -> Chain:
        wished = Question(input_, self.roster, ()).params.get("serverId")
        return Chain(self.roster, action, self._random.getrandbits(31) if seed is None else seed, prefilter, wished)

    def _question(self, going: Chain, given: dict[str, Any], number: int) -> Question:
        return Question(given, self.roster, going.candidates, _seed(going.decision.seed, number), going.picked)

    def _end(self, going: Chain, session_id: str) -> Decision:
        if not going.over:
            going.exhausted()
        if going.decision.server_id and session_id:
            self.placed.place(session_id, going.decision.server_id)
        return going.decision


def _seed(seed: int, number: int) -> int:
    """A seed of its own for each step, from the decision's: as splitmix64 does it, since Random takes longer to begin
    than a short function to run."""
    mixed = (seed + (number + 1) * 0x9E3779B97F4A7C15) & _64
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & _64
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & _64
    return mixed >> 33
