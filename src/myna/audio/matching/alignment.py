"""Which frames of two recordings of the same words belong together: dynamic time warping."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from myna.audio.matching.vocoder import Matrix

Indexes = NDArray[np.int64]

_LEAST_WIDTH = 150
_WIDTH = 0.15


def aligned(first: Matrix, second: Matrix) -> tuple[Indexes, Indexes, float]:
    """The cheapest path through both, as indexes of the frames that meet, and its mean cost.

    Rows are frames `[n, k]` and `[m, k]`. The path stays within a band of 15 % of the length around the diagonal, so
    long recordings cost little.
    """
    rows, columns = len(first), len(second)
    width = max(_LEAST_WIDTH, round(_WIDTH * max(rows, columns)))
    starts = np.clip(np.round(np.arange(rows) * columns / rows).astype(int) - width, 0, columns - 1)
    ends = np.clip(np.round(np.arange(rows) * columns / rows).astype(int) + width + 1, 1, columns)
    steps = np.zeros((rows, 2 * width + 1), np.int8)
    costs = np.full(columns, np.inf)
    for row in range(rows):
        here = slice(starts[row], ends[row])
        local = np.sqrt(((second[here] - first[row]) ** 2).sum(axis=1))
        costs = _next_row(costs, local, here, row == 0, steps[row])
    return (*_path(steps, starts, columns), float(costs[columns - 1] / (rows + columns)))


def _next_row(costs: Matrix, local: Matrix, here: slice, first: bool, steps: NDArray[np.int8]) -> Matrix:
    """Cheapest costs to reach each column of the next row; a diagonal step counts twice, as two straight ones."""
    sums = np.cumsum(local)
    if first:
        reached = sums + local[0] if here.start == 0 else np.full(len(local), np.inf)
        steps[1 : len(local)] = 2
    else:
        before = costs[here]
        diagonal = np.concatenate([[costs[here.start - 1] if here.start else np.inf], before[:-1]]) + 2 * local
        straight = before + local
        entered = np.minimum(diagonal, straight)
        # Entering at column j and going on to i costs entered[j] + sums[i] − sums[j]: a running minimum.
        offset = entered - sums
        best = np.minimum.accumulate(offset)
        reached = best + sums
        steps[: len(local)] = np.where(best < offset, 2, np.where(diagonal <= straight, 0, 1))
    following = np.full(len(costs), np.inf)
    following[here] = reached
    return following


def _path(steps: NDArray[np.int8], starts: NDArray[np.int64], columns: int) -> tuple[Indexes, Indexes]:
    """Back from the end: 0 came from the row and the column before, 1 from the row before, 2 from the column before."""
    row, column = len(steps) - 1, columns - 1
    pairs = [(row, column)]
    while row or column:
        step = steps[row, column - starts[row]] if row else 2
        row, column = row - (step != 2), column - (step != 1)
        pairs.append((row, column))
    found = np.array(pairs[::-1])
    return found[:, 0], found[:, 1]
