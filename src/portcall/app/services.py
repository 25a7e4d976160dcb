"""The composition root: every part of a server, made and joined here and nowhere else."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from portcall import logs, plugins, userside
from portcall.app.answers import Answers
from portcall.bus import Bus
from portcall.clock import Clock
from portcall.cluster.balance import Balance
from portcall.cluster.members import Members
from portcall.cluster.metrics import Metrics as Measured
from portcall.cluster.placed import Placed
from portcall.cluster.settings import Settings
from portcall.config import Config
from portcall.errors import PortcallError, SettingRefused
from portcall.gateway.viewers import Viewers
from portcall.jobs import administered, service
from portcall.jobs.commands import Commands
from portcall.jobs.jobs import Jobs
from portcall.jobs.launchers import Launchers
from portcall.jobs.orders import Orders
from portcall.login.accounts import Accounts
from portcall.login.audit import Audit
from portcall.login.limits import FailureLimit
from portcall.login.links import Links
from portcall.login.permissions import Permissions
from portcall.login.rules import StoredRules
from portcall.login.service import LoginService
from portcall.login.tokens import Tokens
from portcall.model import event
from portcall.model.administered import ENGINES, JAVASCRIPT
from portcall.model.function import BY_NAME
from portcall.model.roster import Roster
from portcall.model.user import Login
from portcall.session import weblink
from portcall.session.actions import Actions
from portcall.session.connect import Connections
from portcall.session.control import ControlSocket
from portcall.session.hello import Greeter
from portcall.session.registry import Registry
from portcall.session.reports import Reports
from portcall.session.sweep import Sweep
from portcall.start.admit import Admit
from portcall.start.attempts import Attempts
from portcall.start.documents import Documents
from portcall.start.functions import Functions
from portcall.start.perform import Perform
from portcall.start.pipeline import Pipeline
from portcall.start.placement import Placement, follow
from portcall.start.profiles import Profiles
from portcall.start.recorded import Recorded
from portcall.start.steps import Steps
from portcall.start.trace import Traces
from portcall.stores.base import Store
from portcall.web.metrics import Metrics

log = structlog.get_logger("app")
DEFAULT_FORMS = "default_forms"


@dataclass
class Services(Answers):
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
            self.store, self.bus, clock, config.directories.config, config.server_id, self._compiles, self._policies,
            lambda launcher, options: self.launchers.check(launcher, options),
        )  # fmt: skip
        self.profiles = Profiles(self.documents.profiles)
        self.settings = Settings(config, self.store, self._right)
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
            lambda: [link.account.name for link in self.links.all()], self._said, lambda: self.url,
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

    def _right(self, name: str, value: Any) -> None:
        """SettingRefused for a setting that names what is not here."""
        administered.check(self.launchers, self.config["launcher_options"], name, value)
        if name == DEFAULT_FORMS and (lacking := self.documents.lacking(value)):
            raise SettingRefused(f"{name}: {lacking}", field=name)

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
        for ignored in self.launchers.ignored():
            log.warning("a launcher is not used", error=ignored)
        faults = administered.faults(self.launchers, self.config)
        if lacking := self.documents.lacking(self.config[DEFAULT_FORMS]):
            faults = {**faults, DEFAULT_FORMS: f"{lacking}: it is not asked"}
        for name, fault in faults.items():
            log.warning("a setting cannot be right", error=fault, by=self.config.fixed.get(name, "the settings page"))

    def apply_settings(self) -> None:
        logs.set_up(self.config["log_level"], self.config["log_format"])
        self.settings.publish(self.url, self.profiles.all())
        for link in self.links.all():
            self._keep_warm(link)

    url = ""
    weblink_url = weblink_fingerprint = ""  # where sessions may call in over the network
    weblink_uri = "/weblink"

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
