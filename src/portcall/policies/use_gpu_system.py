"""Use GPU System: the server with a GPU and the fewest sessions; refuses when there is none."""

from __future__ import annotations

from dataclasses import replace

from portcall.errors import FunctionThrew
from portcall.model.function import Continue
from portcall.policies.base import Policy, Question, Verdict, having, least, load


class UseGpuSystem(Policy):
    name = "use_gpu_system"
    title = "Use GPU System"
    help = "The server with the fewest sessions of those whose static data has gpu; refuses when there is none."
    javascript = """\
function(input) {
  let best = null;
  for (const server of input.servers) {
    if (!server.staticData || !server.staticData.gpu || server.staticData.gpu === "false") continue;
    const load = (server.sessions || 0) + (server.pending || 0);
    if (!best || load < best.load) best = { id: server.serverId, load: load };
  }
  if (!best) throw "No GPU server is available.";
  return best.id;
}
"""

    def decide(self, question: Question) -> Verdict:
        gpu, sessions = having(question.column("staticData.gpu")), load(question)
        chosen = least(replace(question, candidates=[slot for slot in question.candidates if gpu[slot]]), sessions,
                       "static data has gpu, fewest sessions")  # fmt: skip
        if isinstance(chosen.outcome, Continue):
            raise FunctionThrew("No GPU server is available.", function=self.title)
        return replace(chosen, figures=[count if has else "no gpu" for has, count in zip(gpu, sessions, strict=True)])


IMPLEMENTATION = UseGpuSystem
