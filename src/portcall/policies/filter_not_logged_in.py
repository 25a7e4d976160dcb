"""Filter not logged in servers: leaves out the servers on which the user is not logged in."""

from __future__ import annotations

from portcall.policies.base import Policy, Question, Verdict, keep


class FilterNotLoggedIn(Policy):
    name = "filter_not_logged_in"
    title = "Filter not logged in servers"
    help = "Leaves out the servers on which the user is not logged in."
    javascript = """\
function(input) {
  const login = input.user.login || input.user.sub;
  return input.servers.filter(server => (server.loggedInUsers || []).includes(login));
}
"""

    def decide(self, question: Question) -> Verdict:
        users = question.column("loggedInUsers")
        there = [bool(question.login) and question.login in (names or ()) for names in users]
        return keep(question, there.__getitem__, "the user is logged in there", there)


IMPLEMENTATION = FilterNotLoggedIn
