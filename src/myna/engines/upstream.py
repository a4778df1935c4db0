"""What engines that ask a server over HTTP have in common: addresses, when to ask again, what to say of an error."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
"""Statuses that may pass by themselves."""
LONGEST_PAUSE = 10.0
"""Seconds; whoever is asked to wait longer does not."""
_FIRST_PAUSE = 0.5
_SHOWN = 200
_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?", re.ASCII)
_LIKE_A_KEY = re.compile(r"\bsk-[\w*.-]{4,}")
"""Servers that refuse a key repeat parts of it."""


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
    """Seconds that the server asks to wait, or the time until when, within reason; None when it does not say."""
    asked = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(asked):
        return min(float(asked), LONGEST_PAUSE)
    try:
        until = parsedate_to_datetime(asked)
    except ValueError:
        return None
    seconds = (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return min(max(0.0, seconds), LONGEST_PAUSE)


def pause(attempt: int) -> float:
    """Seconds before another attempt, longer after each (the first is 0), never the same for all who wait."""
    return min(LONGEST_PAUSE, _FIRST_PAUSE * 2.0**attempt) * random.uniform(0.5, 1.5)


def said(text: str, secrets: Sequence[str] = ()) -> str:
    """The beginning of an error's text on one line, without the keys that it may repeat."""
    for secret in filter(None, secrets):
        text = text.replace(secret, "…")
    return " ".join(_LIKE_A_KEY.sub("…", text)[:_SHOWN].split())


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
