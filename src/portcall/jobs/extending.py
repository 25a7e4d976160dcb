"""Which launchers can give a job more time when its user asks for it."""

from __future__ import annotations

from portcall.errors import PortcallError
from portcall.jobs.launchers import Launchers
from portcall.launchers.base import Launcher, Scheduler


def can(launcher: Launcher) -> bool:
    """Whether its scheduler knows how, whoever is let do it."""
    return isinstance(launcher, Scheduler) and type(launcher).extend is not Scheduler.extend


def offered(launchers: Launchers) -> list[str]:
    """Those whose scheduler lets users do it, or with ``extend`` in ``launcher_options``, so that the service does."""
    return [name for name in launchers.names() if not launchers.is_own(name) and _offers(launchers, name)]


def _offers(launchers: Launchers, name: str) -> bool:
    try:
        launcher = launchers.get(name)
        if not isinstance(launcher, Scheduler) or not can(launcher):
            return False
        return launcher.users_extend or bool(launchers.administered(name).get("extend"))
    except PortcallError:  # what is wrong with it is told where it is set
        return False
