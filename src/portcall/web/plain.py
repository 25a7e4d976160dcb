"""Bodies hold what can be written down again: no number beyond all limits, no half of a surrogate pair.

JSON's text can spell both, Python reads both, and whoever kept one could be shown to nobody afterwards.
"""

from __future__ import annotations

import json
import re

from fastapi import Request

from portcall.errors import InvalidValue

_SUSPECT = re.compile(rb"\\u[dD][89a-fA-F]|NaN|Infinity|[0-9][eE]\+?[0-9]{3}|[0-9]{300}")
_WITH_BODY = ("POST", "PUT", "PATCH")


async def plain_values(request: Request) -> None:
    """A dependency of every route."""
    if request.method not in _WITH_BODY:
        return
    body = await request.body()
    if not _SUSPECT.search(body):
        return
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return  # no JSON: whoever reads it says so
    try:
        json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        raise InvalidValue("half of a surrogate pair is not text", field="body") from None
    except (ValueError, RecursionError):
        raise InvalidValue("a number is not finite, or it is nested too deep", field="body") from None
