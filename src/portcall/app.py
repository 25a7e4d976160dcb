"""The composition root: every part of a server, made and joined here and nowhere else."""

from __future__ import annotations

import asyncio
import os
import pwd
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from portcall import logs, plugins, userside
from portcall.bus import Bus
from portcall.clock import Clock
from portcall.cluster.balance import Balance
from portcall.cluster.members import Members
from portcall.cluster.metrics import Metrics as Measured
from portcall.cluster.placed import Placed
from portcall.cluster.settings import Settings
from portcall.config import Config
from portcall.errors import Forbidden, InvalidValue, NoLink, NoServerFits, PortcallError, ServerUnreachable
from portcall.gateway.viewers import Viewers
from portcall.jobs import service
from portcall.jobs.commands import Commands
from portcall.jobs.jobs import Jobs
from portcall.jobs.launchers import Launchers
from portcall.jobs.orders import Orders
from portcall.jobs.settings import site_settings
from portcall.login.accounts import Accounts
from portcall.login.audit import Audit
from portcall.login.limits import FailureLimit
from portcall.login.links import Links
from portcall.login.permissions import ANY, OWN, Permissions
from portcall.login.rules import StoredRules
from portcall.login.service import LoginService
from portcall.login.tokens import Tokens
from portcall.model import codec, event
from portcall.model.administered import ENGINES, JAVASCRIPT, FunctionDocument
from portcall.model.form import Bookmark
from portcall.model.function import BY_NAME
from portcall.model.launch import Weblink
from portcall.model.roster import Roster
from portcall.model.session import Session
from portcall.model.start import StartOrder, StartRequest, parse_geometry
from portcall.model.user import Account, Login
from portcall.session import weblink
from portcall.session.actions import Actions
from portcall.session.connect import Connection, Connections
from portcall.session.control import ControlSocket
from portcall.session.hello import Greeter, LinkPeer
from portcall.session.registry import Registry
from portcall.session.reports import Reports
from portcall.session.sweep import Sweep
from portcall.start.admit import Admit
from portcall.start.attempts import Attempts
from portcall.start.documents import Documents
from portcall.start.functions import Functions
from portcall.start.people import Person
from portcall.start.perform import Perform
from portcall.start.pipeline import Pipeline
from portcall.start.placement import Placement, follow
from portcall.start.profiles import Profiles
from portcall.start.recorded import Recorded
from portcall.start.steps import Steps
from portcall.start.trace import Trace, Traces
from portcall.stores.base import Store
from portcall.web.metrics import Metrics
from portcall.wire import messages

log = structlog.get_logger("app")


