"""How many recordings of one account are looked at at once: each costs a process or a core for a while."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from myna.errors import RateLimited
from myna.settings import Settings


class Places:
    """Counted in this process. Work without an account has its own limits."""

    def __init__(self, settings: Settings) -> None:
        self._limit = settings.max_concurrent_clones
        self._limited = settings.rate_limits == "on"
        self._busy: Counter[str] = Counter()
        self._left = asyncio.Event()

    @contextmanager
    def taken(self, account_id: str) -> Iterator[None]:
        """Raises as `enter`."""
        self.enter(account_id)
        try:
            yield
        finally:
            self.leave(account_id)

    def enter(self, account_id: str) -> None:
        """Take one of the places of an account; `leave` frees it. Raises `RateLimited` when there is none."""
        if self._full(account_id):
            raise RateLimited(
                f"This account has {self._limit} recordings being examined, which is the limit.", retry_after=1
            )
        self._busy[account_id] += 1

    def leave(self, account_id: str) -> None:
        self._busy[account_id] -= 1
        if self._busy[account_id] <= 0:
            del self._busy[account_id]
        self._left.set()
        self._left = asyncio.Event()

    async def free(self, account_id: str) -> None:
        """Wait until there is a place. Whoever enters without waiting for anything else has it."""
        while self._full(account_id):
            await self._left.wait()

    def _full(self, account_id: str) -> bool:
        return bool(account_id) and self._limited and self._busy[account_id] >= self._limit
