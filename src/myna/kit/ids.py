"""Identifiers: what Myna makes itself, and the forms that vendors use."""

from __future__ import annotations

import hashlib
import os
import secrets
import time
import uuid

_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
_NAMESPACE = uuid.UUID("0b6f1e2c-8f0e-5d0a-9f64-2b7c1d3e5a91")


def new_uuid() -> str:
    """A random UUID (version 4) in canonical lower case."""
    return str(uuid.uuid4())


def sortable_uuid() -> str:
    """A UUID (version 7, RFC 9562): later ones sort after earlier ones, which keeps indexes dense."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = (
        (milliseconds & 0xFFFFFFFFFFFF) << 80 | 0x7 << 76 | (random >> 68) << 64 | 0b10 << 62 | (random & (1 << 62) - 1)
    )
    return str(uuid.UUID(int=value))


def cuid() -> str:
    """25 lower-case characters that start with `c`, the form of a Magic Hour id."""
    return "c" + "".join(secrets.choice(_BASE36) for _ in range(24))


def prefixed(prefix: str) -> str:
    """`prefix_` and 24 random characters."""
    return f"{prefix}_" + "".join(secrets.choice(_BASE36) for _ in range(24))


def prompt_id(text: str) -> str:
    """The same text always has the same id."""
    return derived_uuid("prompt", text)


def derived_uuid(*parts: str) -> str:
    """The same parts always give the same UUID (version 5)."""
    return str(uuid.uuid5(_NAMESPACE, "\0".join(parts)))


def derived_cuid(*parts: str) -> str:
    """The same parts always give the same 25 characters."""
    number = int.from_bytes(hashlib.sha256("\0".join(parts).encode()).digest(), "big")
    characters = []
    for _ in range(24):
        number, digit = divmod(number, 36)
        characters.append(_BASE36[digit])
    return "c" + "".join(characters)
