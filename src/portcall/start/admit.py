"""What a session that was started by hand must pass (A0): level, profile, seats; else it is ended with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from portcall.config import Config
from portcall.errors import InvalidValue, StartsDisabled
from portcall.login.permissions import Permissions
from portcall.model import lifecycle
from portcall.model.session import Session
from portcall.model.start import ROOTLESS, StartRequest, check, parse_geometry
from portcall.model.user import Account, Login
from portcall.session import seats
from portcall.session.registry import Registry
from portcall.start.profiles import Profiles


class Admit:
    """The same rules as for a start through the pipeline, applied to a session that is there already.

    One whose record is still pending was taken, and has its seat: it is asked about since it came up with another
    command or geometry than its record has.
    """

    def __init__(
        self, config: Config, registry: Registry, permissions: Permissions, profiles: Profiles,
        allow: Callable[[Login, StartRequest], None], groups_of: Callable[[str], Iterable[str]],
    ) -> None:  # fmt: skip
        self._config = config
        self._registry = registry
        self._permissions = permissions
        self._profiles = profiles
        self._allow = allow
        self._groups_of = groups_of

    async def __call__(self, session: Session, account: Account) -> Session:
        """The session as it may be kept; the error's sentence is what its user reads."""
        level = self._permissions.level(account.name, account.groups)
        login = Login(account.name, self._config.server_id, 0.0, 0.0, "api", "", "peer", level)
        request = StartRequest(
            session.command, session.geometry, session.name, session.params, session.profile, session.keyboard_layout
        )
        self._allow(login, request)
        known = self._registry.find(session.id)
        taken = known is not None and known.state == lifecycle.PENDING
        if not taken and not self._config["starts_enabled"]:
            raise StartsDisabled(f"The server {self._config.server_id} does not take new sessions.")
        check(request)
        # a bookmark may have given it what nobody may choose, for its own command
        given = known is not None and (known.profile, known.command) == (session.profile, session.command)
        profile = self._profiles.use(session.profile, login.within(account.groups), given)
        if session.geometry not in ("", ROOTLESS) and profile.maximum_geometry:
            width, height = parse_geometry(session.geometry)
            most = parse_geometry(profile.maximum_geometry)
            if width > most[0] or height > most[1]:
                raise InvalidValue(f"The profile {profile.name} allows {profile.maximum_geometry} at most.")
        if taken:
            return session
        others = [other for other in self._registry.live() if other.id != session.id]
        limits = self._config["seats_groups"]
        members = {other.login: self._groups_of(other.login) for other in others} if limits else {}
        seats.check(
            account.name, account.groups, others, members,
            self._config["seats_total"], self._config["seats_user"], limits,
        )  # fmt: skip
        return replace(session, profile=profile.name)
