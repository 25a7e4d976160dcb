"""Most Free Memory: the server with the most free memory."""

from __future__ import annotations

from dataclasses import replace

from portcall.policies.base import Policy, Question, Verdict, least


class MostFreeMemory(Policy):
    name = "most_free_memory"
    title = "Most Free Memory"
    help = "The server with the most free memory."
    javascript = """\
function(input) {
  let best = null;
  for (const server of input.servers) {
    if (!best || (server.freemem || 0) > (best.freemem || 0)) best = server;
  }
  return best && best.serverId;
}
"""

    def decide(self, question: Question) -> Verdict:
        figures = [None if free is None else -free for free in question.column("freemem")]
        verdict = least(question, figures, "most free memory")
        return replace(verdict, figures=list(question.column("freemem")))


IMPLEMENTATION = MostFreeMemory
