"""What the parts of a server ask of one another, answered by whichever part knows."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import structlog

from portcall import plugins
from portcall.clock import Clock
from portcall.cluster.members import Members
from portcall.cluster.metrics import Metrics as Measured
from portcall.cluster.placed import Placed
from portcall.config import Config
from portcall.errors import Forbidden, InvalidValue, NoLink, PortcallError, ServerUnreachable
from portcall.jobs.jobs import Jobs
from portcall.jobs.launchers import Launchers
from portcall.jobs.settings import site_settings
from portcall.login.accounts import Accounts
from portcall.login.audit import Audit
from portcall.login.links import Links
from portcall.login.permissions import ANY, OWN, Permissions
from portcall.login.service import LoginService
from portcall.login.tokens import Tokens
from portcall.model import codec, event
from portcall.model.administered import FunctionDocument
from portcall.model.form import Bookmark
from portcall.model.launch import Weblink
from portcall.model.profile import Groups
from portcall.model.session import Session
from portcall.model.start import ORDER_VALID, StartOrder, StartRequest, parse_geometry
from portcall.model.user import Account, Login
from portcall.session import weblink
from portcall.session.actions import Actions
from portcall.session.connect import Connection, Connections
from portcall.session.hello import LinkPeer
from portcall.session.registry import Registry
from portcall.session.reports import Reports
from portcall.session.sweep import Sweep
from portcall.start.attempts import Attempts
from portcall.start.documents import Documents
from portcall.start.functions import Functions
from portcall.start.people import Person
from portcall.start.perform import Perform
from portcall.start.placement import Placement
from portcall.start.profiles import Profiles
from portcall.start.trace import Trace, Traces
from portcall.wire import messages

log = structlog.get_logger("app")


class Answers:
    """What the parts ask of one another. ``Services`` makes the parts, which are named here for whoever reads."""

    accounts: Accounts
    actions: Actions
    attempts: Attempts
    audit: Audit
    clock: Clock
    config: Config
    connections: Connections
    documents: Documents
    functions: Functions
    jobs: Jobs
    launchers: Launchers
    links: Links
    logins: LoginService
    measured: Measured
    members: Members
    perform: Perform
    permissions: Permissions
    placed: Placed
    placement: Placement
    profiles: Profiles
    registry: Registry
    reports: Reports
    sweep: Sweep
    tokens: Tokens
    traces: Traces
    user_side: Path
    weblinks: weblink.Weblinks
    weblink_url: str
    weblink_uri: str
    weblink_fingerprint: str
    _groups: dict[str, list[str]]

    def allow(self, login: Login, request: StartRequest) -> None:
        """B2; a limited user starts from bookmarks alone."""
        self.permissions.check(login, "session/start")
        if request.launcher or request.launcher_options:
            self.permissions.check(login, "admin/launchers")
        if login.level == "limited" and not request.bookmark_id:
            raise Forbidden("You may start sessions from bookmarks only, and there is none for this command.")

    def bookmark(self, login: Login, bookmark_id: str) -> Bookmark | None:
        """The bookmark that the login may use; one for other groups is as if it did not exist."""
        if not bookmark_id:
            return None
        bookmark = self.documents.bookmark(bookmark_id)
        if not self.offered(login, bookmark):
            raise InvalidValue(f"there is no bookmark {bookmark_id!r}", field="bookmarkId")
        return bookmark

    def offered(self, login: Login, bookmark: Bookmark) -> bool:
        groups = self.within(login)
        return groups is None or not bookmark.groups or any(group in groups for group in bookmark.groups)

    def within(self, login: Login) -> Groups:
        """Its groups as they were last heard of."""
        return login.within(self._groups.get(login.sub, []))

    async def _compiles(self, document: FunctionDocument) -> None:
        await self.functions.check(document)

    def _policies(self) -> list[str]:
        return plugins.names("policies")

    def _said(self) -> dict[str, Any]:
        """What administrators say about this server beside what it is."""
        static = self.documents.static_data.find(self.config.server_id)
        return {"staticData": static.data if static is not None else {}, "metrics": self.measured.values()}

    async def _measure(self, document: FunctionDocument, previous: Any) -> Any:
        given = {"name": document.name, "local": {"serverId": self.config.server_id}, "previous": previous}
        return await self.functions.value(document, given)

    async def _place_login(self, user: str, server_id: str, method: str) -> None:
        """The login chain decides before anybody is authenticated.

        Administrators get in whatever it says: who could mend it must not be shut out by it.
        """
        try:
            groups = (await self.accounts.lookup(user)).groups
        except PortcallError:
            groups = []
        level = self.permissions.level(user, groups)
        claimant = {
            "login": user, "serverId": server_id,
            "sessions": [codec.to_document(session) for session in self.registry.of(user)],
        }  # fmt: skip
        standing = {"userGroups": groups, "isAdmin": level == "admin", "isManager": level in ("manager", "admin")}
        self.placed.record(self.members.here())
        try:
            await self.placement.login(claimant, standing, {"method": method, "serverId": server_id})
        except PortcallError as error:
            if level != "admin":
                raise
            log.warning("the login chain failed for an administrator", user=user, error=str(error))

    async def _choose(self, request: StartRequest, person: Person, session_id: str, trace: Trace) -> str:
        self.placed.record(self.members.here())  # of this server the latest, whatever it costs
        return await self.placement.choose(request, person, session_id, trace)

    @property
    def service_user(self) -> str:
        return pwd.getpwuid(os.geteuid()).pw_name

    def groups_of(self, login: str) -> Iterable[str]:
        return self._groups.get(login, [])

    def _weblink(self, order: StartOrder, account: Account) -> Weblink | None:
        """How a session may call in over the network."""
        if not self.weblink_url:
            return None
        primary = self.tokens.sign_weblink(order.id, account.name, self.clock.now() + ORDER_VALID)
        url = self.site_settings().get("WEBLINK_URL", "").rstrip("/") or self.weblink_url
        return Weblink(url, primary, account.name, self.weblink_uri, self.config["log_level"], self.weblink_fingerprint)

    def site_settings(self) -> dict[str, str]:
        return site_settings(self.config.directories.config, os.environ)

    def _sign(self, session_id: str, user: str, login: str, profile: str, expires: float) -> str:
        return self.tokens.sign_order(session_id, user, login, profile, expires)

    async def _account_of(self, uid: int) -> Account:
        account = await self.accounts.by_uid(uid)
        self._groups[account.name] = account.groups
        return account

    async def start_account(self, name: str) -> Account:
        account = await self.accounts.lookup(name)
        self._groups[account.name] = account.groups
        return account

    def _link_command(self, account: Account) -> tuple[str, ...]:
        entry = str(self.user_side / "libexec" / "portcall-link")
        socket_path = str(self.config.directories.socket)
        return (str(self.config["user_python"]), "-I", "-S", "-E", entry, "--socket", socket_path)

    def _link_came(self, link: LinkPeer) -> None:
        self.links.register(link)
        self._keep_warm(link)

    def _keep_warm(self, link: Any) -> None:
        limits = codec.to_document(self.profiles.get("default"))
        link.send(messages.KeepWarm(self.config["warm_displays"], self.config["warm_geometry"], limits))

    async def _link_at_login(self, account: Account, connection: Any) -> None:
        await self.links.ensure(account, connection=connection)

    async def _revive(self, user: str) -> set[str] | None:
        link = self.links.get(user) or await self.links.ensure(await self.accounts.lookup(user))
        result, _ = await link.request(messages.Adopt)
        return set(result.get("sessions", []))

    async def _destroy(self, session: Session) -> None:
        if not await self.jobs.cancel(session):
            return  # its scheduler does not answer, or is being asked for it yet: it ends once it is cancelled
        if self.weblinks.bound(session.id):
            return  # somewhere else, where only its own process reaches: it is told when it calls in
        try:
            link = self.links.get(session.user) or await self.links.ensure(await self.accounts.lookup(session.user))
            await link.request(lambda seq: messages.Destroy(seq, session.id))
        except (NoLink, PortcallError) as error:
            log.warning("what is left of a session was not reached", session=session.id, error=str(error))
            return
        if self.registry.find(session.id) is not None:
            reason = self.registry.get(session.id).reason or "It was ended."
            await self.registry.signal(session.id, "over", ended=self.clock.now(), reason=reason, clients=0)
        self.connections.end(session.id, "The session has ended.")

    async def _end(self, session_id: str, reason: str) -> None:
        self.audit.write("-", "session/terminate", "ok", session_id, detail=reason)
        await self.actions.terminate(session_id, reason)

    def _give_up(self, session_id: str) -> None:
        attempt = self.attempts.of_session(self.registry.get(session_id).login, session_id)
        if attempt is not None and attempt.task is not None and self.reports.peer(session_id) is None:
            attempt.task.cancel()

    def _step(self, session_id: str, step: str, took: float) -> None:
        trace = self.traces.find(session_id)
        if trace is not None and trace.outcome == "open":
            trace.step(step, took=took)
        if step == "display-alive":
            self.perform.alive(session_id)

    async def _viewer_came(self, connection: Connection) -> None:
        """C5: what the server saw of the client, where all can see it."""
        session = self.registry.find(connection.session_id)
        if session is not None and connection.address:
            seen = {"clientIP": connection.address, "clientTransport": "Web"}
            if any(session.params.get(name) != value for name, value in seen.items()):
                merged = {**session.params, **seen}
                try:
                    await self.actions.set_params(session.id, None, dict(seen), merged)
                except PortcallError as error:
                    log.info("params not changed", session=session.id, error=str(error))

    def _largest(self, session_id: str) -> tuple[int, int] | None:
        session = self.registry.find(session_id)
        largest = self.profiles.of(session.profile).maximum_geometry if session is not None else ""
        return parse_geometry(largest) if largest else None

    async def _may_stay(self, connection: Connection) -> bool:
        """Whether a viewer that was let in once would be let in now."""
        session = self.registry.find(connection.session_id)
        if session is None:
            return True  # whoever ends it tells its viewers why
        try:
            level = await self.logins.level(connection.login)
        except ServerUnreachable:
            return True  # the name service is silent: nothing is known to have changed
        except PortcallError:
            return False
        scope = self.permissions.scope_of(level, "session/connect")
        return scope == ANY or (scope == OWN and session.login == connection.login)

    async def _stay(self, session_id: str) -> None:
        await self.sweep.stay(session_id)

    def _login_gone(self, happened: event.Event) -> None:
        if happened.kind == event.LOGIN_GONE:
            self.connections.login_gone(happened.id)

    def _session_gone(self, happened: event.Event) -> None:
        if happened.kind == event.SESSION_GONE:
            self.weblinks.forget(happened.id)
            self.jobs.gone(happened.id)

    def _session_changed(self, happened: event.Event) -> None:
        if happened.kind == event.SESSION:
            self.jobs.happened(happened.document)
            self.reports.viewers(happened.id, happened.document["clients"])
