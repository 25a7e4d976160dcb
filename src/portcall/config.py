"""The settings table: one row gives file, environment, flag, documentation and admin page.

Precedence, strongest first: flag, environment ``PORTCALL_<NAME>``, the file ``portcall.toml`` in the configuration
directory, the setting as changed while running (in the store), the row's default. ``FX_CONFIG_DIR``, ``FX_VAR_DIR`` and
``FX_TEMP_DIR`` name the directories as sites know them.
"""

from __future__ import annotations

import json
import os
import socket
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from portcall.errors import SettingRefused

LOCAL, GLOBAL = "local", "global"


@dataclass(frozen=True)
class Setting:
    """``scope``: local settings are this server's, global ones the cluster's. ``live``: in force without restart."""

    name: str
    default: Any
    help: str
    scope: str = LOCAL
    live: bool = False
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    free: bool = False  # an object of objects, not of numbers

    @property
    def kind(self) -> type:
        return type(self.default)


SETTINGS: tuple[Setting, ...] = (
    Setting("title", "Portcall", "name of the place, shown on top of every page", GLOBAL, live=True),
    Setting("notice", "", "text shown to everybody who is logged in", GLOBAL, live=True),
    Setting("login_notice", "", "text shown on the login page", GLOBAL, live=True),
    Setting("server_id", "", "this server's stable name in the cluster; empty: its host name"),
    Setting("host", "127.0.0.1", "address to listen on"),
    Setting("port", 3300, "TCP port to listen on; 0: any free one", minimum=0, maximum=65535),
    Setting("tls", "off", "auto: own certificate made at first start; files: tls_cert and tls_key; off: no TLS",
            choices=("off", "auto", "files")),
    Setting("tls_cert", "", "certificate chain in PEM"),
    Setting("tls_key", "", "private key in PEM, readable by the service user only"),
    Setting("url_prefix", "", "path under which a reverse proxy offers this server, such as /portcall"),
    Setting("trusted_proxies", "", "addresses or networks, comma separated, whose X-Forwarded headers are believed"),
    Setting("public_url", "", "the address that people use, where it differs from host and port"),
    Setting("login_methods", "pam,ssh", "ways to log in, in the order offered: token pam ssh"),
    Setting("login_hours", 12.0, "how long a browser's login lasts", GLOBAL, True, "hours", minimum=0.01),
    Setting("token_days", 90.0, "how long an API token lasts at most", GLOBAL, True, "days", minimum=0.01),
    Setting("login_failures", 5, "failed logins by one address or for one name before they must wait", GLOBAL, True,
            minimum=1),
    Setting("pam_service", "portcall", "PAM service for logins; where it has no file, login is used. Never su."),
    Setting("pam_session", True, "open a PAM session for a link that root starts (limits, groups, umask)"),
    Setting("ssh_host", "127.0.0.1", "sshd used for SSH logins and for starting links"),
    Setting("ssh_port", 22, "its port", minimum=1, maximum=65535),
    Setting("ssh_known_hosts", "", "known_hosts file for it; empty: any key is accepted on loopback, none elsewhere"),
    Setting("links", "same_user,setuid,sudo,ssh", "ways to run as a user, in the order tried"),
    Setting("user_python", "/usr/bin/python3", "Python (3.9 or newer) that links and sessions run on"),
    Setting("logins_enabled", True, "Enable logins on this server", live=True),
    Setting("starts_enabled", True, "Start new sessions on this server", live=True),
    Setting("store", "sqlite", "where shared documents live", choices=("sqlite", "memory")),
    Setting("start_timeout", 60.0, "how long a display and its command may take to come up", GLOBAL, True, "seconds",
            minimum=1),
    Setting("starts_at_once", 0, "displays coming up at the same time; 0: three for two cores", live=True, minimum=0),
    Setting("warm_displays", 0, "displays kept warm for each user with a link", live=True, minimum=0),
    Setting("warm_geometry", "1280x800", "their size", live=True),
    Setting("seats_total", 0, "sessions at once; 0: no limit", GLOBAL, True, minimum=0),
    Setting("seats_user", 0, "sessions at once of one user; 0: no limit", GLOBAL, True, minimum=0),
    Setting("seats_groups", {}, "sessions at once of all members of a group, by group", GLOBAL, True),
    Setting("default_forms", [], "forms asked for commands that are no bookmark's, in their order", GLOBAL, True),
    Setting("launcher", "direct", "how sessions are started where nothing else says so", GLOBAL, True),
    Setting("launcher_options", {}, "by launcher: set (its options), maximum, people (options that forms may set)",
            GLOBAL, True, free=True),
    Setting("keep_ended", 86400.0, "how long an ended session's record and log end are kept", GLOBAL, True, "seconds",
            minimum=0),
    Setting("silent_after", 60.0, "a session not heard from for so long is lost", GLOBAL, True, "seconds", minimum=5),
    Setting("metrics_public", False, "/metrics without a login, for Prometheus on a private network", live=True),
    Setting("log_level", "info", "least severe level logged", live=True,
            choices=("debug", "info", "warning", "error")),
    Setting("log_format", "text", "text or json lines", choices=("text", "json")),
    Setting("debug_communication", False, "log messages with links, sessions and members", live=True),
    Setting("runtime_dir", "", "sockets and locks of the server; empty: /run/portcall, or one's own in /tmp"),
)  # fmt: skip

