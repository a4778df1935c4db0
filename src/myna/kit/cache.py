"""A small memory of what was made or read lately."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Cache(Generic[Key, Value]):
    """Keeps what was used last, within a number of entries, a weight in all, and an age. For one thread.

    What is kept is shared by all who ask for it, so nobody changes it. What is too old goes by itself in an event loop,
    elsewhere when something else comes.
    """

    def __init__(
        self,
        *,
        entries: int,
        weight: int,
        seconds: float = float("inf"),
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`weight` is in whatever unit `put` counts in, usually bytes."""
        self._most_entries = entries
        self._most_weight = weight
        self._seconds = seconds
        self._now = now
        self._kept: OrderedDict[Key, tuple[Value, int, float]] = OrderedDict()
        self._weight = 0
        self._sweeping: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[Key]:
        """The keys, those used last at the end. What is forgotten on the way is no harm."""
        return iter(list(self._kept))

    def get(self, key: Key) -> Value | None:
        """None when it is not kept, or too old."""
        found = self._kept.get(key)
        if found is None:
            return None
        value, _, kept_at = found
        if self._now() - kept_at >= self._seconds:
            self.forget(key)
            return None
        self._kept.move_to_end(key)
        return value

    def put(self, key: Key, value: Value, weight: int = 1) -> None:
        """What is heavier than everything together may be is not kept."""
        self.forget(key)
        self._forget_old()
        if weight > self._most_weight:
            return
        self._kept[key] = (value, weight, self._now())
        self._weight += weight
        while self._weight > self._most_weight or len(self._kept) > self._most_entries:
            self.forget(next(iter(self._kept)))
        self._sweep_later()

    def forget(self, key: Key) -> None:
        if found := self._kept.pop(key, None):
            self._weight -= found[1]

    def _forget_old(self) -> None:
        now = self._now()
        for key, (_, _, kept_at) in list(self._kept.items()):
            if now - kept_at >= self._seconds:
                self.forget(key)

    def _sweep_later(self) -> None:
        """Once for all that is kept: when the oldest is too old."""
        if self._sweeping or not self._kept or self._seconds == float("inf"):
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        oldest = min(kept_at for _, _, kept_at in self._kept.values())
        self._sweeping = loop.call_later(max(0.0, oldest + self._seconds - self._now()), self._sweep)

    def _sweep(self) -> None:
        self._sweeping = None
        self._forget_old()
        self._sweep_later()
