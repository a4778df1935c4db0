"""Signed links: files to download, and places to upload to. The link is the permission; no key is asked for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator
from email.utils import format_datetime, parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from myna.errors import BodyTooLarge
from myna.http.ranges import ByteRange, Unsatisfiable, parse_range
from myna.storage.base import StoredObject

if TYPE_CHECKING:
    from myna.http.services import Services

_TYPES = {
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "opus": "audio/ogg",
    "ogg": "audio/ogg",
    "aac": "audio/aac",
    "m4a": "audio/mp4",
    "pcm": "audio/pcm",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "webm": "video/webm",
    "mkv": "video/x-matroska",
    "srt": "application/x-subrip",
    "vtt": "text/vtt; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
    "json": "application/json",
    "png": "image/png",
    "jpg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "glb": "model/gltf-binary",
}
"""By extension. Anything else is downloaded as bytes, so that a browser never runs it."""
_UNSAFE = re.compile(r"[^\w.\- ()\[\]]")
_FIXED_HEADERS = {
    "Accept-Ranges": "bytes",
    "Cache-Control": "private, max-age=0, must-revalidate",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}


def files_router(services: Services) -> APIRouter:
    router = APIRouter(tags=["files"])

    @router.api_route("/files/{token}/{name:path}", methods=["GET", "HEAD"], include_in_schema=False)
    async def download(request: Request, token: str, name: str) -> Response:
        stored = await services.storage.head(services.links.open_download(token))
        headers = {**_FIXED_HEADERS, **_headers(stored, name)}
        if _unchanged(request, stored, headers["ETag"]):
            return Response(status_code=304, headers=headers)
        try:
            part = _wanted_part(request, stored, headers["ETag"])
        except Unsatisfiable:
            return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{stored.size}"})
        return _file_response(request, stored, part, headers, services)

    @router.put("/uploads/{token}/{name:path}", include_in_schema=False)
    async def upload(request: Request, token: str, name: str) -> Response:
        key = services.links.open_upload(token)
        await services.storage.put(key, _limited(request, services.settings.max_upload_bytes))
        return Response(status_code=200)

    return router


def _headers(stored: StoredObject, name: str) -> dict[str, str]:
    extension = name.rpartition(".")[2].lower()
    known = _TYPES.get(extension)
    fingerprint = f"{stored.key}\0{stored.size}\0{stored.modified_at.timestamp()}"
    return {
        "Content-Type": known or "application/octet-stream",
        "Content-Disposition": content_disposition(name, inline=known is not None),
        "ETag": f'"{hashlib.sha256(fingerprint.encode()).hexdigest()[:32]}"',
        "Last-Modified": format_datetime(stored.modified_at.replace(microsecond=0), usegmt=True),
    }


def content_disposition(name: str, *, inline: bool = True) -> str:
    """A header with a file name that no browser or shell trips over (RFC 6266)."""
    last = re.split(r"[/\\]", name)[-1]
    safe = _UNSAFE.sub("_", last).strip(". ")[:150] or "file"
    ascii_name = safe.encode("ascii", "replace").decode().replace("?", "_")
    disposition = f'{"inline" if inline else "attachment"}; filename="{ascii_name}"'
    return disposition if ascii_name == safe else f"{disposition}; filename*=UTF-8''{quote(safe, safe='')}"


def _unchanged(request: Request, stored: StoredObject, etag: str) -> bool:
    if wanted := request.headers.get("if-none-match"):
        return wanted.strip() == "*" or etag in (tag.strip().removeprefix("W/") for tag in wanted.split(","))
    return _not_modified_since(request.headers.get("if-modified-since"), stored)


def _not_modified_since(header: str | None, stored: StoredObject) -> bool:
    if not header:
        return False
    try:
        return stored.modified_at.replace(microsecond=0) <= parsedate_to_datetime(header)
    except (ValueError, TypeError):
        return False


def _wanted_part(request: Request, stored: StoredObject, etag: str) -> ByteRange | None:
    """The part to send. A range of an older version of the file (`If-Range`) is answered with the whole."""
    version = request.headers.get("if-range")
    if version and version.strip() != etag:
        return None
    return parse_range(request.headers.get("range"), stored.size)


def _file_response(
    request: Request, stored: StoredObject, part: ByteRange | None, headers: dict[str, str], services: Services
) -> Response:
    whole = part or ByteRange(0, stored.size)
    headers["Content-Length"] = str(whole.end - whole.start)
    if part:
        headers["Content-Range"] = part.content_range(stored.size)
    status = 206 if part else 200
    if request.method == "HEAD" or stored.size == 0:
        return Response(status_code=status, headers=headers)
    return StreamingResponse(services.storage.stream(stored.key, whole.start, whole.end), status, headers)


async def _limited(request: Request, limit: int) -> AsyncIterator[bytes]:
    """The body as it comes. Raising in the middle leaves nothing in the storage."""
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > limit:
            raise BodyTooLarge(f"The file is larger than {limit} bytes.")
        if piece:
            yield piece
