"""The query of the outputs listing: the same parameters, checks and words as Stablecog's."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, cast

from myna.http.stablecog import wire
from myna.http.stablecog.errors import StablecogError
from myna.http.stablecog.schemas import OutputsQuery
from myna.outputs.schemas import Order, OutputFilter

DEFAULT_PER_PAGE = 50
MOST_PER_PAGE = 300

_INTEGER = re.compile(r"[+-]?[0-9]+")
_MOMENT = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII)
_INT64 = range(-(2**63), 2**63)


def read_outputs_query(parameters: Iterable[tuple[str, str]]) -> OutputsQuery:
    """The first value of each parameter counts, unknown ones are ignored. Raises `StablecogError` (400)."""
    given: dict[str, str] = {}
    for name, value in parameters:
        given.setdefault(name, value)
    per_page = _per_page(given.get("per_page", ""))
    filters = {name: read(given[name]) for name, read in _FILTERS.items() if name in given}
    return OutputsQuery(
        per_page=per_page,
        order=cast(Order, filters.get("order", "desc")),
        where=OutputFilter(
            created_from=filters.get("start_dt"),
            created_to=filters.get("end_dt"),
            is_favorited=filters.get("is_favorited"),
            was_auto_submitted=filters.get("was_auto_submitted"),
            prompt_id=filters.get("prompt_id"),
        ),
        cursor=_cursor(given.get("cursor", "")),
    )


def _refusal(text: str) -> StablecogError:
    return StablecogError(400, text)


def _per_page(text: str) -> int:
    if not text:
        return DEFAULT_PER_PAGE
    if not _INTEGER.fullmatch(text) or len(text) > 20 or int(text) not in _INT64:
        raise _refusal("per_page must be an integer")
    if not 1 <= int(text) <= MOST_PER_PAGE:
        raise _refusal(f"per_page must be between 1 and {MOST_PER_PAGE}")
    return int(text)


def _cursor(text: str) -> datetime | None:
    if not text:
        return None
    if (moment := parse_moment(text)) is None:
        raise _refusal("cursor must be a valid iso time string")
    return moment


def parse_moment(text: str) -> datetime | None:
    """RFC 3339 with a zone, as Go reads it; beyond microseconds it is cut off. None when it is not one."""
    match = _MOMENT.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction, sign, zone_hours, zone_minutes = match.groups()[6:]
    offset = timedelta(hours=int(zone_hours or 0), minutes=int(zone_minutes or 0))
    try:
        zone = timezone(-offset if sign == "-" else offset)
        micro = int((fraction or "0")[:6].ljust(6, "0"))
        return datetime(year, month, day, hour, minute, second, micro, zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _one_of(name: str, first: str, second: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text.lower() not in (first, second):
            raise _refusal(f"invalid {name}: '{text}' expected '{first}' or '{second}'")
        return text.lower()

    return read


def _flag(name: str) -> Callable[[str], bool]:
    read_word = _one_of(name, "true", "false")
    return lambda text: read_word(text) == "true"


def _moment(name: str) -> Callable[[str], datetime]:
    def read(text: str) -> datetime:
        if (moment := parse_moment(text)) is None:
            raise _refusal(f"invalid {name}: {text}")
        return moment

    return read


def _prompt_id(text: str) -> str:
    try:
        return wire.parse_uuid(text)
    except wire.Undecodable:
        raise _refusal(f"invalid prompt_id: {text}") from None


_FILTERS: dict[str, Callable[[str], Any]] = {
    "order": _one_of("order", "asc", "desc"),
    "order_by": _one_of("order_by", "updated_at", "created_at"),
    "start_dt": _moment("start_dt"),
    "end_dt": _moment("end_dt"),
    "is_favorited": _flag("is_favorited"),
    "was_auto_submitted": _flag("was_auto_submitted"),
    "prompt_id": _prompt_id,
}
"""In the order in which they are checked. `order_by` changes nothing, as at Stablecog: creation times are unique."""
