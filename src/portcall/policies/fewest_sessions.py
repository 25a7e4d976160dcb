"""Fewest Sessions: the server with the fewest sessions; of several, any."""

from __future__ import annotations

from portcall.policies.base import Policy, Question, Verdict, least, load


class FewestSessions(Policy):
    name = "fewest_sessions"
    title = "Fewest Sessions"
    help = "The server with the fewest sessions; of several, any."
    javascript = """\
function(input) {
  let best = [], least = Infinity;
  for (const server of input.servers) {
    const load = (server.sessions || 0) + (server.pending || 0);
    if (load < least) { least = load; best = []; }
    if (load === least) best.push(server.serverId);
  }
  return best[Math.floor(Math.random() * best.length)];
}
"""

    def decide(self, question: Question) -> Verdict:
        return least(question, load(question), "fewest sessions")


IMPLEMENTATION = FewestSessions
