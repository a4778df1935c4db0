"""Shorten long pauses, with the rules of pydub 0.25's `split_on_silence` (MIT), which Stablecog's worker uses."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from myna.engines.base import Samples
from myna.errors import BadAudio

Range = tuple[int, int]
"""From (inclusive) and to (exclusive), in whole milliseconds."""

_MILLISECONDS_AT_ONCE = 10_000


def remove_silence(
    samples: Samples, rate: int, *, minimum: float = 0.5, threshold_dbfs: float = -45.0, keep: float = 0.25
) -> Samples:
    """Cut every pause of `minimum` seconds or more down to `keep` seconds on each side of it.

    A pause is where a window of `minimum` seconds, moved in steps of a millisecond, has a root mean square of at most
    `threshold_dbfs`. What is left is joined as it is; sound without such a pause comes back unchanged.
    Raises `BadAudio` when nothing but silence is there.
    """
    silent = _silent_ranges(samples, rate, round(minimum * 1000), 10 ** (threshold_dbfs / 20))
    if not silent:
        return samples
    length = round(len(samples) / rate * 1000)
    kept = _with_margins(_between(silent, length), round(keep * 1000))
    if not kept:
        raise BadAudio("There is only silence in this sound.")
    parts = [samples[_sample(max(0, start), rate) : _end_sample(end, length, samples, rate)] for start, end in kept]
    return np.concatenate(parts)


def _silent_ranges(samples: Samples, rate: int, window: int, threshold: float) -> list[Range]:
    """All stretches in which every window is silent; windows that overlap are one stretch."""
    starts = _silent_windows(samples, rate, window, threshold)
    if not len(starts):
        return []
    breaks = np.flatnonzero(np.diff(starts) > window)
    firsts = starts[np.concatenate([[0], breaks + 1])]
    lasts = starts[np.concatenate([breaks, [len(starts) - 1]])]
    return [(int(first), int(last) + window) for first, last in zip(firsts, lasts, strict=True)]


def _silent_windows(samples: Samples, rate: int, window: int, threshold: float) -> NDArray[np.int64]:
    """The milliseconds at which a silent window begins."""
    length = round(len(samples) / rate * 1000)
    if length < window:
        return np.zeros(0, np.int64)
    edges = np.minimum(np.arange(length + 1, dtype=np.int64) * rate // 1000, len(samples))
    energy = np.concatenate([[0.0], np.cumsum(_energies(samples, edges))])
    counts = edges[window:] - edges[:-window]
    mean_square = (energy[window:] - energy[:-window]) / np.maximum(1, counts)
    return np.flatnonzero(mean_square <= threshold**2)


def _energies(samples: Samples, edges: NDArray[np.int64]) -> NDArray[np.float64]:
    """The energy of each millisecond, in blocks to save memory."""
    blocks = [edges[at : at + _MILLISECONDS_AT_ONCE + 1] for at in range(0, len(edges) - 1, _MILLISECONDS_AT_ONCE)]
    energies = []
    for block in blocks:
        squares = np.concatenate([[0.0], np.square(samples[block[0] : block[-1]], dtype=np.float64).cumsum()])
        energies.append(np.diff(squares[block - block[0]]))
    return np.concatenate(energies)


def _between(silent: list[Range], length: int) -> list[Range]:
    """What is not silent. Two silent stretches next to each other leave an empty range, as in pydub."""
    if silent == [(0, length)]:
        return []
    starts = [0, *(end for _, end in silent)]
    ends = [*(start for start, _ in silent), length]
    ranges = list(zip(starts, ends, strict=True))
    if ranges[-1] == (length, length):
        ranges.pop()
    if ranges[0] == (0, 0):
        ranges.pop(0)
    return ranges


def _with_margins(ranges: list[Range], keep: int) -> list[Range]:
    """Widen the ranges by `keep` milliseconds; two that would overlap meet in the middle."""
    wide = [[start - keep, end + keep] for start, end in ranges]
    for before, after in pairwise(wide):
        if after[0] < before[1]:
            before[1] = after[0] = (before[1] + after[0]) // 2
    return [(start, end) for start, end in wide]


def _sample(millisecond: int, rate: int) -> int:
    return millisecond * rate // 1000


def _end_sample(end: int, length: int, samples: Samples, rate: int) -> int:
    return len(samples) if end >= length else _sample(end, rate)
