"""The launchers of this server: found by name, and told what they may know of the place."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from portcall.config import Config
from portcall.errors import InvalidValue, UnknownPlugin
from portcall.jobs import administered, identity, scripts
from portcall.launchers.base import Launcher
from portcall.model import script
from portcall.model.launch import Host, Weblink
from portcall.model.option import read_all
from portcall.model.start import StartOrder
from portcall.model.user import Account

_PACKAGE = Path(__file__).parents[1]
_ORIGINALS = (  # of a clone, of an installed package
    _PACKAGE.parents[1] / "install/config/launcher-templates", _PACKAGE / "shipped/install/config/launcher-templates",
)  # fmt: skip
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Launchers:
    """``find(name)`` gives the class of a launcher; ``tree`` the root of the user side; ``weblink(order, account)`` how
    the order's session may call in over the network, or None; ``settings`` the variables of ``fastx.env``."""

    def __init__(
        self, config: Config, find: Callable[[str], Any], names: Callable[[], list[str]], tree: Callable[[], Path],
        weblink: Callable[[StartOrder, Account], Weblink | None], settings: Callable[[], Mapping[str, str]],
    ) -> None:  # fmt: skip
        self._config = config
        self._find = functools.cache(find)
        self._names = functools.cache(names)  # what is installed does not change, and looking takes milliseconds
        self._tree = tree
        self._weblink = weblink
        self._settings = settings

    def names(self) -> list[str]:
        """Ours, and the site's own in ``launchers`` of the configuration directory."""
        return sorted({*self._names(), *scripts.names(self.own)})

    def ignored(self) -> list[str]:
        """What lies where the site's own are and looks like one, but is none: with the reason."""
        try:
            found = sorted(self.own.iterdir())
        except OSError:
            return []
        usable, told = set(scripts.names(self.own)), []
        for path in found:
            if path.name in self._names():
                told.append(f"{path} is not used: {path.name} is a launcher of ours. Give it another name.")
            elif path.name not in usable and not path.name.startswith(".") and _looks_like_one(path):
                told.append(f"{path} is not used: a name is of a-z, 0-9 and _, and begins with a letter.")
        return told

    def get(self, name: str) -> Launcher:
        """Ours cannot be shadowed. UnknownPlugin lists what there is; InvalidValue says what is wrong with one."""
        if name in self._names():
            ours: Launcher = self._find(name)()
            ours.site = self._site(ours.needs)
            return ours
        own = scripts.find(self.own, name, self._environment())
        if own is None:
            raise UnknownPlugin(f"there is no launcher {name!r}; there are: {', '.join(self.names())}")
        return own

    def configured(self) -> list[str]:
        """Those of ours that somebody has set up here."""
        names = {str(self._config["launcher"]), *dict(self._config["launcher_options"])}
        return sorted(names & set(self._names()))

    def is_own(self, name: str) -> bool:
        """Whether it is a site's script."""
        return name not in self._names() and name in scripts.names(self.own)

    def _site(self, names: Iterable[str]) -> dict[str, str]:
        """Those of the variables that there are; a scheduler's programs may be on a PATH of their own."""
        if not names:
            return {}
        settings = self._settings()
        found = {name: settings.get(name) or os.environ.get(name, "") for name in names}
        return {name: value for name, value in {**found, "PATH": settings.get("PATH", "")}.items() if value}

    @property
    def own(self) -> Path:
        """Where the site's are."""
        return self._config.directories.config / "launchers"

    def _environment(self) -> dict[str, str]:
        """What a site's scripts find beside the environment of whom they run as."""
        directories, tree = self._config.directories, self._tree()
        return {
            "PYTHONPATH": f"{tree}/scripts", "FX_ROOT_DIR": str(tree), "FX_CONFIG_DIR": str(directories.config),
            script.RUNTIME_VARIABLE: str(directories.runtime),
        }  # fmt: skip

    def administered(self, name: str) -> dict[str, Any]:
        """Its member of the setting ``launcher_options``, as it was written."""
        return administered.member_of(self._config[administered.OPTIONS], name)

    def check(self, name: str, chosen: Mapping[str, Any]) -> None:
        """UnknownPlugin or InvalidValue for what a bookmark, say, could not ask for."""
        self.options(name, {}, chosen)

    def options(self, name: str, params: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, Any]:
        """What a submission is asked for: ``chosen`` (bookmark, schedule function) over people's answers in ``params``
        over the administrator's own. InvalidValue where one cannot be, or is more than is allowed."""
        launcher, own = self.get(name), self.administered(name)
        if not launcher.options:
            return self._possible(launcher, {**own.get("set", {}), **chosen})
        people = own.get("people", [option.name for option in launcher.options if option.form])
        asked = {
            option.name: params[option.name]
            for option in launcher.options
            if option.form and option.name in people and option.name in params
        }
        others = {**_given(asked), **_given(chosen)}
        highest = own.get("maximum", {})
        with _as_set(name):  # what others say is theirs to mend, the rest the administrator's
            written = {option: value for option, value in own.get("set", {}).items() if option not in others}
            values = read_all(launcher.options, written)
            for option in launcher.options:
                administered.check_maximum(option, values.get(option.name, 0), highest.get(option.name))
        values.update(read_all(launcher.options, others))
        for option in launcher.options:
            administered.check_maximum(option, values.get(option.name), highest.get(option.name))
        return self._possible(launcher, values)

    def _possible(self, launcher: Launcher, options: dict[str, Any]) -> dict[str, Any]:
        launcher.check(options)
        return options

    def host(self, order: StartOrder, account: Account) -> Host:
        """What the launcher of this order is told; read anew each time, so that a change of a file is in force."""
        directories, tree = self._config.directories, self._tree()
        try:
            host_id = _BOOT_ID.read_text().strip()
        except OSError:
            host_id = ""
        return Host(
            account, str(directories.socket), str(tree), str(directories.var), str(directories.config),
            str(directories.local), str(directories.tmp), str(directories.runtime), str(tree / "scripts/start"),
            str(tree / "scripts/start-weblink"), str(tree / "portcall-session.pyz"), str(self._config["user_python"]),
            host_id, dict(self._settings()), self.administered(order.launcher).get("set", {}), self._templates(),
            self._weblink(order, account), _group_ids(account), str(identity.folder(directories.runtime, account)),
        )  # fmt: skip

    def _templates(self) -> dict[str, str]:
        """By file name: the originals, and over them the site's own."""
        originals: dict[str, str] = {}
        for directory in _ORIGINALS:
            originals.update(_texts(directory))
        return {**originals, **_texts(self._config.directories.config / "launcher-templates")}


def _looks_like_one(path: Path) -> bool:
    if path.is_dir():
        return True
    return not path.name.endswith((".toml", "~")) and os.access(path, os.X_OK)


@contextlib.contextmanager
def _as_set(name: str) -> Iterator[None]:
    try:
        yield
    except InvalidValue as error:
        said = f"{error} (This is set in launcher_options.{name}: an administrator must mend it.)"
        raise InvalidValue(said, field=administered.OPTIONS) from error


def _texts(directory: Path) -> dict[str, str]:
    try:
        return {path.name: path.read_text() for path in directory.iterdir() if path.suffix == ".tpl"}
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidValue(f"{directory}: {error}", field="launcher") from error


def _group_ids(account: Account) -> list[int]:
    """The account's own first."""
    others = (group for group in os.getgrouplist(account.name, account.gid) if group != account.gid)
    return [account.gid, *others]


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in ("", None)}
