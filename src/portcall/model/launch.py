"""What a launcher is told of the place that its command will run in, beside the order itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional

from portcall.model.user import Account


@dataclass(frozen=True)
class Weblink:
    """How a session reaches its server over the network. ``primary`` lets this one session in, once.

    ``fingerprint`` is the SHA-256 of the server's own certificate, in hexadecimal, where no authority vouches for it.
    """

    url: str
    primary: str
    login: str
    uri: str = "/weblink"
    log_level: str = "info"
    fingerprint: str = ""


@dataclass(frozen=True)
class Host:
    """The server's host, as far as a launcher may know it.

    ``settings`` are the variables of ``fastx.env`` under those of the server's environment. ``options`` are what the
    administrator set for this launcher. ``templates`` are the texts of ``launcher-templates``, by file name.
    ``host_id`` is the kernel's boot id: a session that finds the same one is on this host, and may use ``socket_file``.
    ``identity`` is a directory with the account's own ``passwd`` and ``group``, for a command that names it.
    """

    account: Account
    socket_file: str
    root_dir: str
    var_dir: str
    config_dir: str
    local_dir: str
    tmp_dir: str
    runtime_dir: str
    start_script: str
    weblink_script: str
    session_file: str  # portcall-session.pyz
    python: str = "/usr/bin/python3"
    host_id: str = ""
    settings: Dict[str, str] = field(default_factory=dict)
    options: Dict[str, Any] = field(default_factory=dict)
    templates: Dict[str, str] = field(default_factory=dict)
    weblink: Optional[Weblink] = None
    group_ids: List[int] = field(default_factory=list)  # of the account, its own first
    identity: str = ""


def weblink_environment(host: Host) -> Dict[str, str]:
    """The variables that ``start-weblink`` reads; empty where the server offers no weblink."""
    link = host.weblink
    if link is None:
        return {}
    variables = {
        "WEBLINK_URL": link.url, "WEBLINK_URI": link.uri, "WEBLINK_PRIMARY": link.primary,
        "WEBLINK_FINGERPRINT": link.fingerprint,
        # where the session finds itself on this very host, the socket is the shorter way
        "WEBLINK_HOST_ID": host.host_id, "WEBLINK_SOCKET": host.socket_file,
    }  # fmt: skip
    return {name: value for name, value in variables.items() if value}
