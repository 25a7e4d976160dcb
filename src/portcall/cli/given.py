"""Parameters given as a JSON object: in a file, through a descriptor, or as the argument itself."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from portcall.errors import InvalidValue

_LIMIT = 4 * 1024 * 1024


def read_json(text: str, option: str) -> dict[str, Any]:
    """The object; a value that begins with ``{`` is the object itself, a number a descriptor, else a file."""
    if text.lstrip().startswith("{"):
        content: str | bytes = text
    else:
        try:
            if text.isdecimal():
                with os.fdopen(os.dup(int(text)), "rb") as pipe:
                    content = pipe.read(_LIMIT)
            else:
                content = Path(text).read_bytes()
        except OSError as error:
            raise InvalidValue(f"{option} {text}: {error.strerror}") from error
    try:
        document = json.loads(content)
    except ValueError as error:
        raise InvalidValue(f"{option}: not JSON: {error}") from error
    if not isinstance(document, dict):
        raise InvalidValue(f"{option}: an object is needed")
    return document
