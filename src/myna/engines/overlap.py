"""A model that looks at segments of a fixed length, on a sound that comes in blocks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from myna.engines.separation import Stems, Stereo

Work = Callable[[Stereo], Stems]
"""What the model makes of one segment of exactly the right length."""


class OverlapAdd:
    """Cuts segments that overlap, and blends from one into the next, louder where a segment is farther from its ends.

    It gives what `demucs.apply.apply_model` gives for a whole sound, and keeps no more than one and a half segments.
    """

    def __init__(self, length: int, step: int, work: Work) -> None:
        """`length` of a segment and the `step` from one to the next, in samples."""
        self._length = length
        self._step = step
        self._work = work
        rising = np.arange(1, length // 2 + 1)
        falling = np.arange(length - length // 2, 0, -1)
        weights = np.concatenate([rising, falling]).astype(np.float32)
        self._weights = weights / weights.max()
        self._before = np.zeros((0, 2), np.float32)
        """What came before the pending sound, up to half a segment: the last, short segment is filled up with it."""
        self._pending = np.zeros((0, 2), np.float32)
        self._sum: Stems | None = None
        """Of what the segments so far say about the pending sound, weighted."""
        self._weight = np.zeros(length, np.float32)

    def process(self, block: Stereo, last: bool = False) -> Stems:
        """What is ready after this block, `[stems, n, 2]`; before the first segment is full, no stems at all.

        Call it once with `last`, and not again.
        """
        self._pending = np.concatenate([self._pending, block])
        ready = []
        while len(self._pending) >= self._length or (last and len(self._pending)):
            ready.append(self._next())
        return np.concatenate(ready, axis=1) if ready else np.zeros((0, 0, 2), np.float32)

    def _next(self) -> Stems:
        """Work on the segment at which the pending sound begins, and give what no other one will speak about."""
        count = min(self._length, len(self._pending))
        made = self._made(count)
        if self._sum is None:
            self._sum = np.zeros((len(made), self._length, 2), np.float32)
        self._sum[:, :count] += self._weights[:count, None] * made
        self._weight[:count] += self._weights[:count]
        done = min(self._step, len(self._pending))
        ready = self._sum[:, :done] / self._weight[:done, None]
        self._go_on(done)
        return ready

    def _made(self, count: int) -> Stems:
        """Of the next segment. What is missing at the end of the sound is filled up on both sides."""
        missing = self._length - count
        before = self._before[len(self._before) - min(len(self._before), missing // 2) :]
        window = np.zeros((self._length, 2), np.float32)
        start = missing // 2
        window[start - len(before) : start] = before
        window[start : start + count] = self._pending[:count]
        return self._work(window)[:, start : start + count]

    def _go_on(self, done: int) -> None:
        assert self._sum is not None
        self._before = np.concatenate([self._before, self._pending[:done]])[-(self._length // 2 + 1) :]
        self._pending = self._pending[done:]
        self._sum = np.pad(self._sum[:, done:], ((0, 0), (0, done), (0, 0)))
        self._weight = np.pad(self._weight[done:], (0, done))
