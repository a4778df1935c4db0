"""Whether two requests ask for the same: keys of requests, and hashes of bodies."""

from __future__ import annotations

import asyncio
import hashlib
import json

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.types import Message, Scope

from myna.errors import InvalidRequest
from myna.http.body import Body

LONGEST_KEY = 255
_PIECE = 1 << 20
_LARGEST_DOCUMENT = 4_000_000
"""Bytes of JSON that is compared by its meaning; what is larger holds a file, and is compared as it is."""


def idempotency_key(values: list[str]) -> str:
    """The key in the `Idempotency-Key` fields of a request, written as a string in quotes or bare.

    Raises `InvalidRequest` when it is empty, longer than 255 characters, not printable ASCII, or given twice.
    """
    if len(set(values)) != 1:
        raise _refusal("was sent more than once")
    key = values[0].strip()
    if len(key) >= 2 and key[0] == key[-1] == '"':
        key = key[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    if not 1 <= len(key) <= LONGEST_KEY:
        raise _refusal(f"must have 1 to {LONGEST_KEY} characters")
    if not (key.isascii() and key.isprintable()):
        raise _refusal("must be printable ASCII")
    return key


def _refusal(reason: str) -> InvalidRequest:
    return InvalidRequest(f"The Idempotency-Key {reason}.", field="Idempotency-Key")


def request_scope(account_id: str, api: str, method: str, path: str, key: str) -> str:
    """One account, one endpoint, one key, as a hash."""
    return hashlib.sha256("\0".join((account_id, api, method, path.rstrip("/"), key)).encode()).hexdigest()


async def body_fingerprint(scope: Scope, body: Body | None) -> str:
    """A hash of what was asked for, whatever the order of JSON keys or the boundary of a form."""
    digest = hashlib.sha256(scope.get("query_string", b"") + b"\0")
    if body is None or not body.size:
        return digest.hexdigest()
    content_type = _content_type(scope)
    if content_type.startswith("multipart/form-data") and await _add_form(digest, scope, body):
        return digest.hexdigest()
    if body.size > _LARGEST_DOCUMENT:
        await asyncio.to_thread(_add_raw, digest, body)
        return digest.hexdigest()
    raw = body.bytes()
    digest.update(_canonical_json(raw) or b"raw\0" + raw)
    return digest.hexdigest()


def _add_raw(digest: hashlib._Hash, body: Body) -> None:
    """A body with a film in it, as it is: it is not taken apart twice."""
    digest.update(b"raw\0")
    body.file.seek(0)
    while block := body.file.read(_PIECE):
        digest.update(block)


def _content_type(scope: Scope) -> str:
    return next((value.decode("latin-1").lower() for name, value in scope["headers"] if name == b"content-type"), "")


def _canonical_json(raw: bytes) -> bytes | None:
    try:
        value = json.loads(raw)
        return b"json\0" + json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    except (ValueError, RecursionError):
        return None


async def _add_form(digest: hashlib._Hash, scope: Scope, body: Body) -> bool:
    """Add all fields, in their order, and the hashes of all files. False when it is no form that can be read."""

    async def nothing_more() -> Message:
        return {"type": "http.disconnect"}

    try:
        async with Request(scope, body.replay(nothing_more)).form() as form:
            for name, value in form.multi_items():
                digest.update(f"field\0{name}\0".encode())
                digest.update(await _file_hash(value) if isinstance(value, UploadFile) else value.encode())
    except (HTTPException, MultiPartException):
        return False
    return True


async def _file_hash(file: UploadFile) -> bytes:
    digest = hashlib.sha256()
    while piece := await file.read(_PIECE):
        digest.update(piece)
    return f"file\0{file.filename}\0{file.content_type}\0{digest.hexdigest()}".encode()
