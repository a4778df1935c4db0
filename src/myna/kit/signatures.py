"""Keyed signatures: tokens in links, and hashes of secrets."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime

from myna.errors import NotFound

_DIGEST_BYTES = 16


def keyed_hash(secret: bytes, purpose: str, value: bytes) -> bytes:
    """HMAC-SHA256 of `value`, with a key that is used for nothing but `purpose`."""
    key = hmac.digest(secret, purpose.encode(), hashlib.sha256)
    return hmac.digest(key, value, hashlib.sha256)


def sign(secret: bytes, purpose: str, payload: str, expires_at: datetime | None) -> str:
    """A token for a URL path that carries `payload` until `expires_at` (for ever when None)."""
    expiry = int(expires_at.timestamp()) if expires_at else 0
    body = expiry.to_bytes(6, "big") + payload.encode()
    digest = keyed_hash(secret, purpose, body)[:_DIGEST_BYTES]
    return base64.urlsafe_b64encode(digest + body).decode().rstrip("=")


def verify(secret: bytes, purpose: str, token: str, at: datetime | None = None) -> str:
    """The payload of a token. Raises `NotFound` when it was altered, made for another purpose or has expired."""
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError:
        raise NotFound("This link is not valid.") from None
    digest, body = raw[:_DIGEST_BYTES], raw[_DIGEST_BYTES:]
    if len(body) < 6 or not hmac.compare_digest(digest, keyed_hash(secret, purpose, body)[:_DIGEST_BYTES]):
        raise NotFound("This link is not valid.")
    expiry = int.from_bytes(body[:6], "big")
    if expiry and (at or datetime.now(UTC)).timestamp() > expiry:
        raise NotFound("This link has expired. Ask for a new one.")
    return body[6:].decode()
