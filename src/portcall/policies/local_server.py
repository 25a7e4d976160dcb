"""Local Server: the server that the user is connected to, if it is one to choose from."""

from __future__ import annotations

from portcall.policies.base import Policy, Question, Verdict


class LocalServer(Policy):
    name = "local_server"
    title = "Local Server"
    help = "The server that the user is connected to, if it is one to choose from."
    javascript = """\
function(input) {
  const local = input.servers.find(server => server.serverId === input.local.serverId);
  return local && local.serverId;
}
"""

    def decide(self, question: Question) -> Verdict:
        local = (question.input.get("local") or {}).get("serverId")
        return Verdict(question.if_candidate(local), "is the local server")


IMPLEMENTATION = LocalServer
