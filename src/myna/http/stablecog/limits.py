"""Stablecog's rate limiter: one counter for each address, a second long, estimated over a sliding window.

The limit of a route is doubled and each request counts twice, so 5 a second are announced as 10, 8, 6, 4, 2.
The counter is the same for all routes, whatever their limits; it lives in this process.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

CREATES = 5
READS = 10
_WEIGHT = 2


@dataclass(slots=True)
class _Count:
    window: int
    """Unix second."""
    current: int = 0
    previous: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    allowed: bool
    limit: int
    remaining: int
    """Before this request was counted."""
    reset: int
    """Unix second at which the window ends."""

    @property
    def headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset),
        }


class RateLimiter:
    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._counts: dict[str, _Count] = {}
        self._swept = 0

    def ask(self, address: str | None, per_second: int) -> Verdict:
        """Counts a request, unless it is refused. Without an address it is measured against nothing (admins)."""
        now = self._clock()
        window = int(now)
        limit = per_second * _WEIGHT
        if address is None:
            return Verdict(True, limit, limit, window + 1)
        count = self._count_of(address, window)
        estimate = round(count.previous * (1 - (now - window)) + count.current)
        allowed = estimate < limit
        if allowed:
            count.current += _WEIGHT
        return Verdict(allowed, limit, max(0, limit - estimate), window + 1)

    def _count_of(self, address: str, window: int) -> _Count:
        self._sweep(window)
        count = self._counts.setdefault(address, _Count(window))
        if count.window != window:
            count.previous = count.current if count.window == window - 1 else 0
            count.current = 0
            count.window = window
        return count

    def _sweep(self, window: int) -> None:
        """Once a second, forget the addresses that no longer matter."""
        if window != self._swept:
            self._swept = window
            self._counts = {
                address: count for address, count in self._counts.items() if window - 1 <= count.window <= window
            }
