"""An administrator's function as a step of load balancing."""

from __future__ import annotations

from portcall.functions.base import Call, Engine, Source
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
        call = Call(self._kind, question.input, question.roster, question.picked, question.seed)
        result = await self._engine.run(self._source, call)
        return Verdict(read_result(self._kind, result.value), f"kept by {self.title}", None, result.log)


IMPLEMENTATION = Function
