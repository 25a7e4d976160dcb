"""B7 for starts: the chain as the administrator ordered it, run over the server list, written to the trace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from portcall.cluster import query
from portcall.cluster.balance import Balance
from portcall.cluster.chain import Decision
from portcall.cluster.placed import Placed
from portcall.errors import PortcallError, UnknownPlugin
from portcall.model import lifecycle
from portcall.model.administered import FUNCTION_STEP, LOGIN, START, FunctionDocument
from portcall.model.event import SESSION, SESSION_GONE, Event
from portcall.model.function import BY_NAME
from portcall.model.start import StartRequest
from portcall.policies.base import Passed, Policy
from portcall.start.documents import Documents
from portcall.start.functions import Functions, source, tell
from portcall.start.people import Person
from portcall.start.recorded import Recorded
from portcall.start.start_data import start_data
from portcall.start.trace import Trace

_ACTIONS = {"login": "user/login", "start": "session/start"}
MakePolicy = Callable[..., Policy]


class Placement:
    """``policy(name)`` gives the class of a shipped policy; ``local`` is this server's id."""

    def __init__(
        self, balance: Balance, documents: Documents, functions: Functions, recorded: Recorded, local: str,
        policy: Callable[[str], MakePolicy], names: Callable[[], list[str]],
    ) -> None:  # fmt: skip
        self._balance = balance
        self._documents = documents
        self._functions = functions
        self._recorded = recorded
        self._local = local
        self._policy = policy
        self._names = names
        self._shipped: dict[str, Policy] = {}  # kept, since a round robin remembers

    async def choose(self, request: StartRequest, person: Person, session_id: str, trace: Trace) -> str:
        """The server's id. Each server is in the trace with the rule and figure that kept or dropped it."""
        given = {
            "user": person.document(), **person.standing(), "local": {"serverId": self._local},
            "data": start_data(request),
        }  # fmt: skip
        self._recorded.add("start-balance", lambda: {"action": _ACTIONS[START], **given}, trace.id)
        decision = await self._run(START, given, session_id, None)
        document = decision.document()
        result = decision.server_id or "no server"
        detail = "; ".join(f"{step['name']}: {step['result']}" for step in document["steps"] if step["name"])
        trace.step("load balancing", result, detail, servers=document["servers"], more={
            "seed": decision.seed, "chain": document["steps"], "dropped": document["dropped"],
        })  # fmt: skip
        if decision.error is not None:
            raise decision.error
        return decision.server_id

    async def login(self, user: dict[str, Any], standing: dict[str, Any], data: dict[str, Any]) -> str:
        """The server for a login that nobody has checked yet; what the chain throws is for the person to read."""
        given = {"user": user, **standing, "local": {"serverId": self._local}, "data": data}
        self._recorded.add("login-balance", lambda: {"action": _ACTIONS[LOGIN], **given}, str(user["login"]))
        decision = await self._run(LOGIN, given, "", None)
        if decision.error is not None:
            raise decision.error
        return decision.server_id

    async def preview(
        self, name: str, given: dict[str, Any], seed: int, instead: FunctionDocument | None = None
    ) -> dict[str, Any]:
        """What the whole chain would choose; nothing is placed. ``instead``: in place of the function of its id."""
        try:
            given = {key: value for key, value in given.items() if key not in ("action", "servers")}
            decision = await self._run(name, given, "", seed, instead)
        except PortcallError as error:
            return {"chosen": None, "error": str(error), "servers": [], "steps": []}
        document = decision.document()
        return {"chosen": decision.server_id or None, **document}

    def shipped(self) -> list[dict[str, Any]]:
        """The shipped policies, with the same in JavaScript for those who want to change one."""
        found = [self._policy(name) for name in self._names() if name != "function"]
        rows = [
            {"name": cls.name, "title": cls.title, "help": cls.help, "source": cls.javascript}  # type: ignore[attr-defined]
            for cls in found
        ]
        return sorted(rows, key=lambda row: str(row["title"]))

    async def _run(
        self, name: str, given: dict[str, Any], session_id: str, seed: int | None,
        instead: FunctionDocument | None = None,
    ) -> Decision:  # fmt: skip
        chain = self._documents.chain(name)
        prefilter = query.Prefilter(chain.prefilter) if chain.prefilter else None
        try:
            steps = [self._step(item, instead) for item in chain.steps]
        except UnknownPlugin as error:
            raise UnknownPlugin(
                f"{error} (This is a step of the chain {name}: an administrator must mend it.)"
            ) from error
        decision = await self._balance.choose(steps, _ACTIONS[name], given, session_id, seed, prefilter)
        if seed is None:  # not a preview
            for step in decision.steps:
                tell(step.name, step.log, **({"start": session_id} if session_id else {"action": _ACTIONS[name]}))
        return decision

    def _step(self, step: str, instead: FunctionDocument | None) -> Policy:
        if not step.startswith(FUNCTION_STEP):
            if step not in self._shipped:
                self._shipped[step] = self._policy(step)()
            return self._shipped[step]
        document = self._documents.functions.find(step[len(FUNCTION_STEP) :])
        if document is not None and instead is not None and instead.id == document.id:
            document = instead
        if document is None or not document.enabled:
            why = "it is switched off" if document is not None else "there is no such function"
            return Passed(document.name if document is not None else step, f"passed over: {why}")
        return self._policy("function")(
            self._functions.engine(document.engine), source(document), BY_NAME[document.kind]
        )


def follow(placed: Placed) -> Callable[[Event], None]:
    """Tells ``placed`` what became of the sessions that it counts."""

    def happened(event: Event) -> None:
        if event.kind == SESSION_GONE:
            placed.gone(event.id)
        elif event.kind == SESSION:
            state = event.document["state"]
            if state == lifecycle.PENDING:
                placed.arrived(event.id)
            elif state in lifecycle.CONNECTABLE:
                placed.running(event.id)
            elif state == lifecycle.ENDED:
                placed.gone(event.id)

    return happened
