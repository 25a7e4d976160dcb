"""Find Logged in: the server on which the user is logged in already; of several, the one with the fewest sessions."""

from __future__ import annotations

from dataclasses import replace

from portcall.policies.base import Policy, Question, Verdict, least, load


class FindLoggedIn(Policy):
    name = "find_logged_in"
    title = "Find Logged in"
    help = "The server on which the user is logged in already; of several, the one with the fewest sessions."
    javascript = """\
function(input) {
  const login = input.user.login || input.user.sub;
  const mine = input.servers.filter(server => (server.loggedInUsers || []).includes(login));
  mine.sort((a, b) => a.sessions + a.pending - b.sessions - b.pending);
  return mine.length ? mine[0].serverId : null;
}
"""

    def decide(self, question: Question) -> Verdict:
        users = question.column("loggedInUsers")
        mine = [slot for slot in question.candidates if question.login and question.login in (users[slot] or ())]
        found = least(replace(question, candidates=mine), load(question), "the user is logged in there")
        return replace(found, figures=[question.login in (names or ()) for names in users])


IMPLEMENTATION = FindLoggedIn
