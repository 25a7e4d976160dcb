"""One request, one answer: JSON in and out, problem documents as errors, an unreachable server as ServerUnreachable."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from portcall import __version__
from portcall.client import trust
from portcall.client.address import Address
from portcall.errors import (
    Conflict,
    Forbidden,
    NotFound,
    NotLoggedIn,
    PortcallError,
    ProtocolError,
    ServerUnreachable,
    from_problem,
)

CONNECT_SECONDS, READ_SECONDS = 10.0, 60.0
_BY_STATUS: dict[int, type[PortcallError]] = {401: NotLoggedIn, 403: Forbidden, 404: NotFound, 409: Conflict}


class Http:
    """A server's address, the way to it and the token; one instance keeps its connection."""

    def __init__(self, address: Address, token: str = "", ca: str = "", pinned: str = "") -> None:
        self.address = address
        self.pinned = pinned
        self._ca = ca
        self._token = token
        headers = {"X-Portcall": "1", "User-Agent": f"portcall/{__version__}", "Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._client = httpx.Client(
            base_url=f"{address.url}/api",
            headers=headers,
            timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
            # a proxy named in the environment is not meant for this host
            trust_env=not address.on_this_host,
            transport=httpx.HTTPTransport(uds=address.socket) if address.socket else None,
            verify=self.tls() or True,
        )

    @property
    def has_token(self) -> bool:
        return bool(self._token)

    def tls(self) -> ssl.SSLContext | None:
        """What certificates are believed; None where there is no TLS."""
        return trust.context(self._ca, self.pinned) if self.address.tls else None

    def close(self) -> None:
        self._client.close()

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = READ_SECONDS,
    ) -> Any:
        """The answer's JSON (None for 204); the error that the server named."""
        response = self.raw(method, path, body, query, headers, timeout)
        if response.status_code == 204 or not response.content:
            return None
        return self.json(response)

    def raw(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = READ_SECONDS,
    ) -> httpx.Response:
        """The answer itself, once it is known to be no error."""
        with self._translated():
            response = self._client.request(
                method, path, json=body, params=_query(query), headers=headers,
                timeout=httpx.Timeout(timeout, connect=CONNECT_SECONDS),
            )  # fmt: skip
        self._refuse(response)
        return response

    def lines(
        self, path: str, query: Mapping[str, Any] | None, headers: Mapping[str, str], silence: float
    ) -> Iterator[str]:
        """The lines of a stream; ServerUnreachable when it breaks or is silent for so many seconds."""
        timeout = httpx.Timeout(silence, connect=CONNECT_SECONDS)
        accept = {"Accept": "text/event-stream", **headers}
        with (
            self._translated(),
            self._client.stream("GET", path, params=_query(query), headers=accept, timeout=timeout) as response,
        ):
            if response.status_code >= 400:
                response.read()
                self._refuse(response)
            yield from response.iter_lines()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        where = str(self.address)
        try:
            yield
        except httpx.ConnectError as error:
            raise self._unreachable(error) from error
        except httpx.TimeoutException as error:
            raise ServerUnreachable(f"{where} did not answer in time.", timed_out=True) from error
        except httpx.TransportError as error:
            raise ServerUnreachable(f"{where}: the connection broke: {error}", broken=True) from error

    def _unreachable(self, error: httpx.ConnectError) -> ServerUnreachable:
        where = str(self.address)
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            if self.pinned:
                why = f"{where} shows another certificate than the one pinned at the login, or that one has expired."
            else:
                why = f"The certificate of {where} is not signed by an authority that this host knows."
            return ServerUnreachable(
                f"{why} Run: portcall login --url {where} (it shows the fingerprint and asks), or give --ca FILE.",
                certificate=True,
            )
        why = str(error).rpartition("] ")[2] or "no connection"
        ask = (
            "Is it running, and is the address right?"
            if self.address.given
            else "Name one: --url URL, or PORTCALL_URL."
        )
        return ServerUnreachable(f"No server answers at {where} ({why}). {ask}", refused=True)

    def _refuse(self, response: httpx.Response) -> None:
        if response.status_code < 400:
            if response.is_redirect:
                raise ProtocolError(f"{self.address} sends to {response.headers.get('location')}: use that address")
            return
        try:
            document = response.json()
        except ValueError:
            document = None
        if isinstance(document, dict) and "code" in document:
            raise from_problem(document)
        kind = _BY_STATUS.get(response.status_code, ProtocolError)
        raise kind(
            f"{self.address} answered {response.status_code} {response.reason_phrase}, not as a Portcall server."
        )

    def json(self, response: httpx.Response) -> Any:
        try:
            return json.loads(response.content)
        except ValueError as error:
            raise ProtocolError(f"{self.address} answered something that is not JSON: is it a Portcall?") from error


def _query(query: Mapping[str, Any] | None) -> dict[str, str]:
    """Members that are None or False are left out."""
    return {
        name: "1" if value is True else str(value)
        for name, value in (query or {}).items()
        if value is not None and value is not False
    }
