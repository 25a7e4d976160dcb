"""The built web UI: files by name, and the one page for every other path."""

from __future__ import annotations

import gzip
import html
import mimetypes
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter, Request, Response

from portcall.errors import NotFound
from portcall.web.who import services

STATIC = Path(__file__).parent / "static"
router = APIRouter(include_in_schema=False)
_TEXT = ("text/", "application/javascript", "application/json", "image/svg+xml", "application/manifest+json")
_NOT_BUILT = b"""<!doctype html><meta charset="utf-8"><title>Portcall</title>
<p>The web UI is not built. Run <code>make run</code>, or <code>scripts/setup run</code>, and reload.</p>"""


@dataclass(frozen=True)
class File:
    data: bytes
    zipped: bytes | None
    media_type: str


@lru_cache(maxsize=512)
def _load(path: Path, modified: int) -> File:
    data = path.read_bytes()
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    zipped = gzip.compress(data, 6, mtime=0) if media_type.startswith(_TEXT) and len(data) > 512 else None
    return File(data, zipped, media_type)


@router.api_route("/{path:path}", methods=["GET", "HEAD"])
async def page(request: Request, path: str) -> Response:
    """A file of the UI, or its page, which finds its way by the path."""
    if path == "api" or path.startswith("api/"):
        raise NotFound()
    prefix = str(services(request).config["url_prefix"]).rstrip("/")
    file = _inside(path)
    if file is None:
        return _index(prefix)
    loaded = _load(file, file.stat().st_mtime_ns)
    immutable = path.startswith("assets/")
    headers = {"cache-control": "public, max-age=31536000, immutable" if immutable else "no-cache"}
    if loaded.zipped is not None:
        headers["vary"] = "accept-encoding"
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["content-encoding"] = "gzip"
            return Response(loaded.zipped, media_type=loaded.media_type, headers=headers)
    return Response(loaded.data, media_type=loaded.media_type, headers=headers)


def _inside(path: str) -> Path | None:
    """The file of that name, never one outside the UI's own directory."""
    if not path or path == "index.html" or "\0" in path:
        return None
    try:
        file = (STATIC / path).resolve()
        return file if file.is_relative_to(STATIC.resolve()) and file.is_file() else None
    except OSError:  # a name too long for any file
        return None


def _index(prefix: str) -> Response:
    """Its ``<base>`` names the prefix, so that every other address in it can be relative."""
    index = STATIC / "index.html"
    headers = {"cache-control": "no-cache"}
    if not index.is_file():
        return Response(_NOT_BUILT, 503, headers, "text/html; charset=utf-8")
    base = f'<base href="{html.escape(prefix)}/">'.encode()
    return Response(
        index.read_bytes().replace(b"<head>", b"<head>" + base, 1), 200, headers, "text/html; charset=utf-8"
    )