BY_NAME = {setting.name: setting for setting in SETTINGS}


@dataclass(frozen=True)
class Directories:
    """Where things are. ``runtime``: sockets, gone after a boot; ``local``: this host's own."""

    config: Path
    var: Path
    runtime: Path
    tmp: Path

    @property
    def local(self) -> Path:
        return self.var / "local"

    @property
    def socket(self) -> Path:
        return self.runtime / "server.sock"


def directories(environment: Mapping[str, str], one_person: bool, runtime: str = "") -> Directories:
    """A service uses the system's directories, one person their own."""
    tmp = Path(environment.get("FX_TEMP_DIR") or "/tmp")
    if one_person:
        home = Path(environment.get("HOME") or f"/tmp/portcall-{os.getuid()}")
        config = Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "portcall"
        # per host: a home on NFS is shared by servers that must not share a database
        var = Path(environment.get("XDG_STATE_HOME") or home / ".local/state") / "portcall" / socket.gethostname()
        default_runtime = f"/tmp/portcall-{os.getuid()}"
    else:
        config, var, default_runtime = Path("/etc/portcall"), Path("/var/lib/portcall"), "/run/portcall"
    return Directories(
        config=Path(environment.get("FX_CONFIG_DIR") or config),
        var=Path(environment.get("FX_VAR_DIR") or var),
        runtime=Path(runtime or environment.get("PORTCALL_RUNTIME_DIR") or default_runtime),
        tmp=tmp,
    )


@dataclass
class Config:
    """The settings in force. ``fixed`` names those that flag, environment or file decide: a page cannot change them."""

    directories: Directories
    one_person: bool = False
    values: dict[str, Any] = field(default_factory=dict)
    fixed: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.values[name] if name in self.values else BY_NAME[name].default

    @property
    def server_id(self) -> str:
        return str(self["server_id"]) or socket.gethostname()

    def methods(self, name: str) -> list[str]:
        """A comma list's members."""
        return [item.strip() for item in str(self[name]).split(",") if item.strip()]

    def change(self, name: str, value: Any) -> Any:
        """Set a live value; SettingRefused for one that is fixed or wrong. Returns the value as it is kept."""
        setting = BY_NAME.get(name)
        if setting is None:
            raise SettingRefused(f"there is no setting {name!r}", field=name)
        if name in self.fixed:
            raise SettingRefused(f"{name} is set by {self.fixed[name]} and cannot be changed here", field=name)
        self.values[name] = checked(setting, value)
        return self.values[name]


