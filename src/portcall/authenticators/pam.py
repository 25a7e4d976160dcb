"""Logins by PAM: whatever the host's stack asks is relayed, from a password to a verification code."""

from __future__ import annotations

import asyncio
import ctypes
import json
import logging
import os
import re
import sys
from pathlib import Path
from typing import Any

from portcall import libpam
from portcall.authenticators.base import Ask, Authenticator, Prompt, Proof, Round, Settings
from portcall.clock import Clock
from portcall.errors import LoginFailed

log = logging.getLogger(__name__)
_FALLBACK = "login"
_MAX_LINE = 1 << 20


class Pam(Authenticator):
    """Each login has a process of its own, killed when the login is given up: a module that hangs hurts nobody else."""

    name = "pam"
    title = "Linux account"

    def __init__(self, settings: Settings, clock: Clock, directory: Path = Path("/etc/pam.d")) -> None:
        self._settings = settings
        self._directory = directory

    def unavailable(self) -> str:
        if os.geteuid() != 0 and not self._settings.one_person:
            return "PAM can check other people's passwords only where the server runs as root; use ssh"
        try:
            ctypes.CDLL("libpam.so.0")
        except OSError:
            return "libpam is not installed"
        return self._refused(self._service())

    async def authenticate(self, user: str, given: dict[str, Any], ask: Ask, address: str) -> Proof:
        if given.get("password") == "":  # a form that was sent without one
            raise LoginFailed()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-m", "portcall.authenticators._pam_process",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}, cwd="/", limit=_MAX_LINE,
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        conversation = _Conversation(process.stdin, process.stdout, given.get("password"), ask)
        try:
            end = await conversation.run({"service": self._service(), "user": user, "address": address})
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if end.get("code") == libpam.NEW_AUTHTOK_REQD and end.get("step") == "account":
            raise LoginFailed("your password has expired: change it on the host (by ssh or passwd), then log in again")
        if end.get("code") != libpam.SUCCESS:
            log.info("pam: user=%r step=%s code=%s %s", user, end.get("step"), end.get("code"), end.get("text"))
            raise LoginFailed()
        return Proof(str(end["user"]), self.name)

    def _service(self) -> str:
        wanted = str(self._settings["pam_service"])
        return wanted if (self._directory / wanted).is_file() else _FALLBACK

    def _refused(self, service: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9_-]+", str(self._settings["pam_service"])):
            return "pam_service: the name of a file in /etc/pam.d is needed"
        if not (self._directory / service).is_file():
            return f"there is no PAM service {service!r} (no file {self._directory / service})"
        if service == "su" or self._lets_root_in(service):
            return (
                f"the PAM service {service!r} lets root in without a password (pam_rootok): it can prove nothing here"
            )
        return ""

    def _lets_root_in(self, service: str, depth: int = 0) -> bool:
        """Whether pam_rootok has a say in it: asked by a server that is root, it accepts anything."""
        try:
            lines = (self._directory / service).read_text(errors="replace").splitlines()
        except OSError:
            return False
        for words in (line.split("#")[0].split() for line in lines):
            if len(words) >= 3 and words[0].lstrip("-") == "auth" and "pam_rootok" in " ".join(words):
                return True
            included = words[1:2] if words[:1] == ["@include"] else words[2:3] if words[1:2] in _INCLUDES else []
            if included and depth < 8 and self._lets_root_in(included[0], depth + 1):
                return True
        return False


_INCLUDES = (["include"], ["substack"])


class _Conversation:
    """Between the process and the person: a password that came with the request answers the first hidden prompt."""

    def __init__(self, to: asyncio.StreamWriter, source: asyncio.StreamReader, password: object, ask: Ask) -> None:
        self._to = to
        self._from = source
        self._password = password if isinstance(password, str) else None
        self._ask = ask
        self._told: list[str] = []

    async def run(self, order: dict[str, str]) -> dict[str, Any]:
        """The last line of the process; empty where it died."""
        self._send(order)
        while line := await self._from.readline():
            document: dict[str, Any] = json.loads(line)
            if "messages" not in document:
                return document
            self._send({"answers": await self._answers([(style, text) for style, text in document["messages"]])})
        return {"text": "the PAM process ended"}

    async def _answers(self, messages: list[libpam.Message]) -> list[str | None]:
        prompts = [message for message in messages if message[0] in (libpam.PROMPT_ECHO_OFF, libpam.PROMPT_ECHO_ON)]
        self._told += [text.strip() for style, text in messages if (style, text) not in prompts]
        if not prompts:
            given: list[str] = []
        elif self._password is not None and [style for style, _ in prompts] == [libpam.PROMPT_ECHO_OFF]:
            given, self._password = [self._password], None
        else:
            asked = tuple(Prompt(text.strip(), style == libpam.PROMPT_ECHO_ON) for style, text in prompts)
            told, self._told = "\n".join(filter(None, self._told)), []
            given = await self._ask(Round(asked, instructions=told))
        left = iter(given)
        return [next(left) if message in prompts else None for message in messages]

    def _send(self, document: dict[str, Any]) -> None:
        self._to.write(json.dumps(document).encode() + b"\n")


IMPLEMENTATION = Pam
