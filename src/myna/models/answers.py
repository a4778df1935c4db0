"""What the answer to a request for (the rest of) a file means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from myna.errors import BrokenResult, Forbidden, NotFound


class Interrupted(Exception):
    """It did not come whole, and may well do so next time."""

    def __init__(self, words: str, pause: float = 0.0) -> None:
        super().__init__(words)
        self.pause = pause
        """Seconds that the server asks to wait."""


class Spoiled(Exception):
    """What came, or is about to come, is not the file. Says what is wrong with it."""

    def __init__(self, words: str, keeps_part: bool = False) -> None:
        super().__init__(words)
        self.keeps_part = keeps_part
        """Nothing was added to what was there, which may well be right."""


@dataclass(frozen=True, slots=True)
class Extent:
    """Which bytes of a file an answer brings."""

    start: int
    """Where they begin in the file."""
    total: int | None
    """How many the whole file has, when that is said."""
    is_there: bool = False
    """There are no more bytes than were asked to be passed over."""


def extent(response: httpx.Response, had: int) -> Extent:
    """Of an answer to a request for what comes after `had` bytes. A server may always send all of it.

    Raises `Interrupted`, `Forbidden`, `NotFound` and `BrokenResult` for what brings no bytes.
    """
    _refuse(response, had)
    if response.status_code == 200:
        length = response.headers.get("content-length", "")
        return Extent(0, int(length) if length.isdigit() else None)
    ranged = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", response.headers.get("content-range", ""))
    total = int(ranged[2]) if ranged and ranged[2] != "*" else None
    if response.status_code == 416:
        return Extent(had, total, is_there=True)
    if not ranged or not ranged[1] or int(ranged[1]) > had:
        raise BrokenResult(f"`{response.url}` answers with another part of the file than asked for.")
    return Extent(int(ranged[1]), total)


def _refuse(response: httpx.Response, had: int) -> None:
    status, reason = response.status_code, response.headers.get("x-error-message", "")
    if status == 200 or (had and status in (206, 416)):
        return
    if status in (401, 403):
        raise Forbidden(f"`{response.url}` is not given to everybody ({status}). {reason}".rstrip())
    if status in (404, 410):
        raise NotFound(f"`{response.url}` is not there ({status}). {reason}".rstrip())
    if status in (408, 429) or status >= 500:
        raise Interrupted(
            f"{response.url.host} answers {status}", _asked_pause(response.headers.get("retry-after", ""))
        )
    raise BrokenResult(f"`{response.url}` answers {status}. {reason}".rstrip())


def _asked_pause(retry_after: str) -> float:
    """`Retry-After` is a number of seconds, or a date (RFC 9110, 10.2.3). 0 for what is neither."""
    if retry_after.isdigit():
        return float(retry_after)
    try:
        until = parsedate_to_datetime(retry_after)
    except ValueError:
        return 0.0
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())
