"""User's Logged In Server: the server that the user logged in on, if it is one to choose from."""

from __future__ import annotations

from portcall.policies.base import Policy, Question, Verdict


class LoggedIn(Policy):
    name = "logged_in"
    title = "User's Logged In Server"
    help = "The server that the user logged in on, if it is one to choose from."
    javascript = """\
function(input) {
  const server = input.servers.find(server => server.serverId === input.user.serverId);
  return server && server.serverId;
}
"""

    def decide(self, question: Question) -> Verdict:
        server = (question.input.get("user") or {}).get("serverId")
        return Verdict(question.if_candidate(server), "is the one that the user logged in on")


IMPLEMENTATION = LoggedIn
