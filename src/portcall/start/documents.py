"""Administrators' documents: forms, bookmarks, functions, chains, profiles, static data; checked when written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from portcall.bus import Bus
from portcall.clock import Clock
from portcall.cluster import files, query
from portcall.cluster.collection import Collection
from portcall.errors import InvalidValue, PortcallError, UnknownPlugin
from portcall.model import function
from portcall.model.administered import (
    DEFAULT_CHAINS,
    ENGINES,
    FUNCTION_STEP,
    JAVASCRIPT,
    Chain,
    FunctionDocument,
    StaticData,
)
from portcall.model.form import Bookmark, Form
from portcall.model.profile import CLIPBOARD_MODES, DEFAULT, Profile, check_everybodys, scripts
from portcall.model.start import (
    MAX_SCRIPT,
    ROOTLESS,
    StartRequest,
    check,
    check_params,
    check_text,
    parse_geometry,
)
from portcall.start import forms
from portcall.stores.base import Store

DEFAULT_FORMS = "default-forms"


class Documents:
    """``compiles(function)`` raises FunctionInvalid, with line and column; ``policies`` are the shipped ones' names;
    ``launches(launcher, options)`` raises what is wrong with either."""

    def __init__(
        self, store: Store, bus: Bus, clock: Clock, directory: Path, server_id: str,
        compiles: Callable[[FunctionDocument], Awaitable[None]], policies: Callable[[], list[str]],
        launches: Callable[[str, dict[str, Any]], None],
    ) -> None:  # fmt: skip
        def collection(bucket: str, cls: type[Any], read: Any) -> Collection[Any]:
            return Collection(bucket, cls, store, bus, clock, read)

        self._compiles = compiles
        self._policies = policies
        self._launches = launches
        self.forms: Collection[Form] = collection("forms", Form, partial(files.forms, directory))
        self.bookmarks: Collection[Bookmark] = collection("bookmarks", Bookmark, partial(files.bookmarks, directory))
        self.functions: Collection[FunctionDocument] = collection(
            "functions", FunctionDocument, partial(files.functions, directory)
        )
        self.chains: Collection[Chain] = collection("chains", Chain, partial(files.chains, directory))
        self.profiles: Collection[Profile] = collection("profiles", Profile, partial(files.profiles, directory))
        self.static_data: Collection[StaticData] = collection(
            "static-data", StaticData, partial(files.static_data, directory, server_id)
        )
        self._checks: dict[str, Callable[[Any], Awaitable[None]]] = {
            "forms": self._check_form, "bookmarks": self._check_bookmark, "functions": self._check_function,
            "chains": self._check_chain, "profiles": self._check_profile, "static-data": self._check_static_data,
        }  # fmt: skip

    @property
    def collections(self) -> dict[str, Collection[Any]]:
        found = (self.forms, self.bookmarks, self.functions, self.chains, self.profiles, self.static_data)
        return {item.bucket: item for item in found}

    async def open(self) -> None:
        for item in self.collections.values():
            await item.open()

    def reload(self) -> list[PortcallError]:
        """Read the files again; what is wrong with them, by collection. What they said before stays in force there."""
        wrong: list[PortcallError] = []
        for item in self.collections.values():
            try:
                item.reload()
            except PortcallError as error:
                wrong.append(error)
        return wrong

    async def check(self, bucket: str, value: Any) -> None:
        """InvalidValue (FunctionInvalid for code) where the document cannot be right."""
        await self._checks[bucket](value)

    async def faults(self) -> list[str]:
        """What cannot be right in documents of files, one by one and with one another: file, line and sentence."""
        found: list[str] = []
        for bucket, item in self.collections.items():
            for document_id, kept in item.all().items():
                if kept.fixed is None:
                    continue
                try:
                    await self._checks[bucket](kept.value)
                except PortcallError as error:
                    member = str(error.extra.get("field", ""))
                    place = files.where(Path(kept.fixed), document_id, member)
                    line = f":{error.extra['line']}" if "line" in error.extra else ""
                    found.append(f"{place}{line}: [{document_id}] {error}")
        return found

    # what a start asks for

    def chain(self, name: str) -> Chain:
        return self.chains.find(name) or DEFAULT_CHAINS[name]

    def enabled(self, kind: str) -> list[FunctionDocument]:
        """The enabled functions of a kind, in their order."""
        found = [item for item in self.functions.values() if item.kind == kind and item.enabled]
        return sorted(found, key=lambda item: (item.position, item.id))

    def bookmark(self, bookmark_id: str) -> Bookmark:
        found = self.bookmarks.find(bookmark_id)
        if found is None:
            raise InvalidValue(f"there is no bookmark {bookmark_id!r}", field="bookmarkId")
        return found

    def forms_of(self, ids: list[str]) -> list[Form]:
        """A form that was removed meanwhile is not asked."""
        return [form for form in map(self.forms.find, ids) if form is not None]

    def lacking(self, ids: list[str]) -> str:
        """Says which of these forms there are not; empty where all are."""
        return "; ".join(f"there is no form {form_id!r}" for form_id in ids if self.forms.find(form_id) is None)

    # checks

    async def _check_form(self, form: Form) -> None:
        _named(form.name)
        forms.sanitise(form.html)
        check_params(form.static_data)

    async def _check_bookmark(self, bookmark: Bookmark) -> None:
        _named(bookmark.name)
        check(StartRequest(bookmark.command, bookmark.geometry, bookmark.name, bookmark.params,
                           keyboard_layout=bookmark.keyboard_layout or "us"))  # fmt: skip
        for form_id in bookmark.forms:
            if self.forms.find(form_id) is None:
                raise InvalidValue(f"forms: there is no form {form_id!r}", field="forms")
        if bookmark.profile not in ("", DEFAULT.name) and self.profiles.find(bookmark.profile) is None:
            raise InvalidValue(f"profile: there is no profile {bookmark.profile!r}", field="profile")
        if bookmark.launcher:
            try:
                self._launches(bookmark.launcher, bookmark.launcher_options)
            except UnknownPlugin as error:
                raise InvalidValue(f"launcher: {error}", field="launcher") from error
            except InvalidValue as error:
                raise InvalidValue(f"launcherOptions: {error}", field="launcherOptions") from error
        if bookmark.icon and not bookmark.icon.startswith(("data:image/png;base64,", "data:image/webp;base64,")):
            raise InvalidValue("icon: a PNG or WebP picture as data:", field="icon")
        if len(bookmark.icon) > 65_536:
            raise InvalidValue("icon: 64 KiB at most", field="icon")

    async def _check_function(self, document: FunctionDocument) -> None:
        _named(document.name)
        if document.kind not in function.BY_NAME:
            raise InvalidValue(f"kind: one of {', '.join(function.BY_NAME)}", field="kind")
        if document.engine not in ENGINES:
            raise InvalidValue(f"engine: one of {', '.join(ENGINES)}", field="engine")
        fixed = self.functions.all().get(document.id)
        if document.engine != JAVASCRIPT and (
            fixed is None or fixed.value is not document
        ):  # they run unconfined: only who may write on this host decides about them
            raise InvalidValue(
                f"engine: {document.engine} functions are files on the server: functions/{document.kind}/NAME",
                field="engine",
            )
        unknown = set(document.on) - set(function.BY_NAME[document.kind].actions)
        if unknown:
            raise InvalidValue(f"on: {', '.join(sorted(unknown))} is no action of this kind", field="on")
        await self._compiles(document)

    async def _check_chain(self, chain: Chain) -> None:
        if chain.id not in DEFAULT_CHAINS:
            raise InvalidValue(f"id: one of {', '.join(DEFAULT_CHAINS)}", field="id")
        for step in chain.steps:
            if step.startswith(FUNCTION_STEP):
                found = self.functions.find(step[len(FUNCTION_STEP) :])
                if found is None or found.kind != f"{chain.id}-balance":
                    raise InvalidValue(f"steps: there is no {chain.id} balancing function {step!r}", field="steps")
            elif step not in self._policies():
                raise InvalidValue(f"steps: there is no policy {step!r}", field="steps")
        query.check(chain.prefilter)

    async def _check_profile(self, profile: Profile) -> None:
        _named(profile.name)
        check_everybodys(profile)
        if any(not group.strip() for group in profile.groups):
            raise InvalidValue("groups: a name is empty", field="groups")
        if profile.geometry != ROOTLESS:
            parse_geometry(profile.geometry)
        if profile.maximum_geometry:
            parse_geometry(profile.maximum_geometry)
        if profile.clipboard not in CLIPBOARD_MODES:
            raise InvalidValue(f"clipboard: one of {', '.join(CLIPBOARD_MODES)}", field="clipboard")
        for member in ("end_after_disconnected", "disconnect_when_idle", "warn_before", "extend_by"):
            if not 0 <= getattr(profile, member) < 10 * 365 * 86400:
                raise InvalidValue(f"{member}: seconds, 0 or more", field=member)
        for member, text in scripts(profile).items():
            check_text(member, text, MAX_SCRIPT)

    async def _check_static_data(self, static: StaticData) -> None:
        check_params(static.data)


def _named(name: str) -> None:
    if not name.strip() or len(name) > 128 or not name.isprintable():
        raise InvalidValue("name: one line, 128 characters at most", field="name")