@dataclass
class Services:
    """The parts of one server. ``open`` brings them up, ``close`` down; sessions do not notice either."""

    config: Config
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        config, clock = self.config, self.clock
        self.user_side = Path()
        self.bus = Bus(int(clock.now() * 1000))
        self.store: Store = plugins.find("stores", config["store"])(clock, str(config.directories.var / "portcall.db"))
        self.audit = Audit(config.directories.var / "audit.log", clock)
        self.permissions = Permissions(config)
        self.accounts = Accounts(clock)
        self.tokens = Tokens(self.store, clock, config.directories.local, config.server_id)
        authenticators = {
            name: plugins.find("authenticators", name)(config, clock)
            for name in {*config.methods("login_methods"), "token"}
        }
        self.logins = LoginService(
            config, clock, self.bus, self.tokens, self.permissions, self.accounts, authenticators
        )
        kinds = [plugins.find("links", name)(config) for name in config.methods("links")]
        self.links = Links(kinds, self._link_command, clock)
        self.logins.on_connection = self._link_at_login
        self.logins.before = self._place_login
        self.documents = Documents(
            self.store, self.bus, clock, config.directories.config, config.server_id, self._compiles, self._policies
        )
        self.profiles = Profiles(self.documents.profiles)
        self.settings = Settings(config, self.store)
        self.rules = StoredRules(self.permissions, self.store)
        self._sessions()
        self._starts()
        self.control = ControlSocket(config.directories.socket, self.greeter.hello)
        self.metrics = Metrics(self)
        self._groups: dict[str, list[str]] = {}
        self._logins: list[Login] = []
        self._tasks: list[asyncio.Task[Any]] = []

    def _sessions(self) -> None:
        config, clock = self.config, self.clock
        self.registry = Registry(self.store, self.bus, clock)
        self.connections = Connections(self.registry, clock)
        self.traces = Traces(self.store, self.bus, clock)
        self.attempts = Attempts()
        admit = Admit(config, self.registry, self.permissions, self.profiles, self.allow, self.groups_of)
        self.reports = Reports(
            self.registry, self.connections, clock, config.server_id, self.tokens.verify_order, admit, self._step
        )
        self.connections.attach(self.reports.peer)
        self.greeter = Greeter(config.server_id, self.reports, self._account_of, self._link_came, self.links.gone)
        self.weblinks = weblink.Weblinks(
            self.store, self.registry, clock, FailureLimit(clock, lambda: int(config["login_failures"])),
            self.tokens.verify_weblink, self.start_account, self.greeter.hello,
        )  # fmt: skip
        self.actions = Actions(
            self.registry, self.reports, self.connections, clock, self._destroy, self._give_up,
            lambda session: self.jobs.output(session),
        )  # fmt: skip
        self.sweep = Sweep(
            config, self.registry, self.connections, clock, self.profiles.of,
            lambda session_id: self.reports.peer(session_id) is not None, self._revive, self._end, self._may_stay,
            self.weblinks.bound, lambda session, by: self.jobs.extend(session, by),
        )  # fmt: skip
        self.viewers = Viewers(
            self.connections,
            self.registry,
            clock,
            lambda: float(config["start_timeout"]),
            self._viewer_came,
            self._stay,
            self._largest,
        )
        self.members = Members(
            config, self.registry.live, clock, lambda: self._logins,
            lambda: [link.account.name for link in self.links.all()], self._said,
        )  # fmt: skip

    def _starts(self) -> None:
        self.roster = Roster()
        self.recorded = Recorded(self.clock)
        self.engines = {name: plugins.find("functions", name)() for name in ENGINES}
        self.functions = Functions(self.documents, self.engines, self.roster, self.recorded)
        self.measured = Measured(self.clock, lambda: self.documents.enabled("metric"), self._measure)
        self.placed = Placed(self.roster, self.clock)
        self.bus.listen(follow(self.placed))
        self.placement = Placement(
            Balance(self.placed, self.roster), self.documents, self.functions, self.recorded, self.config.server_id,
            lambda name: plugins.find("policies", name), self._policies,
        )  # fmt: skip
        self.launchers = Launchers(
            self.config, lambda name: plugins.find("launchers", name), lambda: plugins.names("launchers"),
            lambda: self.user_side, self._weblink, self.site_settings,
        )  # fmt: skip
        self.steps = Steps(self.config, self.documents, self.functions, self.launchers)
        self.jobs = Jobs(
            self.launchers, self.registry, Orders(self.store),
            Commands(service.run, self.links.ensure, self.accounts.lookup, str(self.config.directories.runtime)),
            self.clock, self.accounts, lambda session_id: self.reports.peer(session_id) is not None,
        )  # fmt: skip
        self.perform = Perform(
            self.config, self.registry, self.clock, os.cpu_count() or 1, self.links.ensure,
            self.launchers, self.jobs, service.run, self.groups_of, self.reports.proceed,
        )  # fmt: skip
        self.pipeline = Pipeline(
            self.config, self.registry, self.traces, self.attempts, self.perform, self.profiles, self.steps, self.clock,
            self.allow, self._sign, self._choose, self.start_account, self.bookmark,
        )  # fmt: skip

    async def open(self) -> None:
        """Everything but HTTP; the control socket last, since what calls there wants answers."""
        await self.store.open()
        for part in (self.settings, self.documents, self.rules):
            await part.open()
        self.placed.record(self.members.here())
        await self.registry.open()
        await self.weblinks.open()
        self.user_side = self._user_side()
        self.control.open()
        await self.jobs.open()
        self.bus.listen(self._login_gone)
        self.bus.listen(self._session_gone)
        self.bus.listen(self._session_changed)
        if any(self.documents.enabled(kind) for kind in BY_NAME):
            self.engines[JAVASCRIPT].warm()  # the first start shall not wait for a worker
        self._tasks = [
            asyncio.create_task(work, name=name)
            for name, work in (
                ("logins", self.logins.run()),
                ("sweep", self.sweep.run()),
                ("record", self._record()),
                ("faults", self._tell_faults()),
            )
        ]

    async def close(self) -> None:
        self.viewers.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.jobs.close()
        self.control.close()
        self.weblinks.close()
        await self.measured.close()
        await asyncio.gather(*(engine.close() for engine in self.engines.values()))
        await self.links.close()
        await self.logins.close()
        await self.store.close()

    def _user_side(self) -> Path:
        """Installed: the tree that only root can write, which sudoers names. Else a copy that every user may read."""
        for parent in Path(sys.prefix).resolve().parents:
            if (parent / "libexec" / "portcall-link").is_file():
                return parent
        return userside.install(self.config.directories.runtime / "lib", str(self.config["user_python"]))

    def reload(self) -> None:
        """Read permissions and profiles again; what cannot be read stays as it was."""
        try:
            self.permissions.reload()
        except PortcallError as error:
            log.error("not reloaded", error=str(error))
        for wrong in self.documents.reload():
            log.error("not reloaded", error=str(wrong))
        self._tasks.append(asyncio.ensure_future(self._tell_faults()))
        self.apply_settings()
        log.info("reloaded")

    async def _tell_faults(self) -> None:
        for fault in await self.documents.faults():
            log.error("a file says what cannot be right", error=fault)

    def apply_settings(self) -> None:
        logs.set_up(self.config["log_level"], self.config["log_format"])
        self.settings.publish(self.url, self.profiles.all())
        for link in self.links.all():
            self._keep_warm(link)

    url = ""
    weblink_url = weblink_fingerprint = ""  # where sessions may call in over the network

    # what the parts ask of one another

    def allow(self, login: Login, request: StartRequest) -> None:
        """B2; a limited user starts from bookmarks alone."""
        self.permissions.check(login, "session/start")
        if request.launcher:
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
        groups = self._groups.get(login.sub, [])
        return not bookmark.groups or login.level == "admin" or any(group in groups for group in bookmark.groups)

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
        """The login chain decides before anybody is authenticated; administrators get in where it finds no server."""
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
        except NoServerFits:
            if level != "admin":
                raise

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
        primary = self.tokens.sign_weblink(order.id, account.name, self.clock.now() + weblink.VALID)
        url = self.site_settings().get("WEBLINK_URL", "").rstrip("/") or self.weblink_url
        return Weblink(
            url, primary, account.name, log_level=self.config["log_level"], fingerprint=self.weblink_fingerprint
        )

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

    async def _record(self) -> None:
        """This server's record, for pages that follow it."""
        while True:
            self._logins = await self.tokens.list()
            self.measured.begin()
            record = self.members.here()
            self.placed.record(record)
            self.bus.publish(event.Event(event.SERVER, self.config.server_id, None, record))
            await asyncio.sleep(10)


def run(config: Config) -> int:
    """Serve until told to stop; the exit code."""
    from portcall.web import serve

    logs.set_up(config["log_level"], config["log_format"])
    serve.make_directories(config)
    return serve.run(Services(config))
