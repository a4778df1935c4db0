"""Lays one reading of a text along another: where a moment of the first is in the second.

Both become mel cepstra (S. Davis and P. Mermelstein, 1980), 100 a second, without the mean and the spread of the voice,
and dynamic time warping (H. Sakoe and S. Chiba, 1978) finds the cheapest way through both. It is looked for coarsely
first, then within a corridor around the coarse way (S. Salvador and P. Chan, "FastDTW", 2007), so an hour takes
seconds and little memory.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from myna.audio.resample import resample
from myna.engines.base import Samples

FRAMES_PER_SECOND = 100
_RATE = 16_000
_COEFFICIENTS = 13
"""The first is how loud a frame is."""
_SMALL = 400
"""Frames that are compared with all others; more are halved first."""
_CORRIDOR = 40
"""Frames on both sides of the coarser way."""
_FLOOR = 1e-4
"""Of the mean power: what is 40 dB quieter is silence, with whatever noise."""
_SAME_TIME, _FIRST_MOVES, _SECOND_MOVES = 0, 1, 2

Cepstra = NDArray[np.float32]
"""Shape `[frames, 13]`."""


def cepstra(samples: Samples, rate: int) -> Cepstra:
    """What speech sounds like, 100 times a second; not yet normalised, so that pieces can be put together."""
    from scipy.fft import dct

    from myna.audio.speaker import mel_spectrogram

    if not len(samples):
        return np.zeros((0, _COEFFICIENTS), np.float32)
    sound = resample(samples, rate, _RATE)
    frames = mel_spectrogram(sound)[: max(1, len(sound) * FRAMES_PER_SECOND // _RATE)]
    power = max(float(frames.mean()), 1e-12)
    transformed = dct(np.log(frames / power + _FLOOR), axis=1, norm="ortho")
    return np.asarray(transformed[:, :_COEFFICIENTS], np.float32)


def warp(first: Cepstra, second: Cepstra) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each frame of the first the earliest and the latest frame of the second that it lies on; both rise.

    They differ where the second is slower, as in a pause: what begins in a frame begins at the latest one, and what
    ends in it ends at the earliest.
    """
    if not len(first) or not len(second):
        nothing = np.zeros(len(first), np.int64)
        return nothing, nothing
    rows, columns = _way(_normalised(first), _normalised(second))
    frames = np.arange(len(first))
    return columns[np.searchsorted(rows, frames, "left")], columns[np.searchsorted(rows, frames, "right") - 1]


def _normalised(features: Cepstra) -> Cepstra:
    spread = np.maximum(features.std(axis=0), 1e-3)
    return np.asarray((features - features.mean(axis=0)) / spread, np.float32)


def _way(first: Cepstra, second: Cepstra) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The frames of both that lie on each other, from the beginning to the end."""
    if min(len(first), len(second)) <= _SMALL:
        low, high = np.zeros(len(first), np.int64), np.full(len(first), len(second) - 1)
    else:
        low, high = _corridor(*_way(_halved(first), _halved(second)), len(first), len(second))
    return _cheapest(first, second, low, high)


def _halved(features: Cepstra) -> Cepstra:
    even = features[: len(features) // 2 * 2]
    halved = even.reshape(-1, 2, features.shape[1]).mean(axis=1)
    return np.asarray(halved if len(even) == len(features) else np.concatenate([halved, features[-1:]]), np.float32)


def _corridor(
    rows: NDArray[np.int64], columns: NDArray[np.int64], height: int, width: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The columns that may be used in each row of the finer table, around the way through the coarser one."""
    coarse = np.arange(rows[-1] + 1)
    lowest = columns[np.searchsorted(rows, coarse, "left")]
    highest = columns[np.searchsorted(rows, coarse, "right") - 1]
    place = np.arange(height)
    before = np.maximum(place - _CORRIDOR, 0) // 2
    after = np.minimum(place + _CORRIDOR, height - 1) // 2
    low = np.maximum(2 * lowest[before] - _CORRIDOR, 0)
    high = np.minimum(2 * highest[np.minimum(after, len(coarse) - 1)] + 1 + _CORRIDOR, width - 1)
    low[0], high[-1] = 0, width - 1
    return low, high


def _cheapest(
    first: Cepstra, second: Cepstra, low: NDArray[np.int64], high: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The cheapest way from corner to corner within `low[row] <= column <= high[row]`, both rising."""
    steps: list[NDArray[np.int8]] = []
    reached, start = np.zeros(0), 0
    for row, features in enumerate(first):
        begin, end = int(low[row]), int(high[row]) + 1
        costs = np.linalg.norm(second[begin:end] - features, axis=1).astype(np.float64)
        diagonal, upright = _from_row_above(reached, start, begin, end)
        if row == 0:
            diagonal[0] = 0.0
        entered = np.minimum(diagonal, upright)
        summed = np.cumsum(costs)
        reached = summed + np.minimum.accumulate(entered - summed + costs)
        step = np.where(diagonal <= upright, _SAME_TIME, _FIRST_MOVES)
        steps.append(np.where(reached < entered + costs - 1e-9, _SECOND_MOVES, step).astype(np.int8))
        start = begin
    return _traced(steps, low, len(second))


def _from_row_above(
    reached: NDArray[np.float64], start: int, begin: int, end: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What it cost to come to the left above, and to above, of each column from `begin` to `end`."""
    wide = np.full(end - begin + 1, np.inf)  # from column begin - 1
    left, right = max(start, begin - 1), min(start + len(reached), end)
    if right > left:
        wide[left - begin + 1 : right - begin + 1] = reached[left - start : right - start]
    return wide[:-1].copy(), wide[1:].copy()


def _traced(
    steps: list[NDArray[np.int8]], low: NDArray[np.int64], width: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    row, column = len(steps) - 1, width - 1
    way = [(row, column)]
    while row > 0 or column > 0:
        step = steps[row][column - low[row]]
        row -= step != _SECOND_MOVES
        column -= step != _FIRST_MOVES
        way.append((row, column))
    found = np.array(way[::-1], np.int64)
    return found[:, 0], found[:, 1]
