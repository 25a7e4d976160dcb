"""Get GPU: only servers whose static data has gpu."""

from __future__ import annotations

from portcall.policies.base import Policy, Question, Verdict, having, keep


class GetGpu(Policy):
    name = "get_gpu"
    title = "Get GPU"
    help = "Only servers whose static data has gpu."
    javascript = """\
function(input) {
  return input.servers.filter(server => {
    const gpu = server.staticData && server.staticData.gpu;
    return gpu && gpu !== "false";
  });
}
"""

    def decide(self, question: Question) -> Verdict:
        gpu = having(question.column("staticData.gpu"))
        return keep(question, gpu.__getitem__, "static data has gpu", gpu)


IMPLEMENTATION = GetGpu
