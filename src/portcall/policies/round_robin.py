"""Round Robin: the servers in turn: the one on which a session was last placed the longest ago."""

from __future__ import annotations

from portcall.model.function import Chosen, Continue
from portcall.policies.base import Policy, Question, Verdict


class RoundRobin(Policy):
    name = "round_robin"
    title = "Round Robin"
    help = "The servers in turn: the one on which a session was last placed the longest ago."
    javascript = """\
function(input) {
  let next = null;
  for (const server of input.servers) {
    const mine = server.lastPlaced || 0, other = next && (next.lastPlaced || 0);
    if (!next || mine < other || (mine === other && server.serverId < next.serverId)) next = server;
  }
  return next && next.serverId;
}
"""

    def decide(self, question: Question) -> Verdict:
        placed = [moment or 0.0 for moment in question.column("lastPlaced")]
        if not question.candidates:
            return Verdict(Continue(), "its turn")
        first = min(question.candidates, key=lambda slot: (placed[slot], question.roster.ids[slot]))
        return Verdict(Chosen(question.roster.ids[first]), "its turn", placed)


IMPLEMENTATION = RoundRobin
