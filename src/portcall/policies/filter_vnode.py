"""Filter Vnode servers: only servers whose static data has vnode."""

from __future__ import annotations

from portcall.policies.base import Policy, Question, Verdict, having, keep


class FilterVnode(Policy):
    name = "filter_vnode"
    title = "Filter Vnode servers"
    help = "Only servers whose static data has vnode."
    javascript = """\
function(input) {
  return input.servers.filter(server => {
    const vnode = server.staticData && server.staticData.vnode;
    return vnode && vnode !== "false";
  });
}
"""

    def decide(self, question: Question) -> Verdict:
        vnode = having(question.column("staticData.vnode"))
        return keep(question, vnode.__getitem__, "static data has vnode", vnode)


IMPLEMENTATION = FilterVnode
