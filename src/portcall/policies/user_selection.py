"""User Selection: the server that the user chose in the server form (params.serverId), if any was chosen."""

from __future__ import annotations

from portcall.model.function import Chosen, Continue
from portcall.policies.base import Policy, Question, Verdict


class UserSelection(Policy):
    name = "user_selection"
    title = "User Selection"
    help = "The server that the user chose in the server form (params.serverId), if any was chosen."
    javascript = """\
function(input) {
  return input.data.params && input.data.params.serverId;
}
"""

    def decide(self, question: Question) -> Verdict:
        chosen = question.params.get("serverId")
        return Verdict(Chosen(chosen) if isinstance(chosen, str) and chosen else Continue(), "chosen by the user")


IMPLEMENTATION = UserSelection
