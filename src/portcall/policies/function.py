"""An administrator's function as a step of load balancing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from portcall.errors import PortcallError
from portcall.functions.base import Call, Engine, Result, Source
from portcall.model.function import Kind, read_result
from portcall.policies.base import Policy, Question, Verdict


class Function(Policy):
    """``kind``: login-balance or start-balance."""

    name = "function"
    title = "Function"
    help = "A function of the administrator's."
    javascript = ""
    immediate = False

    def __init__(self, engine: Engine, source: Source, kind: Kind) -> None:
        self._engine = engine
        self._source = source
        self._kind = kind
        self.title = source.name

    def decide(self, question: Question) -> Verdict:
        raise NotImplementedError("a function is asked")

    async def ask(self, question: Question) -> Verdict:
        result = await self._engine.run(self._source, self._call(question))
        return self._verdict(result)

    async def ask_with(
        self, following: Sequence[Policy], question: Callable[[int], Question]
    ) -> list[Verdict | PortcallError]:
        together = [self]
        for policy in following:
            if not isinstance(policy, Function) or policy._engine is not self._engine:
                break
            together.append(policy)
        found: list[Verdict | PortcallError] = []
        calls = [(policy._source, policy._call(question(number))) for number, policy in enumerate(together)]
        for policy, result in zip(together, await self._engine.chain(calls), strict=False):
            try:
                found.append(result if isinstance(result, PortcallError) else policy._verdict(result))
            except PortcallError as error:
                found.append(error)
        return found

    def _call(self, question: Question) -> Call:
        return Call(self._kind, question.input, question.roster, question.picked, question.seed)

    def _verdict(self, result: Result) -> Verdict:
        outcome = read_result(self._kind, result.value)
        return Verdict(outcome, f"the function {self.title} keeps it", None, result.log, result.took)


IMPLEMENTATION = Function
