"""Messages on a stream: four bytes of length (big endian), then that many bytes of a JSON object (UTF-8).

What comes out can be written as JSON anywhere: numbers are finite, and text has no half of a surrogate pair (it came
with a file name or a program's output, and is replaced).
"""

from __future__ import annotations

import json
import struct
from typing import Any, Dict, Iterator

from portcall.errors import ProtocolError

LIMIT = 4 * 1024 * 1024  # bytes of one message
_HEAD = struct.Struct(">I")


def _finite(text: str) -> float:
    number = float(text)
    if number - number != 0:
        raise ValueError(f"{text} is too large a number")
    return number


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


_DECODER = json.JSONDecoder(parse_float=_finite, parse_constant=_no_number)


def encode(message: Dict[str, Any]) -> bytes:
    body = json.dumps(message, separators=(",", ":")).encode()
    if len(body) > LIMIT:
        raise ProtocolError(f"a message of {len(body)} bytes is over the limit of {LIMIT}")
    return _HEAD.pack(len(body)) + body


class Framer:
    """Bytes in, messages out; the caller owns the socket. Raises ProtocolError, after which it is of no more use."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Dict[str, Any]]:
        self._buffer += data
        while len(self._buffer) >= 4:
            (size,) = _HEAD.unpack_from(self._buffer)
            if size > LIMIT:
                raise ProtocolError(f"a message of {size} bytes is over the limit of {LIMIT}")
            if len(self._buffer) < 4 + size:
                return
            body = bytes(self._buffer[4 : 4 + size])
            del self._buffer[: 4 + size]
            try:
                text = body.decode()
                message = _DECODER.decode(text)
                if "\\ud" in text or "\\uD" in text:
                    message = _whole(message)
            except (ValueError, UnicodeDecodeError, RecursionError) as error:
                raise ProtocolError(f"not JSON: {error}") from error
            if not isinstance(message, dict) or not isinstance(message.get("type"), str):
                raise ProtocolError("a message is an object with a type")
            yield message


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_whole(key): _whole(item) for key, item in value.items()}
    return [_whole(item) for item in value] if isinstance(value, list) else value
