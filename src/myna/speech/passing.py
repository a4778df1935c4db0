"""Sound that a listener gets before the sentence is whole, of engines that take their time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Any

import numpy as np

from myna.audio.check import AUDIBLE_PEAK
from myna.engines.base import Samples

_LOOK_SECONDS = 0.1
"""How often it is looked what has come."""
_ENOUGH_SECONDS = 0.5
"""Sound that is passed on at once …"""
_PATIENCE = 0.4
"""… and seconds after which less is, too."""
_SPARE_SECONDS = 1.0
"""A listener who has more sound than that can wait for a whole sentence, which can be spoken again when it fails."""


class Listener:
    """Somebody who plays sound as it comes."""

    def __init__(self) -> None:
        self._began = 0.0
        self._seconds = 0.0

    def gets(self, seconds: float) -> None:
        """So much sound."""
        if not self._seconds:
            self._began = time.monotonic()
        self._seconds += seconds

    def left(self) -> float:
        """Seconds of sound that were not played yet."""
        return max(0.0, self._seconds - (time.monotonic() - self._began)) if self._seconds else 0.0


class Coming:
    """A piece that is being spoken: what has come of it, and how much of that somebody has."""

    def __init__(self, silence: Samples, rate: int) -> None:
        """`silence` comes before it."""
        self._silence = silence
        self._rate = rate
        self._new: list[Samples] = []
        self._audible_since: float | None = None
        self._audible = 0
        """New samples since then."""
        self.given = 0
        """Samples that somebody has, with those of the silence."""
        self._known = 0
        """Samples to come that are the same as those."""

    def begin(self) -> None:
        """From the start, once more when it failed. What somebody has is not given again."""
        self._new, self._known = [], self.given
        self._audible_since, self._audible = None, 0
        self.add(self._silence)

    def add(self, samples: Samples) -> None:
        known = min(self._known, len(samples))
        self._known -= known
        samples = samples[known:]
        self._new.append(samples)
        if self._audible_since is None and np.abs(samples).max(initial=0.0) >= AUDIBLE_PEAK:
            self._audible_since = time.monotonic()
        if self._audible_since is not None:
            self._audible += len(samples)

    async def until(self, whole: asyncio.Task[Any], listener: Listener) -> AsyncGenerator[Samples, None]:
        """The sound that comes before the piece is whole, when the listener needs it."""
        while not whole.done():
            await asyncio.wait({whole}, timeout=_LOOK_SECONDS)
            if not whole.done() and listener.left() < _SPARE_SECONDS and self._is_enough():
                yield self._take()

    def _is_enough(self) -> bool:
        """Nothing is, before something can be heard."""
        if self._audible_since is None or not self._audible:
            return False
        waited = time.monotonic() - self._audible_since
        return waited >= _PATIENCE or self._audible >= _ENOUGH_SECONDS * self._rate

    def _take(self) -> Samples:
        sound = np.concatenate(self._new)
        self._new.clear()
        self._audible_since, self._audible = time.monotonic(), 0
        self.given += len(sound)
        return sound
