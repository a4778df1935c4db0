"""What engines that ask a server over HTTP have in common: addresses, when to ask again, what to say of an error."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
"""Statuses that may pass by themselves."""
LONGEST_PAUSE = 10.0
"""Seconds; whoever is asked to wait longer does not."""
_FIRST_PAUSE = 0.5
_SHOWN = 200


def endpoint(url: str, path: str) -> str:
    """The address of a call, whether `url` is the base of the API or already the call's own."""
    url = url.strip().rstrip("/")
    return url if url.endswith(path) else url + path


def authorization(key: str) -> dict[str, str]:
    """The header that carries a key; none without one."""
    return {"Authorization": f"Bearer {key}"} if key else {}


def server_of(url: str) -> str:
    """Host and port of an address, for people: without names and passwords of users."""
    try:
        parts = httpx.URL(url.strip())
    except httpx.InvalidURL:
        return "an address that is none"
    return parts.netloc.decode("ascii", "replace") or "an address without a host"


def asked_pause(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait, within reason; None when it does not say."""
    asked = headers.get("retry-after", "").strip()
    return min(float(asked), LONGEST_PAUSE) if asked.isascii() and asked.isdecimal() else None


def pause(attempt: int) -> float:
    """Seconds before another attempt, longer after each (the first is 0), never the same for all who wait."""
    return min(LONGEST_PAUSE, _FIRST_PAUSE * 2.0**attempt) * random.uniform(0.5, 1.5)


def said(text: str, secrets: Sequence[str] = ()) -> str:
    """The beginning of an error's text on one line, without the keys that it may repeat."""
    for secret in filter(None, secrets):
        text = text.replace(secret, "…")
    return " ".join(text[:_SHOWN].split())


def error_text(body: bytes, secrets: Sequence[str] = ()) -> str:
    """What a server says of an error: the message of a JSON body in the usual forms, else the body itself."""
    try:
        told: Any = httpx.Response(200, content=body).json()
    except ValueError:
        told = body.decode(errors="replace")
    for name in ("error", "detail", "message"):
        if isinstance(told, dict) and name in told:
            told = told[name]
    return said(told if isinstance(told, str) else str(told), secrets)
