"""Random Server: any server, by chance."""

from __future__ import annotations

from portcall.model.function import Continue
from portcall.policies.base import Policy, Question, Verdict


class RandomServer(Policy):
    name = "random_server"
    title = "Random Server"
    help = "Any server, by chance."
    javascript = """\
function(input) {
  const server = input.servers[Math.floor(Math.random() * input.servers.length)];
  return server && server.serverId;
}
"""

    def decide(self, question: Question) -> Verdict:
        if not question.candidates:
            return Verdict(Continue(), "chosen by chance")
        return Verdict(question.any_of(question.candidates), "chosen by chance")


IMPLEMENTATION = RandomServer
