"""Which certificates are believed: the system's authorities, a file, or the one pinned at the login."""

from __future__ import annotations

import hashlib
import socket
import ssl
from urllib.parse import urlsplit

from portcall.errors import InvalidValue, ServerUnreachable


def context(ca: str = "", pinned: str = "") -> ssl.SSLContext:
    """``ca`` is a file of certificates in PEM, ``pinned`` one certificate in PEM that alone is believed."""
    if pinned:
        made = ssl.create_default_context(cadata=pinned)
        made.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        # it is the certificate itself that a person agreed to, whatever names are in it
        made.check_hostname = False
        return made
    try:
        return ssl.create_default_context(cafile=ca or None)
    except (OSError, ssl.SSLError) as error:
        raise InvalidValue(f"--ca {ca}: {error}", field="ca") from error


def fetch(url: str, timeout: float = 10.0) -> str:
    """The certificate (PEM) that the server shows, unchecked: only to show its fingerprint to a person."""
    parts = urlsplit(url)
    unchecked = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    unchecked.check_hostname = False
    unchecked.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((parts.hostname or "", parts.port or 443), timeout) as plain,
            unchecked.wrap_socket(plain, server_hostname=parts.hostname) as wrapped,
        ):
            der = wrapped.getpeercert(binary_form=True)
    except OSError as error:
        raise ServerUnreachable(f"{url}: {error}") from error
    return ssl.DER_cert_to_PEM_cert(der or b"")


def fingerprint(pem: str) -> str:
    """SHA-256 as ``openssl x509 -fingerprint -sha256`` writes it."""
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest().upper()
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))


def same_fingerprint(one: str, other: str) -> bool:
    def plain(text: str) -> str:
        return text.upper().removeprefix("SHA256:").replace(":", "").replace(" ", "")

    return plain(one) == plain(other)
