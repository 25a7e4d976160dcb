"""Needs GPU: if the user asked for a GPU (params.gpu), only servers whose static data has gpu."""

from __future__ import annotations

from portcall.model.function import Continue, falsy
from portcall.policies.base import Policy, Question, Verdict, having, keep


class NeedsGpu(Policy):
    name = "needs_gpu"
    title = "Needs GPU"
    help = "If the user asked for a GPU (params.gpu), only servers whose static data has gpu."
    javascript = """\
function(input) {
  const wanted = input.data.params && input.data.params.gpu;
  if (!wanted || wanted === "false" || wanted === "no" || wanted === "0") return null;
  return input.servers.filter(server => {
    const gpu = server.staticData && server.staticData.gpu;
    return gpu && gpu !== "false";
  });
}
"""

    def decide(self, question: Question) -> Verdict:
        wanted = question.params.get("gpu")
        if falsy(wanted) or wanted in ("false", "no", "0"):
            return Verdict(Continue(), "no GPU was asked for")
        gpu = having(question.column("staticData.gpu"))
        return keep(question, gpu.__getitem__, "static data has gpu, as params.gpu asks", gpu)


IMPLEMENTATION = NeedsGpu
