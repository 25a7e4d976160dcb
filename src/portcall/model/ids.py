"""Names of things, and which are well formed."""

from __future__ import annotations

import os
import re

SESSION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")
DOCUMENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
SERVER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}\Z")


def new_session_id() -> str:
    """96 random bits, in letters that need no quoting anywhere."""
    return os.urandom(12).hex()  # not secrets: it loads OpenSSL, 4 MiB in each of a user's processes


def is_session_id(text: object) -> bool:
    """Short enough for a unix socket's path and safe as a file name."""
    return isinstance(text, str) and bool(SESSION_ID.match(text))


def is_document_id(text: object) -> bool:
    """Fit for an address and for a file's name."""
    return isinstance(text, str) and bool(DOCUMENT_ID.match(text))
