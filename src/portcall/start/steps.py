"""Steps B3 to B6 of a start: what administrators configure. Each writes to the trace, configured or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from portcall.config import Config
from portcall.errors import InvalidValue, UnknownPlugin
from portcall.jobs.launchers import Launchers
from portcall.model import codec
from portcall.model.form import Bookmark, Form
from portcall.model.function import Candidates, Changed, Launch, ShowForm, ShowServerList, Template
from portcall.model.start import StartRequest
from portcall.start import forms
from portcall.start.documents import Documents
from portcall.start.functions import NOTHING_FORESEEN, Foreseen, Functions
from portcall.start.people import Person
from portcall.start.recorded import Make
from portcall.start.start_data import changeable, differing, start_data
from portcall.start.template import fill
from portcall.start.trace import Trace

NOTHING = "nothing configured"
DIRECT, TEMPLATE = "direct", "template"


class Steps:
    """One instance for the server; nothing of a start is kept in it."""

    def __init__(self, config: Config, documents: Documents, functions: Functions, launchers: Launchers) -> None:
        self._config = config
        self._documents = documents
        self._functions = functions
        self._launchers = launchers

    def answer(self, request: StartRequest, bookmark: Bookmark | None) -> StartRequest:
        """The request with people's answers in the types that the forms give them; InvalidValue at the field."""
        return replace(request, params=forms.answer(self._forms(bookmark), request.params))

    async def foresee(
        self, request: StartRequest, bookmark: Bookmark | None, person: Person
    ) -> Mapping[str, Foreseen]:  # fmt: skip
        """What form filter, schedule and event say if each lets the start go on as it is, which most do."""
        launcher = request.launcher or self._launcher(bookmark)
        kind, make = self._event(request, launcher, person)
        return await self._functions.foresee(
            {
                "form-filter": lambda: self._form_filter(request, self._left(request, bookmark), person),
                **({} if request.launcher else {"schedule": lambda: self._schedule(request, person)}),
                kind: make,
            }
        )

    async def form(
        self, request: StartRequest, bookmark: Bookmark | None, person: Person, trace: Trace,
        foreseen: Mapping[str, Foreseen] = NOTHING_FORESEEN,
    ) -> dict[str, Any] | None:  # fmt: skip
        """B3 and B4: the form that is to be answered next, or None.

        What remains is derived from the bookmark's forms or the default ones, not from what the client says.
        """
        left = self._left(request, bookmark)
        outcome = await self._functions.first(
            "form-filter", lambda: self._form_filter(request, left, person), trace, foreseen=foreseen
        )
        if outcome is None:
            trace.step("form filter", f"form {left[0].name}" if left else NOTHING, given=request.params)
            shown = forms.document(left[0]) if left else None
        elif isinstance(outcome, ShowForm):
            shown = self._shown(outcome.form)
        else:
            shown = None
        if not isinstance(outcome, ShowServerList):
            trace.step("server list", NOTHING)
            return shown
        return await self._server_form(request, person, trace)

    async def schedule(
        self, request: StartRequest, bookmark: Bookmark | None, person: Person, trace: Trace,
        foreseen: Mapping[str, Foreseen] = NOTHING_FORESEEN,
    ) -> tuple[str, dict[str, Any]]:  # fmt: skip
        """B5: launcher and its options: the function's word, else the bookmark's launcher, else the global one; before
        all of them that of an administrator who tries one."""
        if request.launcher:
            trace.step("schedule", request.launcher, "tried by an administrator")
            return request.launcher, self.options(request.launcher, bookmark, request)
        outcome = await self._functions.first(
            "schedule", lambda: self._schedule(request, person), trace, foreseen=foreseen
        )
        if isinstance(outcome, Template):
            trace.step("schedule", TEMPLATE, outcome.text[:500])
            options = {"command": fill(outcome.text, start_data(request)), "template": outcome.text}
            self._launchers.get(TEMPLATE).check(options)
            return TEMPLATE, options
        if isinstance(outcome, Launch):
            trace.step("schedule", outcome.launcher)
            return outcome.launcher, self._launchers.options(outcome.launcher, request.params, outcome.options)
        launcher = self._launcher(bookmark)
        trace.step("schedule", launcher, NOTHING if outcome is None else "the function went on")
        try:
            return launcher, self.options(launcher, bookmark, request)
        except UnknownPlugin as error:
            own = bookmark is not None and bookmark.launcher
            where = f"the bookmark {bookmark.name}" if bookmark is not None and own else "the setting launcher"
            raise UnknownPlugin(f"{error} (This is set in {where}: an administrator must mend it.)") from error

    def options(self, launcher: str, bookmark: Bookmark | None, request: StartRequest) -> dict[str, Any]:
        """What it is asked for where no schedule function says it; a bookmark's are for the bookmark's own launcher."""
        chosen = bookmark.launcher_options if bookmark is not None and bookmark.launcher == launcher else {}
        return self._launchers.options(launcher, request.params, {**chosen, **request.launcher_options})

    async def event(
        self, request: StartRequest, launcher: str, person: Person, trace: Trace,
        foreseen: Mapping[str, Foreseen] = NOTHING_FORESEEN,
    ) -> StartRequest:  # fmt: skip
        """B6: exactly one of the Start and the Schedule event; may change the request or refuse it."""
        kind, make = self._event(request, launcher, person)
        outcome = await self._functions.first(kind, make, trace, foreseen=foreseen)
        if not isinstance(outcome, Changed):
            trace.step(kind.replace("-", " "), NOTHING if outcome is None else "unchanged")
            return request
        changed = codec.from_document(StartRequest, {**start_data(request), **changeable(outcome.data)})
        names = differing(start_data(request), start_data(changed))
        trace.step(kind.replace("-", " "), "changed" if names else "unchanged", ", ".join(names))
        return replace(
            changed, id=request.id, key=request.key, answered=request.answered, launcher=request.launcher,
            launcher_options=request.launcher_options,
        )  # fmt: skip

    async def _server_form(self, request: StartRequest, person: Person, trace: Trace) -> dict[str, Any] | None:
        if request.params.get("serverId"):
            trace.step("server list", "answered", str(request.params["serverId"]))
            return None
        outcome = await self._functions.first(
            "server-list",
            lambda: {"data": start_data(request), "user": person.document(), **person.standing()},
            trace,
        )
        roster = self._functions.roster
        if outcome is None:
            servers = [roster.document(slot) for slot in roster.slots()]
        elif isinstance(outcome, Candidates):
            servers = [roster.document(item) if isinstance(item, int) else item for item in outcome.servers]
        else:
            trace.step("server list", "no form")
            return None
        trace.step("server list", f"{len(servers)} servers")
        return forms.document(forms.server_list(servers)) if servers else None

    def _form_filter(self, request: StartRequest, left: list[Form], person: Person) -> dict[str, Any]:
        return {
            "data": start_data(request), "user": person.document(), **person.standing(),
            "forms": [_for_filter(form) for form in left],
        }  # fmt: skip

    def _schedule(self, request: StartRequest, person: Person) -> dict[str, Any]:
        return {"user": person.document(), "admin": person.is_admin, "start": start_data(request)}

    def _event(self, request: StartRequest, launcher: str, person: Person) -> tuple[str, Make]:
        kind, action = ("start-event", "start") if launcher == DIRECT else ("schedule-event", "schedule")
        return kind, lambda: {
            "action": f"session/start/{action}", "login": person.document(), "data": start_data(request),
        }  # fmt: skip

    def _launcher(self, bookmark: Bookmark | None) -> str:
        """The one of starts about which no schedule function says anything."""
        return (bookmark.launcher if bookmark is not None else "") or str(self._config["launcher"])

    def _left(self, request: StartRequest, bookmark: Bookmark | None) -> list[Form]:
        return forms.remaining(self._forms(bookmark), request.params, request.answered, request.notices)

    def _forms(self, bookmark: Bookmark | None) -> list[Form]:
        ids = bookmark.forms if bookmark is not None else list(self._config["default_forms"])
        return self._documents.forms_of(ids)

    def _shown(self, form: dict[str, Any]) -> dict[str, Any]:
        """The form that a filter returned: one of those it was given, or one of its own making; safe either way."""
        known = self._documents.forms.find(str(form.get("id", "")))
        html = form.get("html", known.html if known is not None else "")
        if not isinstance(html, str):
            raise InvalidValue("the form filter function returned a form without html", field="form")
        name = str(form.get("name") or (known.name if known is not None else "Form"))
        description = known.description if known is not None else ""
        return forms.document(Form(str(form.get("id") or "custom"), name, html, description))


def _for_filter(form: Form) -> dict[str, Any]:
    return {"id": form.id, "name": form.name, "html": form.html, "data": form.static_data}
