"""What the HTTP API offers, a method each; names and members are those of docs/design/http-api.md."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator, Mapping
from typing import Any, cast

from portcall.client import address as addresses
from portcall.client import stream
from portcall.client.address import Address
from portcall.client.credentials import Credentials
from portcall.client.http import Http
from portcall.errors import NotFound, ServerUnreachable
from portcall.model import codec
from portcall.model.session import Session
from portcall.model.start import StartRequest

Document = dict[str, Any]
_HEADER = re.compile(r"[!-~]{1,256}\Z")
_PLAIN = re.compile(r"[A-Za-z0-9._~-]{1,256}\Z")
START_SECONDS = 600.0  # a start may wait for a person's answers to be checked, and for a display


def open_client(
    url: str = "", ca: str = "", environment: Mapping[str, str] | None = None, anonymous: bool = False
) -> Client:
    """The client of the server that address, environment and this host's files name, with the token kept for it."""
    environment = os.environ if environment is None else environment
    kept = Credentials(environment)
    last = kept.last()
    address = addresses.find(url, environment, remembered=last.url if last else "")
    credential = None if address.socket else kept.of(address.url)
    token = "" if anonymous else environment.get("PORTCALL_TOKEN", "") or (credential.token if credential else "")
    pinned = credential.certificate if credential and not ca else ""
    return Client(address, token, ca or environment.get("PORTCALL_CA", ""), pinned)


