"""Time, always in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

FOREVER = datetime(2100, 1, 1, 5, tzinfo=UTC)
"""The expiry of what does not expire."""


def now() -> datetime:
    """The current moment, in UTC, at microsecond precision (what both databases keep)."""
    return datetime.now(UTC)


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def milliseconds_z(moment: datetime) -> str:
    """`2024-10-19T05:16:19.027Z`, as JavaScript writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def rfc3339_nano(moment: datetime) -> str:
    """`2023-06-21T18:09:50.09935Z`, as Go writes it: the fraction without its trailing zeros."""
    text = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".")
    return f"{text}Z"