def checked(setting: Setting, value: Any) -> Any:
    """``value`` in the row's type, read from text where it is text; SettingRefused names what is allowed."""

    def refuse(what: str) -> SettingRefused:
        return SettingRefused(f"{setting.name}: {value!r}: {what}", field=setting.name)

    kind: Any = setting.kind
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError):  # a document of it could not be read by anybody
        raise SettingRefused(f"{setting.name}: a plain value is needed", field=setting.name) from None
    if kind is bool and isinstance(value, str):
        words = dict.fromkeys(("true", "yes", "on", "1"), True) | dict.fromkeys(("false", "no", "off", "0"), False)
        if value.lower() not in words:
            raise refuse("yes or no")
        value = words[value.lower()]
    elif kind in (int, float) and not isinstance(value, bool):
        try:
            number = kind(value)
            if number - number != 0 or (isinstance(value, float) and number != value):
                raise ValueError
            value = number
        except (TypeError, ValueError, OverflowError):
            raise refuse("a whole number" if kind is int else "a number") from None
    elif kind is dict and isinstance(value, str):
        value = _table(setting, value, refuse)
    elif kind is list and isinstance(value, str):
        value = [item.strip() for item in value.split(",") if item.strip()]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise refuse(f"a {kind.__name__} is needed")
    if kind is dict and not all(_member(setting, member) for member in value.values()):
        raise refuse("an object for each name is needed" if setting.free else "group=number, comma separated")
    if kind is list and not all(isinstance(item, str) for item in value):
        raise refuse("texts, comma separated")
    if setting.minimum is not None and not value >= setting.minimum:
        raise refuse(f"{setting.minimum:g} at least")
    if setting.maximum is not None and not value <= setting.maximum:
        raise refuse(f"{setting.maximum:.0f} at most")
    if setting.choices and value not in setting.choices:
        raise refuse(f"one of {', '.join(setting.choices)}")
    return value


def _table(setting: Setting, text: str, refuse: Callable[[str], SettingRefused]) -> Any:
    """A table as it is written in a flag or an environment: JSON where its members are objects."""
    try:
        if setting.free:
            return json.loads(text or "{}")
        pairs = (pair.partition("=") for pair in text.split(",") if pair)
        return {key.strip(): int(count) for key, _, count in pairs}
    except (ValueError, RecursionError):
        raise refuse("a JSON object is needed" if setting.free else "group=number, comma separated") from None


def _member(setting: Setting, value: Any) -> bool:
    return isinstance(value, dict) if setting.free else type(value) is int and value >= 0


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file's content, empty where there is no file; SettingRefused names file and line."""
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingRefused(f"{path}: {error}") from error
    except OSError as error:
        raise SettingRefused(f"{path}: {error.strerror}") from error


def load(
    flags: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None, one_person: bool = False
) -> Config:
    """The configuration of this server: file, then environment, then flags over it."""
    environment = os.environ if environment is None else environment
    flags = {name: value for name, value in (flags or {}).items() if value is not None}
    places = directories(environment, one_person, str(flags.get("runtime_dir", "")))
    config = Config(places, one_person)
    path = places.config / "portcall.toml"
    for name, value in read_toml(path).items():
        if name not in BY_NAME:
            raise SettingRefused(f"{path}: there is no setting {name!r}", field=name)
        _fix(config, name, value, str(path))
    for name in BY_NAME:
        variable = f"PORTCALL_{name.upper()}"
        if variable in environment:
            _fix(config, name, environment[variable], f"the environment ({variable})")
    for name, value in flags.items():
        _fix(config, name, value, f"--{name.replace('_', '-')}")
    return config


def _fix(config: Config, name: str, value: Any, by: str) -> None:
    try:
        config.values[name] = checked(BY_NAME[name], value)
    except SettingRefused as error:
        raise SettingRefused(f"{by}: {error.detail}", field=name) from error
    config.fixed[name] = by
