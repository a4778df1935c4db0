"""When a delivery is tried again."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

DAY = 86_400.0

Schedule = tuple[float, ...]
"""Seconds to wait before each attempt, the first included."""

STANDARD: Schedule = (0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""The example of Standard Webhooks: 10 attempts in 75:35:05."""

_SLOW_DOWN = frozenset({429, 502, 503, 504})
_JITTER = 0.1


def doubling(total: float = DAY) -> Schedule:
    """1 s, 2 s, 4 s, 8 s … until `total` seconds have passed, the last attempt exactly then (as Magic Hour does)."""

    def waits() -> Iterator[float]:
        yield 0
        wait, passed = 1.0, 0.0
        while passed + wait <= total:
            yield wait
            wait, passed = wait * 2, passed + wait
        if passed < total:
            yield total - passed

    return tuple(waits())


SCHEDULES: dict[str, Schedule] = {"standard": STANDARD, "magichour": doubling(), "modelslab": (0, 5, 25)}


def wait_after(
    schedule: Schedule, attempts: int, retry_after: float | None, chance: Callable[[], float] = random.random
) -> float | None:
    """Seconds until the next attempt when this many have failed, or None when that was the last.

    Up to a tenth is added by chance, so that the receivers of a service that comes back are not hit all at once.
    """
    if attempts >= len(schedule):
        return None
    wait = schedule[attempts] * (1 + _JITTER * chance())
    return max(wait, min(retry_after or 0.0, DAY))


def retry_after(status: int, header: str | None, now: datetime) -> float | None:
    """Seconds that the receiver asks to be left alone, from `Retry-After` in either of its forms."""
    if status not in _SLOW_DOWN or not header:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
