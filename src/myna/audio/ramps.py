"""Turning something up and down along a sound, smoothly."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Span = tuple[float, float]
"""From when to when, in samples."""


def joined(spans: Iterable[Span], shortest_pause: float) -> list[Span]:
    """In order and apart, with pauses below `shortest_pause` filled."""
    together: list[Span] = []
    for start, end in sorted(spans):
        if together and start - together[-1][1] < shortest_pause:
            together[-1] = (together[-1][0], max(together[-1][1], end))
        else:
            together.append((start, end))
    return together


class Ramps:
    """1 within spans, 0 elsewhere, and between the two a half cosine, outside the spans."""

    def __init__(self, spans: Iterable[Span], ramp: float) -> None:
        """`ramp` in samples; spans that are nearer to each other than two ramps are one."""
        edges = [(start - ramp, start, end, end + ramp) for start, end in joined(spans, 2 * ramp)]
        self._places = np.array(edges, np.float64).reshape(-1)
        self._levels = np.tile([0.0, 1.0, 1.0, 0.0], len(edges))

    def between(self, start: int, end: int) -> NDArray[np.float32]:
        """The weight of each sample from `start` to before `end`."""
        if not len(self._places):
            return np.zeros(end - start, np.float32)
        linear = np.interp(np.arange(start, end), self._places, self._levels)
        return np.asarray(np.square(np.sin(np.pi / 2 * linear)), np.float32)
