"""What a start typed by hand asks for: options, ``--json``, and the pipe of ``--env``, put together."""

from __future__ import annotations

import argparse
import json
import os
from typing import Any

from portcall.errors import InvalidValue
from portcall.model import codec
from portcall.model.ids import new_session_id
from portcall.model.profile import DEFAULT, Profile, scripts
from portcall.model.start import ORDER_VARIABLE, ROOTLESS, StartOrder, StartRequest, check

_MOST_INPUT = 4 * 1024 * 1024
_TEXTS = ("command", "geometry", "name", "profile", "keyboardLayout", "id", "userdata", "userid", "config_path")
_SIGNED = ("signature", "login", "limits", "launcher", "startTimeout", "windowMode")  # as the pipeline made them


def parser() -> argparse.ArgumentParser:
    """The parameters have the names of the guide "Starting Sessions"."""
    made = argparse.ArgumentParser(
        prog="start", description="Start a session on this host and print it as JSON.", allow_abbrev=False,
        epilog="example: start --command 'xterm -ls' --geometry 1280x800 --name 'My terminal' --param project=wing",
    )  # fmt: skip
    made.add_argument("--command", help="run after the display is up; needed, here or in --json")
    made.add_argument("--geometry", help="WIDTHxHEIGHT of the desktop, or rootless")
    made.add_argument("--name", help="the session's name")
    made.add_argument(
        "--param", action="append", default=[], metavar="KEY=VALUE", help="a session parameter; repeatable"
    )
    made.add_argument("--cli", action="store_true", default=None, help="stay until it ends; pass output and exit code")
    made.add_argument("--id", help="the session's id (default: a random one)")
    made.add_argument("--config_path", metavar="DIR", help="the configuration directory of another server")
    made.add_argument("--profile", help="a profile of the server")
    made.add_argument("--keyboardLayout", help="such as us (the default), de, us-intl")
    made.add_argument("--userdata", help="sets the parameter userdata")
    made.add_argument("--userid", help="sets the parameter userid")
    made.add_argument("--env", metavar="FD", help="read secrets from this descriptor; the member args is parameters")
    made.add_argument("--json", metavar="FILE|FD|{…}", help="all parameters in one object; 0 is standard input")
    return made


class Asked:
    """Options are stronger than ``args`` of ``--env``, those than ``--json``, and that than the order of a scheduled
    command; params of all are joined."""

    def __init__(self, options: argparse.Namespace) -> None:
        given = {name: value for name, value in vars(options).items() if value is not None and name != "param"}
        secrets = _object(_read(given.pop("env")), "--env") if "env" in given else {}
        document = _object(_read(given.pop("json")), "--json") if "json" in given else {}
        args = secrets.get("args", {})
        if not isinstance(args, dict):
            raise InvalidValue("--env: the member args must be an object", field="env")
        ordered = _object(os.environ.get(ORDER_VARIABLE) or "{}", ORDER_VARIABLE)
        params: dict[str, Any] = {}
        for source in (ordered.get("params"), document.get("params"), args.get("params")):
            if source is not None and not isinstance(source, dict):
                raise InvalidValue("params must be an object", field="params")
            params.update(source or {})
        params.update(_pair(text) for text in options.param)
        self.members: dict[str, Any] = {**ordered, **document, **args, **given}
        for name in _TEXTS:
            if self.members.get(name) is not None and not isinstance(self.members[name], str):
                raise InvalidValue(f"{name}: a text is needed", field=name)
        self.members["name"] = self.members.get("name") or str(params.pop("name", "") or "")
        params.update({"name": self.members["name"]} if self.members["name"] else {})  # it is a param as well
        params.update(
            (name, self.members[name]) for name in ("userdata", "userid") if self.members.get(name) is not None
        )
        self.params = params

    @property
    def cli(self) -> bool:
        return self.members.get("cli") is True

    def text(self, name: str, default: str = "") -> str:
        return str(self.members.get(name) or default)

    def order(self, user: str, profile: Profile, start_timeout: float) -> StartOrder:
        """InvalidValue names the parameter at fault."""
        request = check(StartRequest(
            command=self.text("command"), geometry=self.text("geometry", profile.geometry), name=self.text("name"),
            params=self.params, profile=profile.name, keyboard_layout=self.text("keyboardLayout", "us"),
            id=self.text("id", new_session_id()),
        ))  # fmt: skip
        document: dict[str, Any] = {
            "id": request.id, "login": user, "user": user, "command": request.command, "geometry": request.geometry,
            "windowMode": ROOTLESS if request.geometry == ROOTLESS else "desktop", "name": request.name,
            "params": request.params, "profile": request.profile, "keyboardLayout": request.keyboard_layout,
            "limits": limits(profile), "startTimeout": start_timeout,
        }  # fmt: skip
        if self.text("signature"):
            document.update((name, self.members[name]) for name in _SIGNED if name in self.members)
        return codec.from_document(StartOrder, document)


def limits(profile: Profile) -> dict[str, Any]:
    """The figures of a profile that a session needs."""
    return {
        "display": profile.display, "open_gl": profile.open_gl, "clipboard": profile.clipboard,
        "window_manager": profile.window_manager,
        "geometry": profile.geometry if profile.geometry != ROOTLESS else DEFAULT.geometry, **scripts(profile),
    }  # fmt: skip


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise InvalidValue(f"--param {text}: write KEY=VALUE", field="params")
    return key, value


def _read(source: str) -> str:
    """The text itself, or of a descriptor, or of a file."""
    if source.lstrip().startswith("{"):
        return source
    try:
        with open(
            int(source) if source.isdigit() else source, "rb", closefd=not source.isdigit() or int(source) > 2
        ) as file:
            data = file.read(_MOST_INPUT + 1)
        if len(data) > _MOST_INPUT:
            raise InvalidValue(f"{source}: more than {_MOST_INPUT} bytes")
        return data.decode()
    except (OSError, ValueError) as error:
        raise InvalidValue(f"{source}: {getattr(error, 'strerror', None) or error}") from error


def _object(text: str, option: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidValue(f"{option}: not JSON: {error}") from error
    if not isinstance(document, dict):
        raise InvalidValue(f"{option}: an object is needed")
    return document