class Client:
    """Talks to one server, as one login. Errors are those of ``portcall.errors``."""

    def __init__(self, address: Address, token: str = "", ca: str = "", pinned: str = "") -> None:
        self.http = Http(address, token, ca, pinned)

    @property
    def address(self) -> Address:
        return self.http.address

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        self.http.close()

    # server and login

    def server(self) -> Document:
        """Version, title, ways to log in."""
        return self._get("/")

    def login(self, **given: Any) -> Document:
        """The first stage of a login; a token comes with its success."""
        return self._post("/login", {"api": True, **{key: value for key, value in given.items() if value}})

    def answer_login(self, attempt: str, answers: list[str]) -> Document:
        return self._post(f"/login/{_part(attempt)}", {"answers": answers})

    def give_up_login(self, attempt: str) -> None:
        self.http.call("DELETE", f"/login/{_part(attempt)}")

    def whoami(self) -> Document:
        return self._get("/login")

    def logout(self) -> None:
        self.http.call("DELETE", "/login")

    def logins(self, everybody: bool = False) -> list[Document]:
        return self._list("/logins", "logins", {"all": everybody})

    def revoke(self, jti: str) -> None:
        self.http.call("DELETE", f"/logins/{_part(jti)}")

    def create_token(self, name: str, days: float | None = None) -> Document:
        return self._post("/tokens", {"name": name} if days is None else {"name": name, "days": days})

    def fresh_link(self) -> Document:
        """A link that lets one browser in; for the person whose server it is."""
        return self._post("/link", {})

    # starts

    def start(self, request: StartRequest, wait: bool = True, connect: bool = False) -> Document:
        """The answer's document: ``result``, or ``stage`` form, auth or (with ``text``) scheduled.

        Sent again, under the same key, if the connection broke: that is the same session.
        """
        body = {name: value for name, value in codec.to_document(request).items() if value not in ("", None)}
        if not request.launcher_options:
            del body["launcherOptions"]  # a server that is older would refuse the name
        key = str(body.setdefault("key", secrets.token_hex(16)))
        headers = {"Idempotency-Key": key} if _HEADER.match(key) else {}  # it is in the body, too
        query = {"wait": None if wait else 0, "connect": connect}
        try:
            return self._start(body, query, headers)
        except ServerUnreachable as error:
            if not error.extra.get("broken"):
                raise
            return self._start(body, query, headers)

    def _start(self, body: Document, query: Document, headers: dict[str, str]) -> Document:
        response = self.http.raw("POST", "/sessions", body, query, headers, timeout=START_SECONDS)
        if response.headers.get("content-type", "").startswith("text/plain"):
            return {"stage": "scheduled", "text": response.text}
        return cast(Document, self.http.json(response))

    def answer_start(self, attempt: str, answers: list[str]) -> Document:
        path = f"/starts/{_part(attempt)}"
        return cast(Document, self.http.call("POST", path, {"answers": answers}, timeout=START_SECONDS))

    def give_up_start(self, attempt: str) -> None:
        self.http.call("DELETE", f"/starts/{_part(attempt)}")

    def trace(self, start_id: str) -> Document:
        """Also of a start that was refused."""
        return self._get(f"/traces/{_part(start_id)}")

    def traces(self, everybody: bool = False) -> list[Document]:
        return self._list("/traces", "traces", {"all": everybody})

    # sessions

    def sessions(self, everybody: bool = False, state: str = "") -> list[Session]:
        return self.listing(everybody, state)[0]

    def listing(self, everybody: bool = False, state: str = "") -> tuple[list[Session], int]:
        """Sessions, and the number of the event after which a stream goes on from here."""
        document = self._get("/sessions", {"all": everybody, "state": state or None})
        return [codec.from_document(Session, one) for one in document["sessions"]], int(document.get("event", 0))

    def session(self, session_id: str) -> Session:
        return self._session("GET", session_id, "")

    def change(self, session_id: str, name: str | None = None, params: Document | None = None) -> Session:
        """A param that is None is deleted."""
        body = {key: value for key, value in (("name", name), ("params", params)) if value is not None}
        return self._session("PATCH", session_id, "", body)

    def suspend(self, session_id: str) -> Session:
        return self._session("POST", session_id, "/suspend", {})

    def terminate(self, session_id: str) -> Session:
        return self._session("POST", session_id, "/terminate", {})

    def extend(self, session_id: str, by: float = 0.0) -> Session:
        """``by`` seconds; 0: as far as the profile says."""
        return self._session("POST", session_id, "/extend", {"by": by} if by else {})

    def purge(self, session_id: str) -> None:
        self.http.call("POST", f"/sessions/{_part(session_id)}/purge", {})

    def connect(self, session_id: str) -> Document:
        """A ticket for one viewer, good for a short while."""
        return self._post(f"/sessions/{_part(session_id)}/connect", {})

    def log(self, session_id: str, size: int | None = None) -> Document:
        return self._get(f"/sessions/{_part(session_id)}/log", {"bytes": size})

    def screenshot(self, session_id: str, width: int | None = None, kind: str = "png") -> bytes:
        query = {"width": width, "format": kind}
        return self.http.raw("GET", f"/sessions/{_part(session_id)}/screenshot", query=query).content

    def processes(self, session_id: str) -> list[Document]:
        return self._list(f"/sessions/{_part(session_id)}/processes", "processes")

    def connections(self, session_id: str) -> list[Document]:
        return self._list(f"/sessions/{_part(session_id)}/connections", "connections")

    def session_trace(self, session_id: str) -> Document:
        return self._get(f"/sessions/{_part(session_id)}/trace")

    def profiles(self) -> list[Document]:
        return self._list("/profiles", "profiles")

    def keyboards(self) -> list[Document]:
        return self._list("/keyboards", "layouts")

    # what administrators write

    def documents(self, kind: str, everything: bool = False) -> list[Document]:
        """``kind``: forms bookmarks functions chains profiles static-data. ``everything``: also bookmarks and profiles
        that are not for oneself."""
        return self._list(f"/{kind}", kind, {"all": everything})

    def document(self, kind: str, document_id: str) -> Document:
        return self._get(f"/{kind}/{_part(document_id)}")

    def put_document(
        self, kind: str, document_id: str, body: Document, revision: int | None = None, force: bool = False
    ) -> Document:
        """``revision`` refuses what somebody else changed meanwhile; 0: it must be new. ``force``: also what switches
        a function off that is in use."""
        path = f"/{kind}/{_part(document_id)}"
        return cast(Document, self.http.call("PUT", path, body, {"revision": revision, "force": force}))

    def delete_document(self, kind: str, document_id: str, force: bool = False) -> None:
        """``force``: also one that is in use."""
        self.http.call("DELETE", f"/{kind}/{_part(document_id)}", query={"force": force})

    def document_versions(self, kind: str, document_id: str) -> list[Document]:
        """``{at, by, document}``, newest first; a document that is None was a deletion."""
        return self._list(f"/{kind}/{_part(document_id)}/versions", "versions")

    def permissions(self) -> Document:
        return self._get("/permissions")

    def set_permissions(self, body: Document, revision: int | None = None) -> Document:
        return cast(Document, self.http.call("PUT", "/permissions", body, {"revision": revision}))

    # the place

    def servers(self) -> list[Document]:
        return self._list("/servers", "servers")

    def settings(self) -> list[Document]:
        return self._list("/settings", "settings")

    def set_setting(self, name: str, value: Any) -> Document:
        return cast(Document, self.http.call("PUT", f"/settings/{_part(name)}", {"value": value}))

    def audit(self, limit: int = 100) -> list[Document]:
        return self._list("/audit", "entries", {"limit": limit})

    def events(self, since: int | None = None, everybody: bool = False) -> Iterator[stream.StreamEvent]:
        return stream.follow(self.http, "/events", {"all": everybody}, since)

    def server_log(self, lines: int = 100, follow: bool = True) -> Iterator[stream.StreamEvent]:
        """The last lines of the server's log, and then those to come."""
        if follow:
            return stream.follow(self.http, "/log", {"follow": 1, "lines": lines}, again={"lines": 0})
        return stream.parse(self.http.lines("/log", {"follow": 0, "lines": lines}, {}, stream.SILENCE))

    # how

    def _get(self, path: str, query: Mapping[str, Any] | None = None) -> Document:
        return cast(Document, self.http.call("GET", path, query=query))

    def _post(self, path: str, body: Any) -> Document:
        return cast(Document, self.http.call("POST", path, body))

    def _list(self, path: str, member: str, query: Mapping[str, Any] | None = None) -> list[Document]:
        return cast(list[Document], self._get(path, query)[member])

    def _session(self, method: str, session_id: str, act: str, body: Any = None) -> Session:
        document = self.http.call(method, f"/sessions/{_part(session_id)}{act}", body)
        return codec.from_document(Session, document)


def _part(text: str) -> str:
    """One segment of a path. Ids and names are plain; servers decode what is quoted before they split a path."""
    if not _PLAIN.match(text) or set(text) == {"."}:
        raise NotFound(f"There is nothing named {text!r}.")
    return text
